import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestEngine, testBase } from './docker-testing.ts'
import { type Engine, labels, listContainers, removing } from './engine.ts'
import { type TarEntry, tarOf } from './normalised-tar.ts'
import { readImageFile } from './read-image-file.ts'

const file = (name: string, text: string | Buffer): TarEntry => {
  const source = Buffer.from(text)
  return { type: 'file', name, executable: false, size: source.length, source }
}

describe('reading a file of an image', { timeout: 120_000 }, () => {
  let engine: Engine
  let close = async () => {}
  let imageId: string

  beforeAll(async () => {
    ;({ engine, close } = await openTestEngine())
    const from = await engine.docker.createContainer({ Image: await testBase(), Cmd: ['never'] })
    const entries: TarEntry[] = [
      file('x/plain', 'one\ntwo\n'),
      file('x/large', Buffer.alloc(5_000_000, 'a')),
      file('x/folder/inner', 'inner'),
      { type: 'symlink', name: 'x/link', target: '/x/plain' },
      { type: 'symlink', name: 'x/outside', target: '../../../../../etc/hostname' },
      { type: 'symlink', name: 'round', target: '/round' },
      { type: 'symlink', name: 'y', target: '../../../../../../etc' },
    ]
    await from.putArchive(
      tarOf([{ type: 'directory', name: 'x' }, { type: 'directory', name: 'x/folder' }, ...entries]),
      {
        path: '/',
      },
    )
    imageId = (await from.commit({ pause: false })).Id
    await from.remove({ force: true })
  }, 600_000)

  afterAll(async () => {
    await removing(engine.docker.getImage(imageId).remove({ force: true }))
    await close()
  })

  const read = (path: string, maxBytes = 1000) =>
    readImageFile(engine, { imageId, buildId: 'read', epoch: 1, path, maxBytes, signal: new AbortController().signal })

  it('gives a plain file, cut where it is told', async () => {
    expect((await read('/x/plain'))?.toString()).toBe('one\ntwo\n')
    expect((await read('/x/plain', 3))?.toString()).toBe('one')
    expect((await read('/x/large', 100_000))?.length).toBe(100_000)
  })

  it('gives nothing for a folder, a link, or what is not there', async () => {
    for (const path of [
      '/x',
      '/x/folder',
      '/x/link',
      '/x/outside',
      '/none',
      '/x/plain/none',
      '/round',
      '/round/x',
      '/dev/null',
    ])
      expect(await read(path), path).toBeNull()
  })

  it('follows a linked folder inside the image only', async () => {
    expect((await read('/y/debian_version'))?.toString()).toMatch(/^12\./)
    expect(await read('/y/docker/daemon.json')).toBeNull()
  })

  it('leaves no container, also when it is aborted', async () => {
    const request = { imageId, buildId: 'read', epoch: 1, path: '/x/large', maxBytes: 1e9 }
    await expect(readImageFile(engine, { ...request, signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow(
      'stop',
    )
    const label = [`${labels.installation}=${engine.installation}`]
    expect(await listContainers(engine, { all: true, filters: { label } })).toEqual([])
  })
})
