import { randomUUID } from 'node:crypto'

// Keys say nothing of who stored what: names, owners and models stand in the database alone.

/** The prefix of every checkpoint. */
export const filesPrefix = 'files/'

/** A new key for a checkpoint. */
export function newFileKey(): string {
  return `${filesPrefix}${randomUUID()}`
}

/** A new key for a picture of a gallery. */
export function newGalleryKey(): string {
  return `gallery/${randomUUID()}`
}

/** The key of a build's stored log: one for each epoch, so that a worker that lost its lease overwrites nobody's. */
export function logKey(buildId: string, epoch: number): string {
  if (!/^[0-9a-f-]{36}$/.test(buildId)) throw new Error('A build id is a UUID.')
  return `logs/${buildId}/${epoch}`
}
