import type { RandomAccess } from './pickle-imports.ts'
import { type Storage, StorageError } from './storage.ts'

/** A stored object of `bytes` that is read in pieces, each by one request: what an inspection needs. */
export function storedFile(storage: Pick<Storage, 'read'>, key: string, bytes: number): RandomAccess {
  return {
    size: bytes,
    async read(start, length) {
      const end = Math.min(start + length, bytes) - 1
      if (end < start) return Buffer.alloc(0)
      const stream = await storage.read(key, { start, end })
      if (!stream) throw new StorageError('storage/changed', `The object ${key} went away while it was read.`)
      const pieces: Uint8Array[] = []
      for await (const piece of stream) pieces.push(piece)
      return Buffer.concat(pieces)
    },
  }
}
