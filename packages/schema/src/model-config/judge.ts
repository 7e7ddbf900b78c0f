import { configLimits } from './limits.ts'
import { nearMiss } from './near-miss.ts'
import { makeProblem, type Place, type Problem, type ProblemParts } from './problem.ts'
import type { ConfigNode, ScalarNode } from './read-yaml.ts'

/** Collects what the rules find and where each value stands. */
export interface Judge {
  problems: Problem[]
  lines: Record<string, number>
  report: (parts: ProblemParts) => void
}

/** A judge that has seen nothing yet. */
export function newJudge(): Judge {
  const problems: Problem[] = []
  return { problems, lines: {}, report: (parts) => problems.push(makeProblem(parts)) }
}

/** The keys of the format. */
export const rootKeys = [
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

/** Reports a key that is not ours. True when it may be kept as metadata; false when it was probably meant as one of ours. */
export function reportUnknownKey(
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

/** Reports a value of another shape than its key takes. */
export function reportShape(value: ConfigNode, path: string, allowed: string, mend: string, judge: Judge): void {
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

/** Warns of a list item without a value, which is skipped. */
export function reportEmptyItem(item: ConfigNode, path: string, judge: Judge): void {
  judge.report({
    code: 'empty-item',
    severity: 'warning',
    at: item,
    path,
    understood: 'the list item is empty and is skipped',
    mend: 'delete the line',
  })
}

/** Whether a command is short enough to be handed to a shell and to stand in a line of a Dockerfile. */
export function isShortEnough(text: string, at: ScalarNode, path: string, judge: Judge): boolean {
  const bytes = new TextEncoder().encode(text).length
  if (bytes <= configLimits.stepBytes) return true
  judge.report({
    code: 'command-too-long',
    severity: 'error',
    at,
    path,
    value: at.source,
    understood: `the command has ${bytes} bytes`,
    allowed: `up to ${configLimits.stepBytes} bytes`,
    mend: 'move it into a script of the repository and call that',
  })
  return false
}

/** Whether the format knows this top-level key. */
export function isRootKey(key: string): boolean {
  return (rootKeys as readonly string[]).includes(key)
}

/** Whether a value is neither a list nor a map. */
export function isScalarNode(node: ConfigNode): node is ScalarNode {
  return node.kind !== 'list' && node.kind !== 'map'
}

/** What a value is, for a sentence: "a list". */
export function describe(node: ConfigNode): string {
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
