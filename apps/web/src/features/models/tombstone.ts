import { findTombstone } from '@modelport/db/queries/model-life'
import { context } from '#src/context.ts'
import { parseModelPath, parseOwner } from '#src/features/models/model-path.ts'

/** The public model that was deleted at this address of the site; null when there never was one, or nobody may know. */
export async function tombstoneAt(here: string): Promise<{ path: string; deletedAt: Date } | null> {
  const [, ownerSegment = '', modelSegment = ''] = here.split('?', 1)[0]!.split('/')
  const owner = parseOwner(ownerSegment)
  const model = parseModelPath(modelSegment)
  if (!owner || !model) return null
  const path = `${owner}/${model.slug}`.toLowerCase()
  const deletedAt = await findTombstone(context().db, path)
  return deletedAt && { path, deletedAt }
}
