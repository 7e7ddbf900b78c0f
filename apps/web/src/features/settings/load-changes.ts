import { listChanges, type RecordedChange } from '@modelport/db/queries/model-changes'
import type { ChangedThing } from '@modelport/schema/model-changes'
import { context } from '#src/context.ts'

/** A page of the record of changes, the newest first. A cursor that is none begins at the newest. */
export async function changesOf(
  modelId: string,
  { cursor, limit = 30, what }: { cursor?: string; limit?: number; what?: ChangedThing },
): Promise<{ items: RecordedChange[]; next: string | null }> {
  const before = /^[1-9]\d{0,14}$/.test(cursor ?? '') ? Number(cursor) : null
  const rows = await listChanges(context().db, modelId, { before, what, limit: limit + 1 })
  const items = rows.slice(0, limit)
  return { items, next: rows.length > limit ? String(items.at(-1)!.id) : null }
}

export const changeJson = (change: RecordedChange) => ({
  by: change.kind,
  login: change.changedBy,
  what: change.what,
  from: change.from,
  to: change.to,
  reason: change.reason,
  at: change.changedAt.toISOString(),
})
