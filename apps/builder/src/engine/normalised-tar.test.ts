import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { extract } from 'tar-stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { entriesOf, hashEntries, sendArchive, tarOf } from './normalised-tar.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelport-tar-'))
  await mkdir(join(folder, 'lib/deep'), { recursive: true })
  await mkdir(join(folder, 'models'))
  await writeFile(join(folder, 'run.sh'), '#!/bin/sh\n')
  await chmod(join(folder, 'run.sh'), 0o4711)
  await writeFile(join(folder, 'lib/deep/a.txt'), 'a')
  await chmod(join(folder, 'lib/deep/a.txt'), 0o600)
  await symlink('lib/deep/a.txt', join(folder, 'link'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const files = ['link', 'run.sh', 'lib/deep/a.txt']

async function members(entries: Awaited<ReturnType<typeof entriesOf>>): Promise<string[]> {
  const found: string[] = []
  const archive = extract()
  tarOf(entries).pipe(archive)
  for await (const entry of archive) {
    const { name, type, mode, uid, gid, mtime, linkname } = entry.header
    let text = ''
    for await (const chunk of entry) text += chunk
    found.push(
      `${name} ${type} ${mode?.toString(8)} ${uid}/${gid} ${mtime?.getTime()} ${linkname ?? ''} ${text.trim()}`,
    )
  }
  return found
}

it('gives every member owner 0, a fixed date and one of two modes, in order of name', async () => {
  expect(await members(await entriesOf(folder, files, ['models'], 'model'))).toEqual([
    'model directory 755 0/0 1000000000000  ',
    'model/lib directory 755 0/0 1000000000000  ',
    'model/lib/deep directory 755 0/0 1000000000000  ',
    'model/lib/deep/a.txt file 644 0/0 1000000000000  a',
    'model/link symlink 777 0/0 1000000000000 lib/deep/a.txt ',
    'model/models directory 755 0/0 1000000000000  ',
    'model/run.sh file 755 0/0 1000000000000  #!/bin/sh',
  ])
})

it('hashes what is copied and not when or by whom it was written', async () => {
  const hash = async () => hashEntries(await entriesOf(folder, files, [], 'model'))
  const first = await hash()
  await utimes(join(folder, 'run.sh'), 5, 5)
  await chmod(join(folder, 'lib/deep/a.txt'), 0o640)
  expect(await hash()).toBe(first)
  await writeFile(join(folder, 'lib/deep/a.txt'), 'b')
  const second = await hash()
  expect(second).not.toBe(first)
  await chmod(join(folder, 'lib/deep/a.txt'), 0o755)
  expect(await hash()).not.toBe(second)
})

it('refuses paths that leave the folder or go through a link', async () => {
  await symlink('lib', join(folder, 'through'))
  for (const path of ['../x', '/etc/passwd', 'a//b', './run.sh', 'through/deep/a.txt', 'lib/../run.sh', '']) {
    await expect(entriesOf(folder, [path], [], 'model'), path).rejects.toThrow()
  }
})

it('fails the request that carries an archive whose file became shorter, and nothing else', async () => {
  const server = createServer((incoming, answer) => incoming.resume().on('end', () => answer.end('taken')))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  // As the engine's client does it: nobody listens to the archive's errors.
  const send = (archive: NodeJS.ReadableStream, signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      const outgoing = httpRequest({ port, host: '127.0.0.1', method: 'PUT', signal }, () => resolve('taken'))
      outgoing.on('error', reject)
      archive.pipe(outgoing)
    })
  try {
    const entries = await entriesOf(folder, ['run.sh'], [], 'model')
    expect(await sendArchive(tarOf(entries), send)).toBe('taken')
    await writeFile(join(folder, 'run.sh'), '#')
    await expect(sendArchive(tarOf(entries), send)).rejects.toThrow('Size mismatch')
    await rm(join(folder, 'run.sh'))
    await expect(sendArchive(tarOf(entries), send)).rejects.toThrow('ENOENT')
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
