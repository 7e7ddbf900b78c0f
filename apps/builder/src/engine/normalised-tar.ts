import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { lstat, open, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'

/** One member of an archive: owner 0, fixed date, mode 0644 or 0755. */
export type TarEntry =
  | { type: 'directory'; name: string }
  | { type: 'symlink'; name: string; target: string }
  | { type: 'file'; name: string; executable: boolean; size: number; source: string | Buffer }

// Not 0: zip files, and so Python wheels made in a build step, cannot hold a date before 1980.
const date = new Date(1_000_000_000_000)

/**
 * Lists the given files and empty directories of a folder as entries below `prefix`, with the directories above them,
 * sorted by name. Throws when a path leaves the folder or goes through a link.
 */
export async function entriesOf(
  folder: string,
  files: string[],
  emptyDirectories: string[],
  prefix: string,
): Promise<TarEntry[]> {
  const entries = new Map<string, TarEntry>()
  const addDirectories = async (path: string) => {
    const parts = path.split('/')
    for (let depth = 1; depth <= parts.length; depth++) {
      const part = parts.slice(0, depth).join('/')
      const name = `${prefix}/${part}`
      if (entries.has(name)) continue
      if (!(await lstat(join(folder, part))).isDirectory()) throw new Error(`${part} is not a directory`)
      entries.set(name, { type: 'directory', name })
    }
  }
  entries.set(prefix, { type: 'directory', name: prefix })
  for (const path of emptyDirectories) {
    assertInside(path)
    await addDirectories(path)
  }
  for (const path of files) {
    assertInside(path)
    const above = path.split('/').slice(0, -1).join('/')
    if (above) await addDirectories(above)
    entries.set(`${prefix}/${path}`, await entryOf(join(folder, path), `${prefix}/${path}`))
  }
  return [...entries.values()].sort(byName)
}

/** Lists everything below a folder as entries without a prefix, sorted by name. */
export async function entriesOfFolder(folder: string): Promise<TarEntry[]> {
  const entries: TarEntry[] = []
  for (const item of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (item.name === '__pycache__' || item.parentPath.endsWith('__pycache__')) continue
    const path = join(item.parentPath, item.name)
    const name = path.slice(folder.length).replace(/^\/+/, '')
    entries.push(item.isDirectory() ? { type: 'directory', name } : await entryOf(path, name))
  }
  return entries.sort(byName)
}

/** A hash of what the archive of these entries would hold: names, kinds, modes, link targets and bytes. */
export async function hashEntries(entries: TarEntry[]): Promise<string> {
  const total = createHash('sha256')
  for (const entry of entries) {
    const detail =
      entry.type === 'file'
        ? [entry.executable, await hashOf(entry.source)]
        : [entry.type === 'symlink' ? entry.target : null]
    total.update(`${JSON.stringify([entry.name, entry.type, ...detail])}\n`)
  }
  return total.digest('hex')
}

/** Streams the entries as an uncompressed archive. A file that changes its size meanwhile breaks the stream. */
export function tarOf(entries: TarEntry[]): Readable {
  const archive = pack()
  const write = async () => {
    for (const entry of entries) {
      const common = { name: entry.name, uid: 0, gid: 0, uname: 'root', gname: 'root', mtime: date }
      if (entry.type === 'directory') {
        await header(archive, { ...common, type: 'directory', mode: 0o755 })
      } else if (entry.type === 'symlink') {
        await header(archive, { ...common, type: 'symlink', mode: 0o777, linkname: entry.target })
      } else {
        const file = { ...common, type: 'file' as const, mode: entry.executable ? 0o755 : 0o644, size: entry.size }
        if (typeof entry.source === 'string') {
          await pipeline(await openWithoutFollowing(entry.source), archive.entry(file))
        } else {
          await header(archive, file, entry.source)
        }
      }
    }
    archive.finalize()
  }
  write().catch((error) => archive.destroy(error))
  return Readable.from(archive, { objectMode: false })
}

/**
 * Hands an archive to a request of the engine, and ends the request when the archive breaks: the engine's client pipes the
 * archive without listening to its errors, and one that nobody listens to ends the process.
 */
export async function sendArchive<Answer>(
  archive: Readable,
  send: (archive: Readable, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const broken = new AbortController()
  archive.on('error', (error) => broken.abort(error))
  try {
    return await send(archive, broken.signal)
  } catch (error) {
    throw broken.signal.aborted ? broken.signal.reason : error
  }
}

function header(archive: ReturnType<typeof pack>, head: Parameters<typeof archive.entry>[0], content?: Buffer) {
  return new Promise<void>((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve())
    if (content) archive.entry(head, content, done)
    else archive.entry(head, done)
  })
}

async function entryOf(path: string, name: string): Promise<TarEntry> {
  const found = await lstat(path)
  if (found.isSymbolicLink()) return { type: 'symlink', name, target: await readlink(path) }
  if (!found.isFile()) throw new Error(`${name} is neither a file nor a link`)
  return { type: 'file', name, executable: (found.mode & 0o111) !== 0, size: found.size, source: path }
}

async function hashOf(source: string | Buffer): Promise<string> {
  const hash = createHash('sha256')
  if (typeof source === 'string') await pipeline(await openWithoutFollowing(source), hash)
  else hash.update(source)
  return hash.digest('hex')
}

async function openWithoutFollowing(path: string): Promise<Readable> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  return createReadStream('', { fd: file, highWaterMark: 256 * 1024 })
}

function assertInside(path: string): void {
  const parts = path.split('/')
  if (path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new Error(`${JSON.stringify(path)} is not a plain relative path`)
  }
}

function byName(a: TarEntry, b: TarEntry): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}
