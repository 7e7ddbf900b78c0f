import { type OpenUpload, type Storage, StorageError, type StoredPart } from './storage.ts'

// S3's rules: at most 10,000 parts, each 5 MiB to 5 GiB but for the last (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const maxParts = 10_000
const MiB = 1024 * 1024
const smallestPart = 16 * MiB
const largestUsualPart = 64 * MiB

/** How a file of `bytes` is cut: parts of 16 MiB, up to 64 MiB for large files, more only where 10,000 would not do. */
export function partBytesFor(bytes: number): number {
  const wanted = Math.min(Math.max(smallestPart, bytes / 1000), largestUsualPart)
  return Math.ceil(Math.max(wanted, bytes / maxParts) / MiB) * MiB
}

/** How many parts a file has; an empty file has one, of nothing. */
export function partCount(bytes: number, partBytes: number): number {
  return Math.max(1, Math.ceil(bytes / partBytes))
}

/** The length in bytes of one part; throws a `RangeError` for a number that the file does not have. */
export function bytesOfPart(number: number, bytes: number, partBytes: number): number {
  const count = partCount(bytes, partBytes)
  if (!Number.isInteger(number) || number < 1 || number > count) {
    throw new RangeError(`The file has parts 1 to ${count}, and ${number} was asked for.`)
  }
  return number < count ? partBytes : bytes - (count - 1) * partBytes
}

/** What an upload was begun for. */
export interface PlannedUpload extends OpenUpload {
  bytes: number
  partBytes: number
}

/** The numbers of the parts that have not arrived, or not in their full length. */
export function missingParts(
  plan: Pick<PlannedUpload, 'bytes' | 'partBytes'>,
  stored: readonly StoredPart[],
): number[] {
  const lengths = new Map(stored.map((part) => [part.number, part.bytes]))
  const count = partCount(plan.bytes, plan.partBytes)
  return Array.from({ length: count }, (_, i) => i + 1).filter(
    (number) => lengths.get(number) !== bytesOfPart(number, plan.bytes, plan.partBytes),
  )
}

/**
 * Makes the object of an upload whose parts are all there, judged by what the store says and not by what the browser
 * said. Done twice, or again after a crash, it does nothing more. What is missing is a `storage/incomplete`.
 */
export async function finishUpload(storage: Storage, plan: PlannedUpload): Promise<void> {
  const parts = await storage.listParts(plan)
  if (parts === null) {
    const object = await storage.head(plan.key)
    if (object?.bytes === plan.bytes) return
    throw new StorageError('storage/incomplete', 'The upload is gone from the object store; begin it again.')
  }
  const count = partCount(plan.bytes, plan.partBytes)
  const missing = missingParts(plan, parts)
  if (missing.length || parts.length !== count) {
    const which = missing.slice(0, 5).join(', ')
    throw new StorageError(
      'storage/incomplete',
      missing.length
        ? `${missing.length} of ${count} parts have not arrived whole: ${which}${missing.length > 5 ? ', ...' : ''}.`
        : 'The upload has more parts than the file.',
    )
  }
  try {
    await storage.completeUpload(plan, parts)
  } catch (error) {
    // Another tab, or an answer that was lost: what counts is that the object is there.
    const object = await storage.head(plan.key)
    if (object?.bytes !== plan.bytes) throw error
  }
}
