import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, symlink } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { PlatformError, PublisherError } from '../build-error.ts'
import type { Source, SourceFile } from '../source.ts'

/** What an archive may hold. Bytes are counted by us while they are unpacked. */
const limits = { bytes: 2 * 2 ** 30, entries: 50_000, depth: 64, nameBytes: 255 }

const lfsMagic = 'version https://git-lfs.github.com/spec/v1'
// Control characters and those that turn the direction of text: a name that holds one is a trap for whoever reads it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafeName = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/

/**
 * Unpacks a commit's gzipped tar below `dir`. The archive's one top folder is left away; links, devices and names that
 * could reach outside are refused; files get mode 0644 or 0755 and nothing else. Throws `PublisherError`.
 */
export async function unpackSource(archive: Readable, dir: string): Promise<Source> {
  const files: SourceFile[] = []
  const links: { path: string; target: string }[] = []
  const hashes: string[] = []
  const lfsPointers: string[] = []
  let gitmodules = ''
  let bytes = 0
  let entries = 0

  const unpack = extract()
  const work = (async () => {
    for await (const entry of unpack) {
      const header = entry.header
      if (++entries > limits.entries)
        throw refused('source/too-many-files', `The repository holds more than ${limits.entries} files.`)
      const path = innerPath(header)
      if (path === null) {
        entry.resume()
        continue
      }
      if (header.type === 'directory') {
        await mkdir(join(dir, path), { recursive: true })
        entry.resume()
      } else if (header.type === 'file' || header.type === 'contiguous-file') {
        await mkdir(dirname(join(dir, path)), { recursive: true })
        const mode = (header.mode ?? 0) & 0o100 ? 0o755 : 0o644
        const hash = createHash('sha256')
        const head: Buffer[] = []
        let size = 0
        // `wx` with O_NOFOLLOW: a name that comes twice, or that is a link by now, is refused by the kernel.
        const file = await open(
          join(dir, path),
          constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW,
          mode,
        )
        try {
          for await (const chunk of entry as AsyncIterable<Buffer>) {
            bytes += chunk.length
            if (bytes > limits.bytes)
              throw refused(
                'source/too-large',
                `The repository is larger than ${limits.bytes / 2 ** 30} GiB when unpacked.`,
              )
            hash.update(chunk)
            if (size < 4096) head.push(chunk)
            size += chunk.length
            await file.write(chunk)
          }
        } finally {
          await file.close()
        }
        const start = Buffer.concat(head).toString('utf8', 0, 4096)
        if (size < 1024 && start.startsWith(lfsMagic)) lfsPointers.push(path)
        if (path === '.gitmodules') gitmodules = start
        files.push({ path, bytes: size, link: false })
        hashes.push(`${path}\0${mode.toString(8)}\0${hash.digest('hex')}`)
      } else if (header.type === 'symlink') {
        const target = header.linkname ?? ''
        const resolved = posix.normalize(posix.join(posix.dirname(path), target))
        if (posix.isAbsolute(target) || resolved === '..' || resolved.startsWith('../'))
          throw refused(
            'source/link-outside',
            `The link ${path} points outside the repository; replace it by the file that it means.`,
            path,
          )
        links.push({ path, target })
        files.push({ path, bytes: 0, link: true })
        hashes.push(`${path}\0link\0${target}`)
        entry.resume()
      } else
        throw refused(
          'source/entry-type',
          `The entry ${path} is a ${header.type}; only files, folders and links can be built.`,
          path,
        )
    }
  })()
  try {
    await Promise.all([pipeline(archive, createGunzip(), unpack), work])
  } catch (error) {
    unpack.destroy()
    await work.catch(() => undefined)
    if (error instanceof PublisherError) throw error
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
      throw refused('source/name-twice', 'The archive holds one name twice.')
    throw new PlatformError(
      'source/broken-archive',
      'The commit’s archive did not arrive whole; it is fetched again.',
      { step: 'fetch' },
      { cause: error },
    )
  }
  // Links come last, so that no file is ever written through one.
  for (const link of links) {
    await mkdir(dirname(join(dir, link.path)), { recursive: true })
    await symlink(link.target, join(dir, link.path))
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
  const sha256 = createHash('sha256').update(hashes.sort().join('\n')).digest('hex')
  const submodules = [...gitmodules.matchAll(/^\s*path\s*=\s*(.+?)\s*$/gm)].map((m) => m[1]!).slice(0, 100)
  return { dir, files, bytes, sha256, lfsPointers, submodules }
}

/** The path below the archive's top folder; null for the top folder itself. Throws on a name that we do not unpack. */
function innerPath(header: Header): string | null {
  const name = header.name.replace(/\/+$/, '')
  const shown = name.replaceAll(new RegExp(unsafeName, 'g'), '?').slice(0, 200)
  if (unsafeName.test(name))
    throw refused('source/name', `The name “${shown}” holds control characters; rename the file.`)
  if (name.startsWith('/') || name.includes('\\') || name.split('/').includes('..') || name.split('/').includes('.'))
    throw refused('source/name', `The name “${shown}” leads outside the repository, or holds a backslash.`)
  const parts = name.split('/').slice(1)
  if (parts.length === 0) return null
  if (parts.length > limits.depth)
    throw refused('source/too-deep', `The repository has folders more than ${limits.depth} deep.`)
  if (parts.some((part) => part === '' || Buffer.byteLength(part) > limits.nameBytes))
    throw refused('source/name', `The name “${shown}” is empty or longer than ${limits.nameBytes} bytes.`)
  return parts.join('/')
}

const refused = (code: string, sentence: string, file: string | null = null) =>
  new PublisherError(code, sentence, { step: 'fetch', file })
