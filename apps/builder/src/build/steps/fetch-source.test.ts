import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { unpackSource } from './fetch-source.ts'

type Entry = {
  name: string
  type?: 'file' | 'directory' | 'symlink' | 'link' | 'fifo' | 'character-device'
  linkname?: string
  mode?: number
  body?: string
}

async function archive(entries: Entry[]): Promise<Buffer> {
  const tar = pack()
  for (const { body = '', ...header } of entries) tar.entry({ mode: 0o644, ...header }, body)
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar) chunks.push(chunk as Buffer)
  return gzipSync(Buffer.concat(chunks))
}

let outer: string
let dir: string
beforeEach(async () => {
  outer = await mkdtemp(join(tmpdir(), 'modelport-unpack-'))
  dir = join(outer, 'scratch')
  const { mkdir } = await import('node:fs/promises')
  await mkdir(dir)
})
afterEach(() => rm(outer, { recursive: true, force: true }))
const unpack = async (entries: Entry[]) => unpackSource(Readable.from([await archive(entries)]), dir)

describe('unpackSource', () => {
  it('leaves the top folder away and keeps files, modes and inner links', async () => {
    const source = await unpack([
      { name: 'alice-upper-abc/', type: 'directory' },
      { name: 'alice-upper-abc/runway.yml', body: 'python: 3.11\n' },
      { name: 'alice-upper-abc/bin/run.sh', body: '#!/bin/sh\n', mode: 0o755 },
      { name: 'alice-upper-abc/bin/suid', body: 'x', mode: 0o6755 },
      { name: 'alice-upper-abc/link', type: 'symlink', linkname: 'bin/run.sh' },
    ])
    expect(source.files.map((f) => f.path)).toEqual(['bin/run.sh', 'bin/suid', 'link', 'runway.yml'])
    expect(await readFile(join(dir, 'runway.yml'), 'utf8')).toBe('python: 3.11\n')
    expect((await lstat(join(dir, 'bin/suid'))).mode & 0o7777).toBe(0o755)
    expect((await lstat(join(dir, 'link'))).isSymbolicLink()).toBe(true)
    expect(source.sha256).toMatch(/^[0-9a-f]{64}$/)
  })
  it('gives the same content hash for another order and another top folder', async () => {
    const a = await unpack([
      { name: 'x/a', body: '1' },
      { name: 'x/b', body: '2' },
    ])
    dir = join(outer, 'again')
    const b = await unpack([
      { name: 'y/b', body: '2' },
      { name: 'y/a', body: '1' },
    ])
    expect(a.sha256).toBe(b.sha256)
  })
  it('tells git-lfs pointers and submodules', async () => {
    const source = await unpack([
      { name: 'x/model.pt', body: 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n' },
      { name: 'x/.gitmodules', body: '[submodule "lib"]\n\tpath = vendor/lib\n\turl = https://example.org/lib\n' },
    ])
    expect(source.lfsPointers).toEqual(['model.pt'])
    expect(source.submodules).toEqual(['vendor/lib'])
  })
  it.each<[string, Entry, string]>([
    ['a name that climbs', { name: 'x/../../evil' }, 'source/name'],
    ['a name that climbs below a folder', { name: 'x/a/../../../evil' }, 'source/name'],
    ['an absolute name', { name: '/abs/file' }, 'source/name'],
    ['a backslash', { name: 'x/..\\evil' }, 'source/name'],
    ['an escape sequence', { name: 'x/a\u001b]0;evil' }, 'source/name'],
    ['a newline', { name: 'x/a\nb' }, 'source/name'],
    ['text that turns its direction', { name: 'x/a\u202egpj.exe' }, 'source/name'],
    ['a link out of the repository', { name: 'x/l', type: 'symlink', linkname: '../secret' }, 'source/link-outside'],
    [
      'an absolute link',
      { name: 'x/runway.yml', type: 'symlink', linkname: '/proc/self/environ' },
      'source/link-outside',
    ],
    ['a hard link', { name: 'x/h', type: 'link', linkname: '/etc/passwd' }, 'source/entry-type'],
    ['a pipe', { name: 'x/f', type: 'fifo' }, 'source/entry-type'],
    ['a device', { name: 'x/d', type: 'character-device' }, 'source/entry-type'],
    ['a very deep folder', { name: `x/${'d/'.repeat(70)}f` }, 'source/too-deep'],
  ])('refuses %s', async (_, entry, code) => {
    await expect(unpack([{ name: 'x/first', body: '1' }, entry])).rejects.toMatchObject({ code })
    expect(await readdir(outer)).toEqual(['scratch'])
  })
  it('never writes through a link', async () => {
    const source = await unpack([
      { name: 'x/dir', type: 'symlink', linkname: 'other' },
      { name: 'x/dir/file', body: 'no' },
    ]).catch((error: { code: string }) => error)
    expect(source).toBeInstanceOf(Error)
  })
  it('refuses one name twice', async () => {
    await expect(
      unpack([
        { name: 'x/a', body: '1' },
        { name: 'x/a', body: '2' },
      ]),
    ).rejects.toMatchObject({ code: 'source/name-twice' })
  })
  it('calls an archive that was cut ours to fetch again', async () => {
    const whole = await archive([{ name: 'x/a', body: 'y'.repeat(100_000) }])
    await expect(unpackSource(Readable.from([whole.subarray(0, whole.length >> 1)]), dir)).rejects.toMatchObject({
      code: 'source/broken-archive',
      name: 'PlatformError',
    })
  })
})
