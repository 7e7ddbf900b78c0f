import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PlatformError } from '../build/build-error.ts'
import { openTestEngine, testBase } from '../engine/docker-testing.ts'
import type { Engine } from '../engine/engine.ts'
import { openImageStore } from './client.ts'
import { imageRepository, imageTag } from './image-name.ts'

describe('openImageStore', { timeout: 120_000 }, () => {
  let engine: Engine
  let close = async () => {}
  let folder: string
  let registry: ChildProcess
  let port: number
  let image: string

  beforeAll(async () => {
    const opened = await openTestEngine()
    engine = opened.engine
    close = opened.close
    image = await testBase()
    folder = await mkdtemp(join(tmpdir(), 'modelport-registry-'))
    port = await freePort()
    const config = `version: 0.1
storage: { filesystem: { rootdirectory: ${folder}/data } }
http: { addr: '127.0.0.1:${port}' }
log: { level: error }
`
    await writeFile(join(folder, 'config.yml'), config)
    registry = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
    for (let attempt = 0; attempt < 100; attempt++) {
      if (
        await fetch(`http://127.0.0.1:${port}/v2/`).then(
          (answer) => answer.ok,
          () => false,
        )
      )
        return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error('docker-registry did not start')
  }, 300_000)

  afterAll(async () => {
    registry?.kill()
    await rm(folder, { recursive: true, force: true })
    await close()
  })

  const name = { repository: imageRepository('0192f0c1-aaaa-7bbb-8ccc-000000000001'), tag: imageTag(3, 'cpu') }
  const signal = new AbortController().signal

  it('pushes an image, reads its digest back, and leaves no name of it in the engine', async () => {
    const url = `http://127.0.0.1:${port}`
    const store = openImageStore(engine, { host: `127.0.0.1:${port}`, url, credentials: null })
    const stored = await store.store(image, name, signal)
    expect(stored).toMatchObject({ place: 'image-registry', ...name })
    expect(stored.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(stored.compressedBytes).toBeGreaterThan(10 * 2 ** 20)
    const found = await fetch(`${url}/v2/${name.repository}/tags/list`)
    expect(await found.json()).toMatchObject({ tags: ['v3-cpu'] })
    const names = (await engine.docker.getImage(image).inspect()).RepoTags
    expect(names.filter((each) => each.includes(String(port)))).toEqual([])
    expect((await store.store(image, name, signal)).digest).toBe(stored.digest)
  })

  it('fails as our fault when the image registry does not answer', async () => {
    const gone = await freePort()
    const store = openImageStore(engine, {
      host: `127.0.0.1:${gone}`,
      url: `http://127.0.0.1:${gone}`,
      credentials: null,
    })
    const error = await store.store(image, name, signal).catch((reason) => reason)
    expect(error).toBeInstanceOf(PlatformError)
    expect(error.code).toBe('image-registry/push-failed')
  })

  it('keeps the image in the engine where no image registry is configured', async () => {
    const stored = await openImageStore(engine, null).store(image, name, signal)
    expect(stored).toEqual({ place: 'engine', ...name, digest: image, compressedBytes: null })
    await engine.docker.getImage(`${name.repository}:${name.tag}`).remove()
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
