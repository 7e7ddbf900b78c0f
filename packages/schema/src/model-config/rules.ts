import type { ModelConfig, ParseOptions } from '../model-config.ts'
import type { Target } from '../words.ts'
import { type ForeignFile, recogniseForeign } from './foreign.ts'
import { describe, isRootKey, type Judge, newJudge, reportUnknownKey, rootKeys } from './judge.ts'
import type { Problem } from './problem.ts'
import type { ConfigNode, MapNode } from './read-yaml.ts'
import { judgeBuildSteps } from './rules/build-steps.ts'
import { judgeCuda, judgeCudaFlavor } from './rules/cuda.ts'
import { judgeEntrypoint } from './rules/entrypoint.ts'
import { judgeFiles } from './rules/files.ts'
import { judgeFramework } from './rules/framework.ts'
import { judgePython } from './rules/python.ts'
import { judgeSpec } from './rules/spec.ts'
import { judgeVersion } from './rules/version.ts'

export interface JudgedRoot {
  config: ModelConfig | null
  problems: Problem[]
  foreign?: ForeignFile
}

/** Judges a readable file by the rules of the format and builds its config; all problems are reported, not the first only. */
export function judgeRoot(root: ConfigNode, options: ParseOptions): JudgedRoot {
  const judge = newJudge()
  const { problems } = judge
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

type Json = string | boolean | null | Json[] | { [key: string]: Json }

/** Numbers keep their text: `7.0` is not `7`. */
function toJson(node: ConfigNode): Json {
  if (node.kind === 'list') return node.items.map(toJson)
  if (node.kind === 'map') return Object.fromEntries(node.entries.map((entry) => [entry.key, toJson(entry.value)]))
  if (node.kind === 'null') return null
  if (node.kind === 'boolean') return /^true$/i.test(node.text)
  return node.text
}
