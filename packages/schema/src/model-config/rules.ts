import type { BuildStep, ModelConfig, ParseOptions } from '../model-config.ts'
import type { Target } from '../words.ts'
import { type ForeignFile, recogniseForeign } from './foreign.ts'
import { judgeIgnorePattern } from './ignore-rules.ts'
import { configLimits } from './limits.ts'
import { nearMiss } from './near-miss.ts'
import { makeProblem, type Place, type Problem, type ProblemParts } from './problem.ts'
import type { ConfigNode, MapEntry, MapNode, ScalarNode } from './read-yaml.ts'
import { judgeCommand, judgeEntrypointCommand } from './step-rules.ts'
import { availableCuda, availablePythons, canonicalCuda, comparePythons, patchLevelPython } from './versions.ts'

const rootKeys = [
  'version',
  'python',
  'entrypoint',
  'cuda',
  'cuda_flavor',
  'framework',
  'spec',
  'files',
  'build_steps',
] as const
/** Metadata of the alpha format, still used; kept for the model's page. */
const metadataKeys = ['name', 'description', 'license']

export interface JudgedRoot {
  config: ModelConfig | null
  problems: Problem[]
  foreign?: ForeignFile
}

/** Collects what the rules find and where each value stands. */
interface Judge {
  problems: Problem[]
  lines: Record<string, number>
  report: (parts: ProblemParts) => void
}

/** Judges a readable file by the rules of the format and builds its config; all problems are reported, not the first only. */
export function judgeRoot(root: ConfigNode, options: ParseOptions): JudgedRoot {
  const problems: Problem[] = []
  const judge: Judge = { problems, lines: {}, report: (parts) => problems.push(makeProblem(parts)) }
  if (root.kind !== 'map') {
    reportRootKind(root, judge)
    return { config: null, problems }
  }
  const foreign = recogniseForeign(root)
  if (foreign) {
    judge.report({
      code: 'other-tool',
      severity: 'error',
      at: root,
      understood: `this looks like ${foreign.name}, not a model`,
      mend: 'use another name for that file, and write a runway.yml with `python` and `entrypoint` for the model',
    })
    return { config: null, problems, foreign }
  }

  const values = new Map(root.entries.map((entry) => [entry.key, entry.value]))
  const present = (key: string) => {
    const value = values.get(key)
    if (value) judge.lines[key] = value.line
    return value
  }
  const spec = judgeSpec(present('spec'), judge)
  judgeVersion(present('version'), judge)
  const python = judgePython(present('python'), root, options, judge)
  const entrypoint = judgeEntrypoint(present('entrypoint'), root, judge)
  const cuda = judgeCuda(present('cuda'), root, spec.gpu, options, judge)
  const cudaFlavor = judgeCudaFlavor(present('cuda_flavor'), judge)
  const framework = judgeFramework(present('framework'), judge)
  const ignore = judgeFiles(present('files'), judge)
  const buildSteps = judgeBuildSteps(present('build_steps'), root, judge)
  const metadata = judgeOtherKeys(root, judge)

  if (!python || !entrypoint || problems.some((problem) => problem.severity === 'error')) {
    return { config: null, problems }
  }
  const targets: Target[] = [...(spec.cpu ? (['cpu'] as const) : []), ...(spec.gpu ? (['gpu'] as const) : [])]
  const config: ModelConfig = {
    version: '0.1',
    python,
    entrypoint,
    cuda,
    cudaFlavor,
    framework,
    targets,
    ignore,
    buildSteps,
    metadata,
    lines: judge.lines,
  }
  return { config, problems }
}

function reportRootKind(root: ConfigNode, judge: Judge): void {
  judge.report({
    code: root.kind === 'null' ? 'empty' : 'not-a-map',
    severity: 'error',
    at: root,
    value: root.kind === 'null' ? null : root.source,
    understood: root.kind === 'null' ? 'the file holds nothing' : `the file is ${describe(root)}, not a map of keys`,
    allowed: '`key: value` lines',
    mend: 'write at least `python`, `entrypoint` and `cuda` (or `spec: {gpu: False}`)',
  })
}

function judgeVersion(value: ConfigNode | undefined, judge: Judge): void {
  if (!value || value.kind === 'null') return
  if (isScalarNode(value) && /^\d+\.\d+$/.test(value.text) && Number(value.text) === 0.1) return
  judge.report({
    code: 'version',
    severity: 'warning',
    at: value,
    path: 'version',
    value: value.source,
    understood: 'this is the version of the file format, not of the model, and is read as 0.1',
    allowed: '0.1',
    mend: 'write `version: 0.1`',
  })
}

function judgePython(
  value: ConfigNode | undefined,
  root: MapNode,
  options: ParseOptions,
  judge: Judge,
): ModelConfig['python'] | null {
  const known = availablePythons(options.catalogue)
  const allowed = known.join(', ')
  const example = known[0]!
  if (!value || value.kind === 'null') {
    const base = root.entries.find((entry) => entry.key === 'base')
    judge.report({
      code: base ? 'base-without-python' : 'python-missing',
      severity: 'error',
      at: base?.at ?? value ?? root,
      path: base ? 'base' : 'python',
      value: base?.value.source ?? null,
      understood: base ? 'the alpha format named its base image here; `python` is required now' : '`python` is missing',
      allowed,
      mend: `${base ? 'replace it with' : 'add'} a line such as \`python: ${example}\``,
    })
    return null
  }
  const refuse = (understood: string, mend: string) => {
    judge.report({
      code: 'python',
      severity: 'error',
      at: value,
      path: 'python',
      value: value.source,
      understood,
      allowed,
      mend,
    })
    return null
  }
  const use = `write one of these, for example \`python: ${example}\``
  if (!isScalarNode(value)) return refuse(`${describe(value)} is not a Python version`, use)
  const text = value.text
  if (/^2(\.\d+)*$/.test(text))
    return refuse(`Python ${text} was allowed by older docs and is no longer supported`, use)
  const patchLevel = patchLevelPython(text)
  const canonical = patchLevel ?? (/^3\.(0|[1-9]\d?)$/.test(text) ? text : null)
  if (canonical === null) {
    const inner = /3\.\d{1,2}/.exec(text)?.[0]
    const mend = inner && known.includes(inner) ? `write \`python: ${inner}\`` : use
    return refuse(text === '3' ? 'this names no minor version of Python 3' : 'this is not a Python version', mend)
  }
  if (!known.includes(canonical)) {
    const newer = known.some((candidate) => comparePythons(candidate, canonical) > 0)
    if (options.policy === 'exact') return refuse(`there is no base image with Python ${canonical}`, use)
    if (!newer) return refuse(`there is no base image with Python ${canonical} or a newer one`, use)
  }
  if (patchLevel !== null) {
    judge.report({
      code: 'python-patch-level',
      severity: 'warning',
      at: value,
      path: 'python',
      value: value.source,
      understood: `base images are chosen by major and minor version, so this is read as ${canonical}`,
      allowed,
      mend: `write \`python: ${canonical}\``,
    })
  }
  return { text, canonical }
}

function judgeEntrypoint(value: ConfigNode | undefined, root: MapNode, judge: Judge): ModelConfig['entrypoint'] | null {
  const refuse = (code: 'entrypoint' | 'entrypoint-missing', at: Place, understood: string) => {
    judge.report({
      code,
      severity: 'error',
      at,
      path: 'entrypoint',
      value: value && value.kind !== 'null' ? value.source : null,
      understood,
      allowed: 'a command as one string',
      mend: 'write the command that starts the model, for example `entrypoint: python runway_model.py`',
    })
    return null
  }
  if (!value) return refuse('entrypoint-missing', root, '`entrypoint` is missing')
  if (!isScalarNode(value)) return refuse('entrypoint', value, `${describe(value)} is not a command`)
  if (value.kind === 'null' || value.text.trim() === '') return refuse('entrypoint', value, 'the command is empty')
  if (value.kind !== 'string') return refuse('entrypoint', value, `${describe(value)} is not a command`)
  const text = value.text.trim()
  if (!isShellText(text, value, 'entrypoint', judge)) return null
  judgeEntrypointCommand(text, value, judge.report)
  return { text, line: value.line }
}

function judgeCuda(
  value: ConfigNode | undefined,
  root: MapNode,
  gpu: boolean,
  options: ParseOptions,
  judge: Judge,
): ModelConfig['cuda'] {
  const known = availableCuda(options.catalogue)
  const example = known.includes('10.2') ? '10.2' : (known.at(-1) ?? '10.2')
  if (!value || value.kind === 'null') {
    if (!gpu) return null
    judge.report({
      code: 'cuda-missing',
      severity: 'error',
      at: value ?? root,
      path: 'cuda',
      understood: '`cuda` is missing although a GPU image is to be built',
      allowed: known.map(trimZero).join(', '),
      mend: `add \`cuda: ${example}\`, or switch the GPU image off with \`spec: {gpu: False}\``,
    })
    return null
  }
  const canonical = isScalarNode(value) ? canonicalCuda(value.text) : null
  const acceptable = canonical !== null && (options.policy === 'nearest' || known.includes(canonical))
  if (acceptable && isScalarNode(value)) return { text: value.text, canonical }
  judge.report({
    code: 'cuda',
    // Without a GPU image the value is never used, and a real file should not fail for it.
    severity: gpu || !isScalarNode(value) ? 'error' : 'warning',
    at: value,
    path: 'cuda',
    value: value.source,
    understood:
      canonical === null
        ? `${isScalarNode(value) ? 'this' : describe(value)} is not a CUDA version`
        : `there is no base image with CUDA ${trimZero(canonical)}${gpu ? '' : ' (not used: no GPU image is built)'}`,
    allowed: known.map(trimZero).join(', '),
    mend: gpu
      ? `write one of these, for example \`cuda: ${example}\`, or switch the GPU image off with \`spec: {gpu: False}\``
      : 'delete the line',
  })
  return null
}

function judgeCudaFlavor(value: ConfigNode | undefined, judge: Judge): ModelConfig['cudaFlavor'] {
  if (!value || value.kind === 'null') return 'runtime'
  const flavor = isScalarNode(value) ? value.text : ''
  const known = flavor === 'devel' || flavor === 'runtime'
  judge.report({
    code: 'cuda-flavor',
    severity: known ? 'notice' : 'warning',
    at: value,
    path: 'cuda_flavor',
    value: value.source,
    understood: known ? 'this key is not in the original documentation and is honoured' : 'this is ignored',
    allowed: 'devel, runtime',
    mend: known
      ? 'nothing needs to be done'
      : 'write `cuda_flavor: devel` for a compiler in the image, or delete the line',
  })
  return flavor === 'devel' ? 'devel' : 'runtime'
}

function judgeFramework(value: ConfigNode | undefined, judge: Judge): ModelConfig['framework'] {
  if (!value || value.kind === 'null') return null
  const text = isScalarNode(value) ? value.text : ''
  if (text === 'tensorflow' || text === 'pytorch') return text
  const common = { at: value, path: 'framework', value: value.source, allowed: 'tensorflow, pytorch' }
  if (/^none$/i.test(text)) {
    judge.report({
      ...common,
      code: 'framework-none',
      severity: 'warning',
      understood: 'this is read as no framework',
      mend: 'delete the line',
    })
    return null
  }
  const name = /^(torch|pytorch|tensorflow)\b/i.exec(text)?.[1]?.toLowerCase()
  const meant = name === 'torch' ? 'pytorch' : (name ?? nearMiss(text, ['tensorflow', 'pytorch']))
  const withVersion = /\d/.test(text)
  judge.report({
    ...common,
    code: 'framework',
    severity: 'error',
    understood: `this is not a framework that can be pre-installed${meant && !withVersion ? `, did you mean \`${meant}\`?` : ''}`,
    mend: withVersion
      ? `write \`framework: ${meant ?? 'pytorch'}\` or delete the line, and install the version you need in build_steps, for example \`- pip install ${name === 'tensorflow' ? 'tensorflow==1.15.0' : 'torch==1.0.0'}\``
      : meant
        ? `write \`framework: ${meant}\``
        : 'delete the line and install the framework in build_steps',
  })
  return null
}

function judgeSpec(value: ConfigNode | undefined, judge: Judge): { cpu: boolean; gpu: boolean } {
  const spec = { cpu: true, gpu: true }
  if (!value || value.kind === 'null') return spec
  if (value.kind !== 'map') {
    reportShape(value, 'spec', 'a map with `cpu` and `gpu`', 'write `spec: {cpu: True, gpu: True}`', judge)
    return spec
  }
  let sound = true
  for (const { key, at, value: flag } of value.entries) {
    const path = `spec.${key}`
    if (key !== 'cpu' && key !== 'gpu') {
      reportUnknownKey(key, at, path, ['cpu', 'gpu'], judge)
      continue
    }
    judge.lines[path] = flag.line
    if (flag.kind === 'boolean') {
      spec[key] = /^true$/i.test(flag.text)
      continue
    }
    sound = false
    judge.report({
      code: 'spec-not-boolean',
      severity: 'error',
      at: flag,
      path,
      value: flag.source,
      understood: flag.kind === 'null' ? 'there is no value' : `${describe(flag)} is neither True nor False`,
      allowed: 'True, False',
      mend: mendBoolean(key, flag),
    })
  }
  if (sound && !spec.cpu && !spec.gpu) {
    judge.report({
      code: 'no-target',
      severity: 'error',
      at: value,
      path: 'spec',
      value: value.source,
      understood: 'both images are switched off, so there is nothing to build',
      mend: 'set `cpu` or `gpu` to True',
    })
  }
  return spec
}

function mendBoolean(key: string, flag: ConfigNode): string {
  const text = isScalarNode(flag) ? flag.text : ''
  const meant = /^(true|yes|on|y|1)\b/i.test(text) ? 'True' : /^(false|no|off|n|0)/i.test(text) ? 'False' : null
  return meant
    ? `write \`${key}: ${meant}\`, without quotes or other characters`
    : `write \`${key}: True\` or \`${key}: False\``
}

function judgeFiles(value: ConfigNode | undefined, judge: Judge): ModelConfig['ignore'] {
  if (!value || value.kind === 'null') return []
  if (value.kind !== 'map') {
    const colon =
      isScalarNode(value) && /^ignore\b/.test(value.text)
        ? 'put a colon after `ignore`'
        : 'write `ignore:` below `files:`'
    reportShape(value, 'files', 'a map with `ignore`', `${colon}, and the patterns below it as a list`, judge)
    return []
  }
  let patterns: ModelConfig['ignore'] = []
  for (const entry of value.entries) {
    if (entry.key === 'ignore') patterns = judgeIgnore(entry.value, judge)
    else reportUnknownKey(entry.key, entry.at, `files.${entry.key}`, ['ignore'], judge)
  }
  return patterns
}

function judgeIgnore(value: ConfigNode, judge: Judge): ModelConfig['ignore'] {
  judge.lines['files.ignore'] = value.line
  if (value.kind === 'null') return []
  if (value.kind !== 'list') {
    const space =
      isScalarNode(value) && value.text.startsWith('-')
        ? 'put a space after each dash'
        : 'write one `- pattern` per line'
    reportShape(value, 'files.ignore', 'a list of paths', space, judge)
    return []
  }
  if (value.items.length > configLimits.patterns) {
    judge.report({
      code: 'too-many-patterns',
      severity: 'error',
      at: value,
      path: 'files.ignore',
      understood: `there are ${value.items.length} patterns`,
      allowed: `up to ${configLimits.patterns}`,
      mend: 'ignore whole directories instead of single files',
    })
    return []
  }
  const patterns: ModelConfig['ignore'] = []
  for (const [index, item] of value.items.entries()) {
    const path = `files.ignore[${index}]`
    judge.lines[path] = item.line
    if (item.kind === 'null' || (isScalarNode(item) && item.text.trim() === '')) {
      reportEmptyItem(item, path, judge)
    } else if (!isScalarNode(item)) {
      reportShape(item, path, 'a path, with `*` where anything may stand', 'write one path per line', judge)
    } else if (judgeIgnorePattern(item.text, item, path, judge.report)) {
      patterns.push({ pattern: item.text, line: item.line })
    }
  }
  return patterns
}

function judgeBuildSteps(value: ConfigNode | undefined, root: MapNode, judge: Judge): BuildStep[] {
  if (!value || value.kind === 'null' || (value.kind === 'list' && value.items.length === 0)) {
    const meant = root.entries.find((entry) => !isRootKey(entry.key) && nearMiss(entry.key, rootKeys) === 'build_steps')
    if (!meant) {
      judge.report({
        code: 'no-build-steps',
        severity: 'warning',
        at: value ?? root,
        path: 'build_steps',
        understood: `there are no build steps, so the image holds only what its base brings${value ? '' : ' (the key is missing)'}`,
        mend: 'add `build_steps:` with `- pip install -r requirements.txt` if the model needs packages',
      })
    }
    return []
  }
  if (value.kind !== 'list') {
    reportShape(
      value,
      'build_steps',
      'a list of commands',
      'write one `- command` per line below `build_steps:`',
      judge,
    )
    return []
  }
  if (value.items.length > configLimits.steps) {
    judge.report({
      code: 'too-many-steps',
      severity: 'error',
      at: value,
      path: 'build_steps',
      understood: `there are ${value.items.length} build steps`,
      allowed: `up to ${configLimits.steps}`,
      mend: 'move commands into a script of the repository and run it in one step',
    })
    return []
  }
  const steps: BuildStep[] = []
  for (const [index, item] of value.items.entries()) {
    const path = `build_steps[${index}]`
    judge.lines[path] = item.line
    if (item.kind === 'map') steps.push(...judgeConditionalStep(item, path, judge))
    else steps.push(...judgeStep(item, path, null, judge))
  }
  if (steps.length > configLimits.steps) {
    judge.report({
      code: 'too-many-steps',
      severity: 'error',
      at: value,
      path: 'build_steps',
      understood: `there are ${steps.length} commands in the build steps`,
      allowed: `up to ${configLimits.steps}`,
      mend: 'move commands into a script of the repository and run it in one step',
    })
  }
  return steps
}

function judgeConditionalStep(item: MapNode, path: string, judge: Judge): BuildStep[] {
  const keys = item.entries.map((entry) => entry.key)
  if (item.entries.length !== 1) {
    judge.report({
      code: 'step-keys',
      severity: 'error',
      at: item,
      path,
      value: item.source,
      understood:
        keys.length === 0
          ? 'the step is an empty map'
          : `the step has ${keys.length} keys (${keys.slice(0, 5).join(', ')})`,
      allowed: 'a command, or a map with the one key if_cpu or if_gpu',
      mend: 'write each condition as an item of its own, with a `-` before it',
    })
    return []
  }
  const [{ key, at, value }] = item.entries as [MapEntry]
  const inner = `${path}.${key}`
  if (key !== 'if_cpu' && key !== 'if_gpu') {
    const meant = nearMiss(key, ['if_cpu', 'if_gpu'])
    // A command that holds ": " is a map to YAML; quoting it is then the remedy.
    const command = /\s/.test(key) && !meant
    judge.report({
      code: meant ? 'near-miss' : 'step-keys',
      severity: 'error',
      at,
      path: inner,
      value: item.source,
      understood: meant
        ? `\`${key}\` is not a condition, did you mean \`${meant}\`?`
        : command
          ? 'YAML reads this command as a key and a value, because of the colon'
          : `\`${key}\` is not a condition`,
      allowed: 'if_cpu, if_gpu',
      mend: meant ? `write \`${meant}\`` : command ? 'put quotes around the whole command' : 'use if_cpu or if_gpu',
    })
    return []
  }
  judge.lines[inner] = value.line
  const condition = key === 'if_cpu' ? 'cpu' : 'gpu'
  if (value.kind !== 'list') return judgeStep(value, inner, condition, judge)
  judge.report({
    code: 'condition-list',
    severity: 'warning',
    at: value,
    path: inner,
    understood: 'the documentation has one command here; the commands of the list are run in order',
    allowed: 'one command',
    mend: `write one \`- ${key}: command\` per command`,
  })
  return value.items.flatMap((command, index) => {
    const commandPath = `${inner}[${index}]`
    judge.lines[commandPath] = command.line
    return judgeStep(command, commandPath, condition, judge)
  })
}

function judgeStep(item: ConfigNode, path: string, condition: Target | null, judge: Judge): BuildStep[] {
  if (item.kind === 'null' || (item.kind === 'string' && item.text.trim() === '')) {
    reportEmptyItem(item, path, judge)
    return []
  }
  if (item.kind !== 'string') {
    reportShape(
      item,
      path,
      'a command as one string',
      'write the command as text, in quotes where YAML needs them',
      judge,
    )
    return []
  }
  const text = item.text.trim()
  if (!isShellText(text, item, path, judge)) return []
  judgeCommand(text, item, path, judge.report)
  return [{ text, line: item.line, condition }]
}

function judgeOtherKeys(root: MapNode, judge: Judge): ModelConfig['metadata'] {
  const kept: [string, ReturnType<typeof toJson>][] = []
  for (const { key, at, value } of root.entries) {
    if (isRootKey(key)) continue
    if (reportUnknownKey(key, at, key, rootKeys, judge, value)) {
      kept.push([key, toJson(value)])
      judge.lines[key] = value.line
    }
  }
  return Object.fromEntries(kept)
}

/** Reports a key that is not ours. True when it may be kept as metadata; false when it was probably meant as one of ours. */
function reportUnknownKey(
  key: string,
  at: Place,
  path: string,
  known: readonly string[],
  judge: Judge,
  value?: ConfigNode,
): boolean {
  const meant = metadataKeys.includes(key) ? null : nearMiss(key, known)
  if (meant) {
    judge.report({
      code: 'near-miss',
      severity: 'error',
      at,
      path,
      value: null,
      understood: `\`${key}\` is not a key of this file, did you mean \`${meant}\`?`,
      allowed: known.join(', '),
      mend: `write \`${meant}:\``,
    })
    return false
  }
  // `base` without `python` is an error of its own.
  if (path === 'base' && judge.problems.some((problem) => problem.code === 'model-config/base-without-python'))
    return false
  const metadata = path === key && metadataKeys.includes(key)
  judge.report({
    code: metadata ? 'metadata-key' : 'unknown-key',
    severity: 'warning',
    at,
    path,
    value: value ? value.source : null,
    understood: metadata
      ? "the key is not part of the format and is kept for the model's page"
      : 'the key is not part of the format and changes nothing',
    allowed: metadata ? null : known.join(', '),
    mend: metadata ? 'nothing needs to be done' : 'delete it, or correct its name',
  })
  return true
}

function reportShape(value: ConfigNode, path: string, allowed: string, mend: string, judge: Judge): void {
  judge.report({
    code: 'wrong-type',
    severity: 'error',
    at: value,
    path,
    value: value.source,
    understood: `this is ${describe(value)}`,
    allowed,
    mend,
  })
}

function reportEmptyItem(item: ConfigNode, path: string, judge: Judge): void {
  judge.report({
    code: 'empty-item',
    severity: 'warning',
    at: item,
    path,
    understood: 'the list item is empty and is skipped',
    mend: 'delete the line',
  })
}

/** Whether a command can be handed to a shell as one argument. */
function isShellText(text: string, at: ScalarNode, path: string, judge: Judge): boolean {
  const bytes = new TextEncoder().encode(text).length
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose. ESC may stand in an `echo`.
  const unfit = /[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f]|\p{Surrogate}/u.test(text)
  if (bytes <= configLimits.stepBytes && !unfit) return true
  judge.report({
    code: unfit ? 'control-character' : 'command-too-long',
    severity: 'error',
    at,
    path,
    value: at.source,
    understood: unfit ? 'the command holds a character that a command cannot have' : `the command has ${bytes} bytes`,
    allowed: unfit ? null : `up to ${configLimits.stepBytes} bytes`,
    mend: unfit ? 'delete the escape sequence' : 'move it into a script of the repository and call that',
  })
  return false
}

function isRootKey(key: string): boolean {
  return (rootKeys as readonly string[]).includes(key)
}

function isScalarNode(node: ConfigNode): node is ScalarNode {
  return node.kind !== 'list' && node.kind !== 'map'
}

function describe(node: ConfigNode): string {
  const names = {
    null: 'nothing',
    boolean: 'a boolean',
    number: 'a number',
    string: 'text',
    list: 'a list',
    map: 'a map',
  }
  return names[node.kind]
}

type Json = string | boolean | null | Json[] | { [key: string]: Json }

/** Numbers keep their text: `7.0` is not `7`. */
function toJson(node: ConfigNode): Json {
  if (node.kind === 'list') return node.items.map(toJson)
  if (node.kind === 'map') return Object.fromEntries(node.entries.map((entry) => [entry.key, toJson(entry.value)]))
  if (node.kind === 'null') return null
  if (node.kind === 'boolean') return /^true$/i.test(node.text)
  return node.text
}

function trimZero(cuda: string): string {
  return cuda.replace(/\.0$/, '')
}
