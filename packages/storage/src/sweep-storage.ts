import { filesPrefix } from './object-keys.ts'
import type { OpenUpload, Storage } from './storage.ts'

type Sweepable = Pick<Storage, 'abortUpload' | 'delete' | 'list' | 'listUploads'>

const graceMs = 24 * 3600_000
const batch = 500

/** Removes what was written down to be removed: aborts the upload, if there was one, and deletes the object. */
export async function removeObjects(
  storage: Pick<Storage, 'abortUpload' | 'delete'>,
  deletions: readonly { key: string; uploadId: string | null }[],
): Promise<void> {
  for (const { key, uploadId } of deletions) {
    if (uploadId) await storage.abortUpload({ key, uploadId })
    await storage.delete([key])
  }
}

/**
 * Removes uploads and checkpoints of which nobody knows, such as those of a process that died before it wrote them down.
 * `unknownKeys` says which of some keys belong to nothing. Nothing younger than a day is touched. Returns what was removed.
 */
export async function sweepStorage(
  storage: Sweepable,
  unknownKeys: (keys: string[]) => Promise<string[]>,
  now = Date.now(),
): Promise<{ uploads: number; objects: number }> {
  const isOld = (at: Date) => now - at.getTime() > graceMs
  let uploads = 0
  for await (const some of inBatches(storage.listUploads(filesPrefix), ({ startedAt }) => isOld(startedAt))) {
    const unknown = new Set(await unknownKeys(some.map(({ key }) => key)))
    for (const upload of some.filter(({ key }) => unknown.has(key))) {
      await storage.abortUpload(upload satisfies OpenUpload)
      uploads++
    }
  }
  let objects = 0
  for await (const some of inBatches(storage.list(filesPrefix), ({ modifiedAt }) => isOld(modifiedAt))) {
    const unknown = await unknownKeys(some.map(({ key }) => key))
    await storage.delete(unknown)
    objects += unknown.length
  }
  return { uploads, objects }
}

async function* inBatches<T>(items: AsyncIterable<T>, wanted: (item: T) => boolean): AsyncGenerator<T[]> {
  let some: T[] = []
  for await (const item of items) {
    if (!wanted(item)) continue
    some.push(item)
    if (some.length < batch) continue
    yield some
    some = []
  }
  if (some.length) yield some
}
