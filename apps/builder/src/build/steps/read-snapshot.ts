import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Source } from '../source.ts'

/** What of a commit is kept for people to read: the names of so many files, and the text of those that are small. */
export const snapshotLimits = { files: 5000, fileBytes: 256 * 1024, bytes: 8 * 1024 * 1024 }

/** A file of a commit; `text` is null where it is not kept, and what it points to where it is a link. */
export interface SnapshotFile {
  path: string
  bytes: number
  kind: 'text' | 'binary' | 'large' | 'link'
  text: string | null
}

/**
 * The files of a commit by path, with the text of those that are text. Shallow ones come first where there are too many,
 * so that a folder of data does not push out the code beside it.
 */
export function readSnapshot(source: Source, limits = snapshotLimits): SnapshotFile[] {
  let left = limits.bytes
  return [...source.files]
    .sort((a, b) => depthOf(a.path) - depthOf(b.path) || (a.path < b.path ? -1 : 1))
    .slice(0, limits.files)
    .map(({ path, bytes, link }): SnapshotFile => {
      const place = join(source.dir, path)
      if (link) return { path, bytes, kind: 'link', text: cleanText(Buffer.from(readlinkSync(place))) }
      if (bytes > limits.fileBytes || bytes > left) return { path, bytes, kind: 'large', text: null }
      const text = cleanText(readWhole(place))
      if (text === null) return { path, bytes, kind: 'binary', text }
      left -= bytes
      return { path, bytes, kind: 'text', text }
    })
}

const depthOf = (path: string) => path.split('/').length

function readWhole(place: string): Buffer {
  const descriptor = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    return readFileSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Text is UTF-8 without NUL, which Postgres does not hold either. */
function cleanText(bytes: Buffer): string | null {
  if (bytes.includes(0)) return null
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
