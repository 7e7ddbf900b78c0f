import type { BuildStep } from '../../model-config.ts'
import type { Target } from '../../words.ts'
import { isRootKey, isShortEnough, type Judge, reportEmptyItem, reportShape, rootKeys } from '../judge.ts'
import { configLimits } from '../limits.ts'
import { nearMiss } from '../near-miss.ts'
import type { ConfigNode, MapEntry, MapNode } from '../read-yaml.ts'
import { judgeCommand } from './command.ts'

/** `build_steps`: commands, plain or under one condition, flattened in the order of the file. */
export function judgeBuildSteps(value: ConfigNode | undefined, root: MapNode, judge: Judge): BuildStep[] {
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
  if (!isShortEnough(text, item, path, judge)) return []
  judgeCommand(text, item, path, judge.report)
  return [{ text, line: item.line, condition }]
}
