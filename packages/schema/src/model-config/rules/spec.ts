import { describe, isScalarNode, type Judge, reportShape, reportUnknownKey } from '../judge.ts'
import { nearMiss } from '../near-miss.ts'
import type { ConfigNode } from '../read-yaml.ts'

/** `spec`: which images are built; both unless switched off. */
export function judgeSpec(value: ConfigNode | undefined, judge: Judge): { cpu: boolean; gpu: boolean } {
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
    const meant = meantBoolean(flag)
    // Judge the rest of the file by what was meant: a missing `cuda` is no problem after `gpu: Flase`.
    if (meant !== null) spec[key] = meant === 'True'
    judge.report({
      code: 'spec-not-boolean',
      severity: 'error',
      at: flag,
      path,
      value: flag.source,
      understood: flag.kind === 'null' ? 'there is no value' : `${describe(flag)} is neither True nor False`,
      allowed: 'True, False',
      mend: meant
        ? `write \`${key}: ${meant}\`, without quotes or other characters`
        : `write \`${key}: True\` or \`${key}: False\``,
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

function meantBoolean(flag: ConfigNode): 'True' | 'False' | null {
  const text = isScalarNode(flag) ? flag.text.toLowerCase() : ''
  if (/^(true|yes|on|y|1)\b/.test(text) || nearMiss(text, ['true'])) return 'True'
  return /^(false|no|off|n|0)/.test(text) || nearMiss(text, ['false']) ? 'False' : null
}
