import { listChanges, type RecordedChange } from '@modelport/db/queries/model-changes'
import { versionNumbers } from '@modelport/db/queries/pages'
import { type Build, listVersions, type Version, versionChoices } from '@modelport/db/queries/versions'
import type { VersionState } from '@modelport/schema/states'
import { z } from 'zod'
import { context } from '#src/context.ts'
import { loadModelView, type ModelView } from '#src/features/models/load-model-view.ts'

const pageSize = 30

export interface VersionsView {
  view: ModelView
  items: { version: Version; builds: Build[]; rebuildOf: number | null }[]
  next: number | null
  paged: boolean
  filter: VersionFilter
  /** What a filter can ask for: only what some version has. */
  choices: { states: VersionState[]; branches: string[] }
  changes: RecordedChange[]
  /** What the newest move of the default took away, while it is fresh and somebody's choice; null otherwise. */
  undo: { policy: 'latest' } | { policy: 'pinned'; version: number } | null
}

/** Both as the address has them, and empty where nothing is asked. */
export interface VersionFilter {
  status: VersionState | ''
  branch: string
}

/** For how long a moved default can be taken back by a press, in milliseconds. */
const undoMs = 10 * 60_000

export async function loadVersions(
  params: Promise<{ owner: string; model: string }>,
  { before, status, branch }: { before?: string; status?: string; branch?: string },
): Promise<VersionsView> {
  const view = await loadModelView(params, { action: 'see-versions' })
  const { db } = context()
  const cursor = /^[1-9]\d{0,8}$/.test(before ?? '') ? Number(before) : null
  const { states, refs } = await versionChoices(db, view.model.id)
  const state = states.find((each) => each === status)
  const ref = refs.find((each) => shortRef(each) === branch)
  const rows = await listVersions(db, view.model.id, { before: cursor, limit: pageSize + 1, state, ref })
  const changes = await listChanges(db, view.model.id, { what: 'default-version', limit: 10 })
  const page = rows.slice(0, pageSize)
  const numbers = await versionNumbers(
    db,
    page.flatMap((row) => row.version.rebuildOf ?? []),
  )
  return {
    view,
    items: page.map((row) => ({
      ...row,
      rebuildOf: row.version.rebuildOf ? (numbers.get(row.version.rebuildOf) ?? null) : null,
    })),
    next: rows.length > pageSize ? page[page.length - 1]!.version.number : null,
    paged: cursor !== null,
    filter: { status: state ?? '', branch: ref ? shortRef(ref) : '' },
    choices: { states, branches: [...new Set(refs.map(shortRef))] },
    changes,
    undo: undoOf(changes[0]),
  }
}

/** `refs/heads/main` -> `main` */
export const shortRef = (ref: string) => ref.replace(/^refs\/(heads|tags)\//, '')

function undoOf(change: RecordedChange | undefined): VersionsView['undo'] {
  if (change?.kind !== 'person' || Date.now() - change.changedAt.getTime() > undoMs) return null
  const from = DefaultBefore.safeParse(change.from)
  if (!from.success) return null
  const { policy, version } = from.data
  if (policy === 'latest') return { policy }
  return version === null ? null : { policy, version }
}

const DefaultBefore = z.object({
  policy: z.enum(['latest', 'pinned']),
  version: z.number().int().positive().nullable(),
})

/** The versions that can be pinned, the newest first. */
export async function readyNumbers(modelId: string): Promise<number[]> {
  const rows = await listVersions(context().db, modelId, { limit: 50, readyOnly: true })
  return rows.map((row) => row.version.number)
}
