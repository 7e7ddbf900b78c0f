/**
 * Patterns that say which branches and tags make versions. `*` stands for any characters but `/`, `**` for any at all;
 * everything else stands for itself, and a pattern that begins with `!` takes out what those before it let in.
 */
export const refRuleLimits = { rules: 20, length: 200 } as const

/** Why a text cannot be a pattern, or null. */
export function refRuleProblem(rule: string): string | null {
  if (rule.length > refRuleLimits.length) return `must be at most ${refRuleLimits.length} characters`
  const pattern = rule.replace(/^!/, '')
  if (pattern === '') return 'must not be empty'
  // What git refuses in the name of a branch (git-check-ref-format); a pattern with it can match nothing.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses them, so they are looked for
  if (/[\u0000-\u0020\u007f~^:?[\\]|\.\.|@\{|\/\/|^\/|\/$/.test(pattern)) return 'holds what no branch or tag can hold'
  return null
}

/** Whether the last pattern that speaks of `name` lets it in. */
export function matchesRefRules(rules: readonly string[], name: string): boolean {
  let matched = false
  for (const rule of rules) {
    const takesOut = rule.startsWith('!')
    if (matchesPattern(takesOut ? rule.slice(1) : rule, name)) matched = !takesOut
  }
  return matched
}

/** Matches without a regular expression made of strangers' text: the work is at most the product of the two lengths. */
function matchesPattern(pattern: string, name: string): boolean {
  // `reach[i]`: the pattern up to here matches the first `i` characters of the name.
  let reach = Array.from({ length: name.length + 1 }, (_, i) => i === 0)
  for (let p = 0; p < pattern.length; p++) {
    const next = new Array<boolean>(name.length + 1).fill(false)
    if (pattern[p] === '*') {
      const anything = pattern[p + 1] === '*'
      if (anything) p++
      for (let i = 0; i <= name.length; i++)
        next[i] = reach[i]! || (i > 0 && next[i - 1]! && (anything || name[i - 1] !== '/'))
    } else {
      for (let i = 1; i <= name.length; i++) next[i] = reach[i - 1]! && name[i - 1] === pattern[p]
    }
    reach = next
  }
  return reach[name.length]!
}
