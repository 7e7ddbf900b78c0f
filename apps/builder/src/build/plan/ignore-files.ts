import type { IgnoredFiles } from '../plan.ts'
import type { ProjectFile } from './project.ts'

export interface KeptFiles {
  kept: ProjectFile[]
  /** Directories that lost all their files but were not ignored themselves, as `models` under `models/*`. */
  emptyDirectories: string[]
  ignored: IgnoredFiles[]
}

/** Never left out: the image should tell how it was made. */
const alwaysKept = 'runway.yml'

/**
 * Applies `files.ignore`. The one rule: a pattern is a path from the project's root in which `*` stands for any run of
 * characters other than `/`; it drops the file of that path, or the directory of that path with everything below it. So
 * `dir` drops a directory, `dir/*` drops what is in it and keeps it, and `*.pt` means files of the root only.
 */
export function ignoreFiles(files: readonly ProjectFile[], patterns: readonly string[]): KeptFiles {
  const rules = patterns.map((pattern) => ({ pattern, parts: patternParts(pattern), files: 0 }))
  const kept: ProjectFile[] = []
  const dropped: string[] = []
  for (const file of files) {
    const parts = file.path.split('/')
    const matching = file.path === alwaysKept ? [] : rules.filter((rule) => matches(rule.parts, parts))
    for (const rule of matching) rule.files += 1
    if (matching.length === 0) kept.push(file)
    else dropped.push(file.path)
  }
  return {
    kept: kept.toSorted((a, b) => compare(a.path, b.path)),
    emptyDirectories: emptiedDirectories(kept, dropped, rules),
    ignored: rules.map(({ pattern, files }) => ({ pattern, files })),
  }
}

/** The parts of a pattern, or null for one that leaves the project and therefore matches nothing. */
function patternParts(pattern: string): string[] | null {
  if (/^(\/|~)/.test(pattern)) return null
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.')
  return parts.length === 0 || parts.includes('..') ? null : parts
}

/** Whether the pattern names this path or a directory above it. */
function matches(pattern: string[] | null, path: string[]): boolean {
  return pattern !== null && pattern.length <= path.length && pattern.every((part, i) => globMatches(part, path[i]!))
}

/** Matches `*` without backtracking further than the last one, so that no pattern takes exponential time. */
function globMatches(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let retry = 0
  while (t < text.length) {
    // The star first: a file's name may hold one too.
    if (pattern[p] === '*') {
      star = p
      p += 1
      retry = t
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p += 1
      t += 1
    } else if (star !== -1) {
      p = star + 1
      retry += 1
      t = retry
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p += 1
  return p === pattern.length
}

function emptiedDirectories(
  kept: readonly ProjectFile[],
  dropped: readonly string[],
  rules: readonly { parts: string[] | null }[],
): string[] {
  const filled = new Set(kept.flatMap((file) => directoriesAbove(file.path)))
  const emptied = new Set<string>()
  const judged = new Set<string>()
  for (const path of dropped) {
    for (const directory of directoriesAbove(path)) {
      if (judged.has(directory)) continue
      judged.add(directory)
      const parts = directory.split('/')
      if (!filled.has(directory) && !rules.some((rule) => matches(rule.parts, parts))) emptied.add(directory)
    }
  }
  // Making the deepest one makes those above it.
  const above = new Set([...emptied].flatMap(directoriesAbove))
  return [...emptied].filter((directory) => !above.has(directory)).toSorted(compare)
}

function directoriesAbove(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'))
}

/** By code units: the same order on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
