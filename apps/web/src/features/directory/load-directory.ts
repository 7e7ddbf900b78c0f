import type { ListedModel } from '@modelport/db/queries/models'
import {
  countWithoutEach,
  type Dropped,
  type SearchResult,
  SearchTimeout,
  searchModels,
} from '@modelport/db/queries/search'
import { type DirectoryFilter, narrowedBy, readDirectoryFilter } from '@modelport/schema/directory'
import { Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { readManifest, typesOf } from '#src/features/models/manifest.ts'

const pageSize = 30

export interface Directory extends SearchResult {
  filter: DirectoryFilter
  /** Not the first page. */
  paged: boolean
  /** What each part of the filter hides, when nothing is found. */
  dropped: Dropped[]
}

/** A page of the directory from the words of its address. A cursor that is none begins at the first page. */
export async function loadDirectory(
  pairs: Iterable<readonly [string, string]>,
  { cursor, limit = pageSize, counts }: { cursor?: string; limit?: number; counts: boolean },
): Promise<Directory> {
  const filter = readDirectoryFilter(pairs)
  const { db } = context()
  try {
    const result = await searchModels(db, filter, { cursor, limit, counts })
    const asked = filter.q !== '' || narrowedBy(filter) > 0
    const dropped = counts && asked && result.total.count === 0 ? await countWithoutEach(db, filter) : []
    return { ...result, filter, paged: Boolean(cursor), dropped }
  } catch (error) {
    if (!(error instanceof SearchTimeout)) throw error
    throw new Refusal('unavailable', 'This search took too long. Try it with more words or fewer filters.')
  }
}

/** The models that the home page shows. */
export async function loadRecent(limit: number): Promise<ListedModel[]> {
  return (await loadDirectory([], { limit, counts: false })).models
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
