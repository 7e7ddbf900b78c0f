import { listChanges, type RecordedChange } from '@modelport/db/queries/model-changes'
import { versionNumbers } from '@modelport/db/queries/pages'
import { type Build, listVersions, type Version } from '@modelport/db/queries/versions'
import { context } from '#src/context.ts'
import { loadModelView, type ModelView } from '#src/features/models/load-model-view.ts'

const pageSize = 30

export interface VersionsView {
  view: ModelView
  items: { version: Version; builds: Build[]; rebuildOf: number | null }[]
  next: number | null
  paged: boolean
  changes: RecordedChange[]
}

export async function loadVersions(
  params: Promise<{ owner: string; model: string }>,
  before: string | undefined,
): Promise<VersionsView> {
  const view = await loadModelView(params, { action: 'see-versions' })
  const { db } = context()
  const cursor = /^[1-9]\d{0,8}$/.test(before ?? '') ? Number(before) : null
  const rows = await listVersions(db, view.model.id, { before: cursor, limit: pageSize + 1 })
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
    changes: await listChanges(db, view.model.id, { what: 'default-version', limit: 10 }),
  }
}

/** The versions that can be pinned, the newest first. */
export async function readyNumbers(modelId: string): Promise<number[]> {
  const rows = await listVersions(context().db, modelId, { limit: 50, readyOnly: true })
  return rows.map((row) => row.version.number)
}
