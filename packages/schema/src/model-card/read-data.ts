import { type ConfigNode, readYaml } from '../model-config/read-yaml.ts'

/** YAML as plain values: every scalar is the text that was written. */
export type Data = string | Data[] | { [key: string]: Data }
export type DataMap = { [key: string]: Data }

/** What a file of a stranger says, or why it could not be read: a sentence for its publisher, with the line. */
export interface ReadData {
  data: DataMap
  problem: { sentence: string; line: number } | null
}

/** Reads YAML under the limits of `runway.yml`: failsafe, 64 KiB, 2000 values, 20 levels, no aliases. Never throws. */
export function readData(text: string, firstLine = 1): ReadData {
  if (text.trim() === '') return { data: {}, problem: null }
  const { root, problems } = readYaml(new TextEncoder().encode('\n'.repeat(firstLine - 1) + text))
  const worst = problems.find((problem) => problem.severity === 'error')
  const problem = worst ? { sentence: worst.sentence, line: worst.line } : null
  if (root && root.kind !== 'map')
    return {
      data: {},
      problem: problem ?? { sentence: 'These lines are not a map of keys and values.', line: firstLine },
    }
  return { data: root ? (toData(root) as DataMap) : {}, problem }
}

function toData(node: ConfigNode): Data {
  if (node.kind === 'list') return node.items.map(toData)
  if (node.kind !== 'map') return node.text
  // Without a prototype, so that no key of a stranger reaches one.
  const map = Object.create(null) as DataMap
  for (const entry of node.entries) map[entry.key] = toData(entry.value)
  return map
}

/** Cuts a README into the YAML between its first `---` lines and the text below. */
export function splitFrontMatter(readme: string): { yaml: string | null; text: string } {
  const start = /^\uFEFF?---[ \t]*\r?\n/.exec(readme)?.[0]
  if (start === undefined) return { yaml: null, text: readme }
  const from = readme.slice(start.length)
  const found = /^---[ \t]*(?:\r?\n|$)/.exec(from) ?? /\r?\n---[ \t]*(?:\r?\n|$)/.exec(from)
  if (!found) return { yaml: null, text: readme }
  return { yaml: from.slice(0, found.index), text: from.slice(found.index + found[0].length) }
}

/** A line of plain text: no control characters, nothing that turns the direction of what stands beside it. */
export function plainText(value: Data | undefined, longest: number): string | null {
  if (typeof value !== 'string') return null
  const text = value
    .replaceAll(/\p{Surrogate}/gu, '')
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replaceAll(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return text === '' ? null : cut(text, longest)
}

function cut(text: string, longest: number): string {
  return text.length <= longest
    ? text
    : `${text
        .slice(0, longest - 1)
        .replace(/\p{Surrogate}$/u, '')
        .trimEnd()}…`
}

/** One text or a list of them. */
export function plainTexts(value: Data | undefined, { many, longest }: { many: number; longest: number }): string[] {
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return [...new Set(list.slice(0, many * 4).flatMap((item) => plainText(item, longest) ?? []))].slice(0, many)
}

/** An address that may stand in a link: `http` or `https`, without a password. */
export function webAddress(value: Data | undefined): string | null {
  const text = typeof value === 'string' ? value.trim() : ''
  if (!/^https?:\/\/[^\s\\]+$/i.test(text) || text.length > 1000) return null
  try {
    const url = new URL(text)
    return url.username || url.password ? null : url.href
  } catch {
    return null
  }
}
