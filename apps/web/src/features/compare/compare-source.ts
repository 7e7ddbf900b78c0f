import { listSource, readTexts, type SourceFile } from '@modelport/db/queries/source'
import { context } from '#src/context.ts'
import { type DiffLine, diffLines } from '#src/features/compare/diff-lines.ts'

export interface FileChange {
  path: string
  change: 'added' | 'removed' | 'changed'
  olderBytes: number | null
  newerBytes: number | null
  /** What changed in it; null where no text of it is kept, or where enough files were shown before it. */
  lines: DiffLine[] | null
}

/** What a requirements file asks for; null where it does not ask for the package. */
export interface DependencyChange {
  name: string
  older: string | null
  newer: string | null
}

export interface SourceComparison {
  files: FileChange[]
  dependencies: DependencyChange[]
}

/** So many files are compared line by line, and so many read for what they require; of other files it is said that they changed. */
const comparedFiles = 20
const requirementsFiles = 20

/** What differs between the files of two versions; null when those of one were not kept. */
export async function compareSource(olderId: string, newerId: string): Promise<SourceComparison | null> {
  const { db } = context()
  const [before, after] = await Promise.all([listSource(db, olderId), listSource(db, newerId)])
  if (before.length === 0 || after.length === 0) return null
  const changes = changedFiles(before, after)
  const compared = changes.slice(0, comparedFiles).flatMap(({ older, newer }) => [older, newer])
  const [asksBefore, asksAfter] = [before, after].map((files) =>
    files.filter((file) => isRequirements(file.path)).slice(0, requirementsFiles),
  ) as [SourceFile[], SourceFile[]]
  const texts = await readTexts(
    db,
    [...compared, ...asksBefore, ...asksAfter].flatMap((file) => file?.sha256 ?? []),
  )
  const textOf = (file: SourceFile | null) => (file?.sha256 ? (texts.get(file.sha256) ?? null) : null)
  return {
    files: changes.map(({ older, newer }, i) => {
      const [one, other] = [older && textOf(older), newer && textOf(newer)]
      const known =
        i < comparedFiles && (one ?? other) !== null && (!older || one !== null) && (!newer || other !== null)
      return {
        path: (newer ?? older)!.path,
        change: older && newer ? 'changed' : newer ? 'added' : 'removed',
        olderBytes: older?.bytes ?? null,
        newerBytes: newer?.bytes ?? null,
        lines: known ? diffLines(one ?? '', other ?? '') : null,
      }
    }),
    dependencies: changedDependencies(
      asksBefore.map((file) => textOf(file) ?? ''),
      asksAfter.map((file) => textOf(file) ?? ''),
    ),
  }
}

/** Files whose text differs, and those without a kept text whose size does. */
function changedFiles(before: readonly SourceFile[], after: readonly SourceFile[]) {
  const [older, newer] = [before, after].map((files) => new Map(files.map((file) => [file.path, file])))
  const paths = [...new Set([...older!.keys(), ...newer!.keys()])].sort()
  return paths.flatMap((path) => {
    const [one, other] = [older!.get(path) ?? null, newer!.get(path) ?? null]
    return one?.sha256 === other?.sha256 && one?.bytes === other?.bytes ? [] : [{ older: one, newer: other }]
  })
}

const isRequirements = (path: string) => /(^|\/)requirements[^/]*\.txt$/i.test(path)

/** Packages that two sets of requirements files do not ask for alike, by name. */
export function changedDependencies(before: readonly string[], after: readonly string[]): DependencyChange[] {
  const [older, newer] = [asked(before), asked(after)]
  return [...new Set([...older.keys(), ...newer.keys()])].sort().flatMap((name) => {
    const change = { name, older: older.get(name) ?? null, newer: newer.get(name) ?? null }
    return change.older === change.newer ? [] : [change]
  })
}

/** Names as pip compares them (PEP 503), with what is asked of each; flags and addresses are left out. */
function asked(texts: readonly string[]): Map<string, string> {
  const found = new Map<string, Set<string>>()
  for (const line of texts.flatMap((text) => text.split(/\r?\n/))) {
    const plain = line.replace(/(^|\s)#.*/, '').trim()
    const [, name, rest = ''] = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?![^\s[<>=!~;@])(.*)$/.exec(plain) ?? []
    if (!name) continue
    const key = name.toLowerCase().replace(/[-_.]+/g, '-')
    found.set(key, (found.get(key) ?? new Set()).add(rest.replace(/\s+/g, '') || 'any version'))
  }
  return new Map([...found].map(([name, versions]) => [name, [...versions].sort().join(' or ')]))
}
