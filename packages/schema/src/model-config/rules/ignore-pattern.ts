import { configLimits } from '../limits.ts'
import type { Place, ProblemParts } from '../problem.ts'

/** Judges one pattern of `files.ignore`; false when it cannot be used at all. */
export function judgeIgnorePattern(
  pattern: string,
  at: Place,
  path: string,
  report: (parts: ProblemParts) => void,
): boolean {
  const common = { at, path, value: pattern }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  if (new TextEncoder().encode(pattern).length > configLimits.patternBytes || /[\u0000-\u001f\u007f]/.test(pattern)) {
    report({
      ...common,
      code: 'pattern',
      severity: 'error',
      understood: 'the pattern is too long or holds a control character',
      allowed: `a path of up to ${configLimits.patternBytes} bytes on one line`,
      mend: 'write one short path per line',
    })
    return false
  }
  if (/^(\/|~|[A-Za-z]:)/.test(pattern) || pattern.split('/').includes('..')) {
    report({
      ...common,
      code: 'pattern-outside',
      severity: 'warning',
      understood: 'the pattern leaves the project, so it matches nothing',
      allowed: "paths that begin in the repository's root",
      mend: 'write the path relative to the root, without `/` or `~` before it, or delete the line',
    })
  } else if (pattern.includes('\\')) {
    report({
      ...common,
      code: 'windows-path',
      severity: 'warning',
      understood: 'a backslash does not separate directories here, so the pattern matches nothing',
      mend: `write \`${pattern.replaceAll('\\', '/')}\``,
    })
  } else if (/^!|[?[\]]/.test(pattern)) {
    report({
      ...common,
      code: 'pattern-literal',
      severity: 'warning',
      understood: 'only `*` has a meaning in a pattern; `!`, `?`, `[` and `]` stand for themselves',
      mend: 'use `*`, or delete the line',
    })
  }
  return true
}
