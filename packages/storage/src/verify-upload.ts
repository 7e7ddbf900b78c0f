import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Storage, StorageError } from './storage.ts'

/** What was found in a stored object. */
export type Verification =
  | { ok: true /** Hex. */; sha256: string; bytes: number }
  | { ok: false; code: 'upload/missing' | 'upload/wrong-size' | 'upload/wrong-sha256'; sentence: string }

export interface VerifyOptions {
  key: string
  /** The size that was announced, in bytes. */
  bytes: number
  /** The hex SHA-256 that the sender computed, if it did. */
  sha256?: string | null
  /** Told how far it is, in bytes, at most about once a megabyte. */
  onProgress?: (bytes: number) => void
  signal?: AbortSignal
  /** How often a broken stream is taken up again without a byte gained; default 5. */
  tries?: number
}

/** Streams a stored object through SHA-256 in constant memory and compares it with what was announced. */
export async function verifyUpload(
  storage: Pick<Storage, 'head' | 'read'>,
  options: VerifyOptions,
): Promise<Verification> {
  const { key, bytes, sha256 } = options
  const object = await storage.head(key)
  if (!object) return { ok: false, code: 'upload/missing', sentence: 'The uploaded file is not in the object store.' }
  if (object.bytes !== bytes) {
    return {
      ok: false,
      code: 'upload/wrong-size',
      sentence: `The file was announced with ${bytes} bytes, and ${object.bytes} arrived. Upload it again.`,
    }
  }
  const found = await hashObject(storage, { ...options, etag: object.etag })
  if (sha256 && found !== sha256.toLowerCase()) {
    return {
      ok: false,
      code: 'upload/wrong-sha256',
      sentence: `The file changed on its way: SHA-256 ${sha256.toLowerCase()} was announced, and ${found} arrived. Upload it again.`,
    }
  }
  return { ok: true, sha256: found, bytes }
}

async function hashObject(storage: Pick<Storage, 'read'>, options: VerifyOptions & { etag: string }): Promise<string> {
  const { key, bytes, etag, onProgress, signal, tries = 5 } = options
  const hash = createHash('sha256')
  let done = 0
  let told = 0
  // A connection may break in 20 GiB; the hash goes on where it stood.
  for (let failures = 0; done < bytes; ) {
    const before = done
    try {
      const stream = await storage.read(key, { start: done, etag })
      if (!stream) throw new StorageError('storage/changed', `The object ${key} went away while it was read.`)
      for await (const piece of stream) {
        signal?.throwIfAborted()
        hash.update(piece)
        done += piece.length
        if (done - told >= 1024 * 1024 || done === bytes) {
          told = done
          onProgress?.(done)
        }
      }
      if (done < bytes) throw new Error(`The object ${key} ended after ${done} of ${bytes} bytes.`)
    } catch (error) {
      signal?.throwIfAborted()
      failures = done > before ? 1 : failures + 1
      const replaced = (error as { name?: string }).name === 'PreconditionFailed'
      if (error instanceof StorageError || replaced || failures >= tries) throw error
      await sleep(Math.min(100 * 2 ** failures, 5_000), undefined, { signal })
    }
  }
  return hash.digest('hex')
}
