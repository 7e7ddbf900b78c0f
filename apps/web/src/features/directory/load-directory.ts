import { findPublisher, type ListedModel, listPublicModels } from '@modelport/db/queries/models'
import { context } from '#src/context.ts'
import { readManifest, typesOf } from '#src/features/models/manifest.ts'

const pageSize = 30

export interface Directory {
  q: string
  models: ListedModel[]
  next: string | null
  paged: boolean
}

/** A page of the directory from the words of its address. A cursor that is none begins at the first page. */
export async function loadDirectory({
  q: text = '',
  publisher: login,
  cursor,
  limit = pageSize,
}: {
  q?: string
  publisher?: string
  cursor?: string
  limit?: number
}): Promise<Directory> {
  const { db } = context()
  const q = text.replaceAll('\0', '').trim().slice(0, 200)
  const before = readCursor(cursor)
  const publisher = login === undefined ? null : await findPublisher(db, login)
  if (login !== undefined && !publisher) return { q, models: [], next: null, paged: false }
  const rows = await listPublicModels(db, { q, publisherId: publisher?.id, before, limit: limit + 1 })
  const models = rows.slice(0, limit)
  return {
    q,
    models,
    next: rows.length > limit ? writeCursor(models[models.length - 1]!.model.updatedAt) : null,
    paged: before !== null,
  }
}

/** Cursors are opaque outside; inside they are the time of the last row seen. */
export const writeCursor = (date: Date) => Buffer.from(date.toISOString()).toString('base64url')

export function readCursor(cursor: string | null | undefined): Date | null {
  if (!cursor || cursor.length > 100) return null
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  const date = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) ? new Date(text) : null
  return date && !Number.isNaN(date.getTime()) ? date : null
}

/** `image, text → image` */
export function flowOf(listed: ListedModel): string | null {
  const manifest = readManifest(listed.version?.manifest)
  const [inputs, outputs] = [typesOf(manifest, 'inputs'), typesOf(manifest, 'outputs')]
  return inputs.length + outputs.length > 0 ? `${inputs.join(', ')} → ${outputs.join(', ')}` : null
}
