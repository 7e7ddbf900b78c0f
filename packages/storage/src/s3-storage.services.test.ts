import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalS3, startLocalS3 } from '@modelport/infra/local-s3/index'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newFileKey } from './object-keys.ts'
import { listPickleImports } from './pickle-imports.ts'
import { openS3Storage } from './s3-storage.ts'
import type { Storage } from './storage.ts'
import { storedFile } from './stored-file.ts'
import { removeObjects, sweepStorage } from './sweep-storage.ts'
import { bytesOfPart, finishUpload, type PlannedUpload } from './upload-parts.ts'
import { verifyUpload } from './verify-upload.ts'

const secrets = { accessKeyId: 'TEST', secretAccessKey: 'a secret of this test' }
const MiB = 1024 * 1024
const partBytes = 5 * MiB
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

let folder: string
let server: LocalS3
let storage: Storage

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-storage-'))
  server = await startLocalS3({
    ...secrets,
    host: '127.0.0.1',
    port: 0,
    dir: folder,
    bucket: 'files',
    corsOrigins: ['http://127.0.0.1:3000'],
    uploadLifeMs: 3600_000,
  })
  storage = openS3Storage(
    { endpoint: server.url, publicEndpoint: server.url, region: 'us-east-1', bucket: 'files' },
    secrets,
  )
})

afterAll(async () => {
  storage.close()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function plan(bytes: number): Promise<PlannedUpload> {
  const key = newFileKey()
  return { key, uploadId: await storage.createUpload(key), bytes, partBytes }
}

/** Sends one part as the page does. */
async function sendPart(upload: PlannedUpload, data: Buffer, number: number): Promise<number> {
  const bytes = bytesOfPart(number, upload.bytes, upload.partBytes)
  const { url } = await storage.signPart({ ...upload, number, bytes })
  const start = (number - 1) * partBytes
  const answer = await fetch(url, {
    method: 'PUT',
    body: data.subarray(start, start + bytes),
    headers: { origin: 'http://127.0.0.1:3000' },
  })
  await answer.text()
  return answer.status
}

async function store(data: Buffer): Promise<PlannedUpload> {
  const upload = await plan(data.length)
  for (let number = 1; number <= Math.max(1, Math.ceil(data.length / partBytes)); number++) {
    expect(await sendPart(upload, data, number)).toBe(200)
  }
  await finishUpload(storage, upload)
  return upload
}

describe('an upload', () => {
  it('is interrupted, resumed with the missing parts alone, finished and verified', async () => {
    const data = randomBytes(2 * partBytes + 777)
    const upload = await plan(data.length)
    expect(await sendPart(upload, data, 3)).toBe(200)
    expect(await sendPart(upload, data, 1)).toBe(200)
    await expect(finishUpload(storage, upload)).rejects.toMatchObject({
      code: 'storage/incomplete',
      message: '1 of 3 parts have not arrived whole: 2.',
    })
    expect(await sendPart(upload, data, 2)).toBe(200)
    await Promise.all([finishUpload(storage, upload), finishUpload(storage, upload)])
    await finishUpload(storage, upload)
    const progress: number[] = []
    const found = await verifyUpload(storage, {
      ...upload,
      sha256: sha256(data).toUpperCase(),
      onProgress: (n) => progress.push(n),
    })
    expect(found).toEqual({ ok: true, sha256: sha256(data), bytes: data.length })
    expect(progress.at(-1)).toBe(data.length)
  })

  it('may be of an empty file', async () => {
    const upload = await store(Buffer.alloc(0))
    expect(await verifyUpload(storage, upload)).toEqual({ ok: true, sha256: sha256(Buffer.alloc(0)), bytes: 0 })
  })

  it('cannot hold more than was announced (T78)', async () => {
    const data = randomBytes(100)
    const upload = await plan(data.length)
    const { url } = await storage.signPart({ ...upload, number: 1, bytes: 100 })
    expect((await fetch(url, { method: 'PUT', body: randomBytes(101) })).status).toBe(403)
    // Somebody who got a signature for more than the plan has.
    const extra = await storage.signPart({ ...upload, number: 2, bytes: 50 })
    expect(await sendPart(upload, data, 1)).toBe(200)
    expect((await fetch(extra.url, { method: 'PUT', body: randomBytes(50) })).status).toBe(200)
    await expect(finishUpload(storage, upload)).rejects.toThrow('The upload has more parts than the file.')
  })

  it('that was aborted is gone, also when it is aborted again', async () => {
    const upload = await plan(10)
    await storage.abortUpload(upload)
    await storage.abortUpload(upload)
    expect(await storage.listParts(upload)).toBeNull()
    await expect(finishUpload(storage, upload)).rejects.toThrow(/begin it again/)
  })

  it('of a part with a known SHA-256 takes no other bytes', async () => {
    const upload = await plan(4)
    const hash = createHash('sha256').update('data').digest('base64')
    const { url } = await storage.signPart({ ...upload, number: 1, bytes: 4, sha256: hash })
    expect((await fetch(url, { method: 'PUT', body: 'dAta' })).status).toBe(400)
    expect((await fetch(url, { method: 'PUT', body: 'data' })).status).toBe(200)
  })

  it('lists more parts than fit one page', async () => {
    const upload = await plan(1)
    const { url } = await storage.signPart({ ...upload, number: 1, bytes: 1 })
    await fetch(url, { method: 'PUT', body: 'x' })
    for (let number = 2; number <= 1003; number += 50) {
      const batch = Array.from({ length: Math.min(50, 1004 - number) }, (_, i) => number + i)
      await Promise.all(
        batch.map(async (n) =>
          fetch((await storage.signPart({ ...upload, number: n, bytes: 1 })).url, { method: 'PUT', body: 'x' }),
        ),
      )
    }
    const parts = (await storage.listParts(upload))!
    expect(parts.map(({ number }) => number)).toEqual(Array.from({ length: 1003 }, (_, i) => i + 1))
    await storage.abortUpload(upload)
  })
})

describe('a verification', () => {
  it('tells a missing object, a wrong size and a wrong hash', async () => {
    const data = randomBytes(1000)
    const upload = await store(data)
    const codeOf = async (more: object) => {
      const result = await verifyUpload(storage, { ...upload, ...more })
      return result.ok ? 'ok' : result.code
    }
    expect(await codeOf({})).toBe('ok')
    expect(await codeOf({ key: 'files/none' })).toBe('upload/missing')
    expect(await codeOf({ bytes: 999 })).toBe('upload/wrong-size')
    expect(await codeOf({ sha256: sha256(Buffer.from('other')) })).toBe('upload/wrong-sha256')
  })

  it('goes on where a broken stream ended', async () => {
    const data = randomBytes(3 * MiB)
    const upload = await store(data)
    const starts: number[] = []
    const breaking: Pick<Storage, 'head' | 'read'> = {
      head: storage.head,
      async read(key, range) {
        starts.push(range!.start!)
        const stream = (await storage.read(key, range))!
        return (async function* () {
          let left = MiB
          for await (const piece of stream) {
            if (left <= 0) throw new Error('the connection broke')
            left -= piece.length
            yield piece
          }
        })()
      },
    }
    expect(await verifyUpload(breaking, upload)).toMatchObject({ ok: true, sha256: sha256(data) })
    expect(starts.length).toBeGreaterThan(2)
    expect(starts[0]).toBe(0)
  })

  it('gives up on a stream that brings nothing, and on an object that changes', async () => {
    const upload = await store(randomBytes(1000))
    const broken = { head: storage.head, read: () => Promise.reject(new Error('down')) }
    await expect(verifyUpload(broken, { ...upload, tries: 2 })).rejects.toThrow('down')
    const changing: Pick<Storage, 'head' | 'read'> = {
      head: async (key) => ({ ...(await storage.head(key))!, etag: '"another"' }),
      read: storage.read,
    }
    await expect(verifyUpload(changing, upload)).rejects.toMatchObject({ name: 'PreconditionFailed' })
    const stop = AbortSignal.abort()
    await expect(verifyUpload(storage, { ...upload, signal: stop })).rejects.toThrow(/abort/i)
  })

  it('of 200 MB needs little memory', async () => {
    const piece = randomBytes(MiB)
    const count = 200
    const large: Pick<Storage, 'head' | 'read'> = {
      head: async () => ({ bytes: count * MiB, etag: '"x"', modifiedAt: new Date(), contentType: null }),
      read: async () =>
        (async function* () {
          for (let i = 0; i < count; i++) yield piece
        })(),
    }
    const before = process.memoryUsage().rss
    expect(await verifyUpload(large, { key: 'x', bytes: count * MiB })).toMatchObject({ ok: true })
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * MiB)
  })
})

describe('objects', () => {
  it('are put, read, copied, listed and deleted', async () => {
    const key = `gallery/${randomBytes(4).toString('hex')}`
    await storage.put(key, Buffer.from('picture'), { contentType: 'image/png' })
    expect(await storage.head(key)).toMatchObject({ bytes: 7, contentType: 'image/png' })
    expect(Buffer.from((await storage.get(key))!).toString()).toBe('picture')
    await expect(storage.get(key, { maxBytes: 3 })).rejects.toMatchObject({ code: 'storage/too-large' })
    await storage.copy(key, `${key} ü`)
    const keys: string[] = []
    for await (const object of storage.list(key)) keys.push(object.key)
    expect(keys).toEqual([key, `${key} ü`])
    const some: Uint8Array[] = []
    for await (const piece of (await storage.read(key, { start: 2, end: 4 }))!) some.push(piece)
    expect(Buffer.concat(some).toString()).toBe('ctu')
    await storage.delete([...keys, 'gallery/none'])
    expect([await storage.head(key), await storage.get(key), await storage.read(key)]).toEqual([null, null, null])
    await storage.check()
  })

  it('are downloaded under their name and never shown (T80)', async () => {
    const upload = await store(Buffer.from('<script>alert(1)</script>'))
    const url = await storage.signDownload(upload.key, { fileName: 'größe "1".html' })
    expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('300')
    const answer = await fetch(url)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'cache-control': 'private, no-store',
      'content-disposition': `attachment; filename="gro_e _1_.html"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%221%22.html`,
    })
    const part = await fetch(url, { headers: { range: 'bytes=0-6' } })
    expect([part.status, await part.text()]).toEqual([206, '<script'])
  })
})

it('a stored pickle is inspected with a few small reads', async () => {
  const pickle = Buffer.concat([
    Buffer.from('\x80\x04\x8e', 'latin1'),
    Buffer.from(BigUint64Array.of(BigInt(6 * MiB)).buffer),
    randomBytes(6 * MiB),
    Buffer.from('cos\nsystem\n.'),
  ])
  const { key } = await store(pickle)
  let reads = 0
  const counting: Pick<Storage, 'read'> = {
    read(...range) {
      reads++
      return storage.read(...range)
    },
  }
  const report = await listPickleImports(storedFile(counting, key, pickle.length))
  expect(report).toEqual({ format: 'pickle', imports: ['os.system'], complete: true })
  expect(reads).toBeLessThan(5)
})

describe('the sweep', () => {
  it('removes what nobody knows after a day, and nothing else', async () => {
    const [known, unknown] = [await store(Buffer.from('known')), await store(Buffer.from('unknown'))]
    const [open, lost] = [await plan(1), await plan(1)]
    const kept = new Set([known.key, open.key])
    const unknownKeys = async (keys: string[]) =>
      keys.filter((key) => !kept.has(key) && [unknown.key, lost.key].includes(key))
    expect(await sweepStorage(storage, unknownKeys)).toEqual({ uploads: 0, objects: 0 })
    const tomorrow = Date.now() + 25 * 3600_000
    expect(await sweepStorage(storage, unknownKeys, tomorrow)).toEqual({ uploads: 1, objects: 1 })
    expect(await storage.head(unknown.key)).toBeNull()
    expect(await storage.head(known.key)).not.toBeNull()
    expect([await storage.listParts(open), await storage.listParts(lost)]).toEqual([[], null])
    await removeObjects(storage, [open, { key: known.key, uploadId: null }, { key: 'files/gone', uploadId: 'gone' }])
    expect(await storage.head(known.key)).toBeNull()
    expect(await storage.listParts(open)).toBeNull()
  })
})
