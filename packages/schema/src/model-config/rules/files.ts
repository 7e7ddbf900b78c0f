import type { ModelConfig } from '../../model-config.ts'
import { isScalarNode, type Judge, reportEmptyItem, reportShape, reportUnknownKey } from '../judge.ts'
import { configLimits } from '../limits.ts'
import type { ConfigNode } from '../read-yaml.ts'
import { judgeIgnorePattern } from './ignore-pattern.ts'

/** `files.ignore`: the patterns in the order of the file. */
export function judgeFiles(value: ConfigNode | undefined, judge: Judge): ModelConfig['ignore'] {
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
