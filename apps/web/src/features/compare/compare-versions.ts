import { describeModel } from '@modelport/db/queries/description'
import type { Model } from '@modelport/db/queries/models'
import { currentBuilds, findVersion, type Version } from '@modelport/db/queries/versions'
import { compareManifests, type InterfaceChange } from '@modelport/schema/compare-manifests'
import type { Substitution } from '@modelport/schema/words'
import { targets } from '@modelport/schema/words'
import { hidden } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { compareSource, type SourceComparison } from '#src/features/compare/compare-source.ts'
import { type DiffLine, diffLines } from '#src/features/compare/diff-lines.ts'
import { claimOf } from '#src/features/models/licence-claim.ts'
import { readManifest } from '#src/features/models/manifest.ts'

export interface Comparison {
  older: Version
  newer: Version
  /** Null when one of the two was never inspected. */
  interface: InterfaceChange[] | null
  sizes: { target: string; older: number | null; newer: number | null }[]
  substitutions: { removed: Substitution[]; added: Substitution[] }
  /** Null when the files of one of the two were not kept. */
  source: SourceComparison | null
  config: DiffLine[]
  readme: DiffLine[]
  licence: { older: string; newer: string; changed: boolean; text: DiffLine[] }
}

/** `2...5`, as it stands in an address (encoded or not); whatever is none names nothing. */
export function parseRange(segment: string): { a: number; b: number } {
  const match = /^([1-9]\d{0,8})\.\.\.([1-9]\d{0,8})$/.exec(segment)
  if (!match) throw hidden()
  return { a: Number(match[1]), b: Number(match[2]) }
}

/** What differs between two versions of a model, always from the older to the newer. */
export async function compareVersions(model: Model, { a, b }: { a: number; b: number }): Promise<Comparison> {
  const { db } = context()
  const [older, newer] = await Promise.all([
    findVersion(db, model.id, Math.min(a, b)),
    findVersion(db, model.id, Math.max(a, b)),
  ])
  if (!older || !newer) throw hidden()
  const [olderBuilds, newerBuilds] = await Promise.all([currentBuilds(db, older.id), currentBuilds(db, newer.id)])
  const [olderFace, newerFace] = [readManifest(older.manifest), readManifest(newer.manifest)]
  const substitutionsOf = (builds: typeof olderBuilds) =>
    new Map(builds.flatMap((build) => build.substitutions).map((s) => [JSON.stringify(s), s]))
  const [before, after] = [substitutionsOf(olderBuilds), substitutionsOf(newerBuilds)]
  const claim = (version: Version) =>
    claimOf(version.licence, describeModel(model, version).licence).name ?? 'Not stated'
  return {
    older,
    newer,
    interface: olderFace && newerFace ? compareManifests(olderFace, newerFace) : null,
    sizes: targets.map((target) => ({
      target,
      older: olderBuilds.find((build) => build.target === target)?.sizeBytes ?? null,
      newer: newerBuilds.find((build) => build.target === target)?.sizeBytes ?? null,
    })),
    substitutions: {
      removed: [...before].flatMap(([key, value]) => (after.has(key) ? [] : [value])),
      added: [...after].flatMap(([key, value]) => (before.has(key) ? [] : [value])),
    },
    source: await compareSource(older.id, newer.id),
    config: diffLines(configText(older.config), configText(newer.config)),
    readme: diffLines(older.readme ?? '', newer.readme ?? ''),
    licence: {
      older: claim(older),
      newer: claim(newer),
      changed: claim(older) !== claim(newer),
      text: diffLines(older.licence?.text ?? '', newer.licence?.text ?? ''),
    },
  }
}

/** A model config as lines, as it was understood: one value on a line, in one order, without the places in the file. */
export function configText(config: unknown): string {
  const lines: string[] = []
  const write = (path: string, value: unknown): void => {
    if (value === null || value === undefined) return
    if (Array.isArray(value)) for (const [i, item] of value.entries()) write(`${path}[${i}]`, item)
    else if (typeof value === 'object') {
      const entries = Object.entries(value).filter(([key]) => key !== 'line' && key !== 'canonical')
      // `{text}` with its place stands for the text alone.
      if (entries.length === 1 && entries[0]![0] === 'text') write(path, entries[0]![1])
      else for (const [key, inner] of entries) write(path ? `${path}.${key}` : key, inner)
    } else lines.push(`${path}: ${String(value)}`)
  }
  const { lines: _places, ...values } = (config ?? {}) as Record<string, unknown>
  write('', values)
  return lines.join('\n')
}
