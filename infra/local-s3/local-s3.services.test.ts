import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openS3Storage } from '@modelport/storage/s3-storage'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from './config.ts'
import { corsHeaders, siteRule } from './cors.ts'
import { type LocalS3, startLocalS3 } from './server.ts'
import { Store } from './store.ts'
import { parseXml, textOf, textsOf, writeXml } from './xml.ts'

// What S3 is to its clients stands in packages/storage/src/s3-conformance.services.test.ts. Here: what this server is to
// its machine: nothing acknowledged is lost when it is killed, nothing is left over, and it stays small.

const secrets = { accessKeyId: 'TEST', secretAccessKey: 'a secret of this test' }
const MiB = 1024 * 1024
const index = join(fileURLToPath(import.meta.url), '../index.ts')

let dir: string
let running: { process: ChildProcess; url: string }[]
let inProcess: LocalS3[]

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'modelport-local-s3-'))
  running = []
  inProcess = []
})

afterEach(async () => {
  for (const { process: child } of running)
    if (child.exitCode === null && child.signalCode === null) await kill(child, 'SIGKILL')
  for (const server of inProcess) await server.close()
  rmSync(dir, { recursive: true, force: true })
})

const settings = (more: Record<string, string> = {}) => ({
  LOCAL_S3_PORT: '0',
  LOCAL_S3_DIR: dir,
  S3_ACCESS_KEY_ID: secrets.accessKeyId,
  S3_SECRET_ACCESS_KEY: secrets.secretAccessKey,
  ...more,
})

/** Starts the server as `npm start` does, in a process that can be killed. */
async function launch(more: Record<string, string> = {}): Promise<{ process: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', index], {
    env: { PATH: process.env.PATH, ...settings(more) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
  const started = { process: child, url: line.replace('local S3: ', '') }
  running.push(started)
  // It listens before it has read its records.
  for (let i = 0; i < 100 && (await fetch(`${started.url}/healthz`)).status !== 200; i++)
    await new Promise((done) => setTimeout(done, 20))
  return started
}

async function startHere(more: Record<string, string> = {}): Promise<LocalS3> {
  const server = await startLocalS3(readConfig(settings(more)))
  inProcess.push(server)
  return server
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setTimeout(done, 20))
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, 'exit')
  child.kill(signal)
  return (await ended)[0] as number | null
}

const open = (url: string) =>
  openS3Storage({ endpoint: url, publicEndpoint: url, region: 'us-east-1', bucket: 'modelport' }, secrets)
const octets = { contentType: 'application/octet-stream' }

/** Every file below a folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Memory that the process had at its highest, in MiB (Linux). */
function peakMemory(child: ChildProcess): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024
}

describe('killed with SIGKILL', () => {
  it('in the middle of many PUTs, it keeps all that it acknowledged, whole, and nothing half', async () => {
    const first = await launch()
    const storage = open(first.url)
    const acknowledged = new Map<string, string>()
    const sent = new Map<string, string>()
    let stop = false
    const writers = [0, 1, 2, 3].map(async (writer) => {
      for (let i = 0; !stop; i++) {
        const body = randomBytes(1000 + Math.floor(Math.random() * 300_000))
        const hash = createHash('sha256').update(body).digest('hex')
        const key = `files/${writer}-${i % 7}`
        sent.set(`${key} ${hash}`, key)
        try {
          await storage.put(key, body, octets)
          acknowledged.set(key, hash)
        } catch {
          return
        }
      }
    })
    await new Promise((done) => setTimeout(done, 1500))
    await kill(first.process, 'SIGKILL')
    stop = true
    storage.close()
    await Promise.all(writers)
    expect(acknowledged.size).toBeGreaterThan(10)

    const second = await launch()
    const again = open(second.url)
    for (const [key, hash] of acknowledged) {
      const found = createHash('sha256')
        .update((await again.get(key))!)
        .digest('hex')
      // The last PUT may have been done without its answer having arrived; then it is that one, whole.
      expect(found === hash || sent.get(`${key} ${found}`) === key).toBe(true)
    }
    const keys: string[] = []
    for await (const { key } of again.list('')) keys.push(key)
    again.close()
    expect(filesBelow(join(dir, 'blobs'))).toHaveLength(keys.length)
    expect(filesBelow(join(dir, 'tmp'))).toEqual([])
  }, 120_000)

  it('around the completion of an upload, it has the whole object or the whole upload', async () => {
    const body = Buffer.concat([randomBytes(5 * MiB), randomBytes(100)])
    let server = await launch()
    const outcomes = { object: 0, upload: 0 }
    for (let round = 0; round < 6; round++) {
      const storage = open(server.url)
      const key = `files/round-${round}`
      const uploadId = await storage.createUpload(key)
      for (const [number, part] of [
        [1, body.subarray(0, 5 * MiB)],
        [2, body.subarray(5 * MiB)],
      ] as const) {
        const { url } = await storage.signPart({ key, uploadId, number, bytes: part.length })
        expect((await fetch(url, { method: 'PUT', body: part })).status).toBe(200)
      }
      const parts = (await storage.listParts({ key, uploadId }))!
      const completing = storage.completeUpload({ key, uploadId }, parts).catch(() => {})
      await new Promise((done) => setTimeout(done, round * 2))
      await kill(server.process, 'SIGKILL')
      storage.close()
      await completing
      server = await launch()
      const again = open(server.url)
      const left = await again.listParts({ key, uploadId })
      if (left) {
        outcomes.upload++
        expect(await again.head(key)).toBeNull()
        await again.completeUpload({ key, uploadId }, left)
      } else outcomes.object++
      expect(Buffer.from((await again.get(key))!).equals(body)).toBe(true)
      // Said once more after the answer was lost, it is the same object.
      await again.completeUpload({ key, uploadId }, parts)
      again.close()
    }
    expect(outcomes.object + outcomes.upload).toBe(6)
    expect(filesBelow(join(dir, 'blobs'))).toHaveLength(12)
  }, 120_000)
})

describe('an upload of 300 MB in parts', () => {
  it('needs little memory, and is completed without being copied', async () => {
    const server = await launch()
    const storage = open(server.url)
    const key = 'files/large'
    const uploadId = await storage.createUpload(key)
    const part = randomBytes(16 * MiB)
    const count = 18
    const hash = createHash('sha256')
    const began = performance.now()
    for (let number = 1; number <= count; number += 2) {
      await Promise.all(
        [number, number + 1].map(async (n) => {
          const { url } = await storage.signPart({ key, uploadId, number: n, bytes: part.length })
          expect((await fetch(url, { method: 'PUT', body: part })).status).toBe(200)
        }),
      )
    }
    const seconds = (performance.now() - began) / 1000
    const parts = (await storage.listParts({ key, uploadId }))!
    const completing = performance.now()
    await storage.completeUpload({ key, uploadId }, parts)
    const completed = performance.now() - completing
    for (let i = 0; i < count; i++) hash.update(part)
    const found = createHash('sha256')
    for await (const piece of (await storage.read(key))!) found.update(piece)
    expect(found.digest('hex')).toBe(hash.digest('hex'))
    const memory = peakMemory(server.process)
    console.log(
      `${Math.round((count * 16) / seconds)} MiB/s, completed in ${Math.round(completed)} ms, at most ${Math.round(memory)} MiB`,
    )
    expect(memory).toBeLessThan(250)
    expect(completed).toBeLessThan(2_000)
    storage.close()
  }, 120_000)
})

describe('the folder', () => {
  it('has one server at a time', async () => {
    await startHere()
    await expect(startLocalS3(readConfig(settings()))).rejects.toThrow(/already in use by process/)
  })

  it('holds no blob of what was replaced, deleted, aborted or refused', async () => {
    const storage = open((await startHere()).url)
    await storage.put('a', Buffer.from('one'), octets)
    await storage.put('a', Buffer.from('two'), octets)
    await storage.copy('a', 'b')
    await storage.delete(['a'])
    const uploadId = await storage.createUpload('c')
    const { url } = await storage.signPart({ key: 'c', uploadId, number: 1, bytes: 3 })
    for (const body of ['abc', 'def']) expect((await fetch(url, { method: 'PUT', body })).status).toBe(200)
    const wrong = await storage.signPart({
      key: 'c',
      uploadId,
      number: 2,
      bytes: 3,
      sha256: createHash('sha256').update('ghi').digest('base64'),
    })
    expect((await fetch(wrong.url, { method: 'PUT', body: 'ghx' })).status).toBe(400)
    expect(filesBelow(join(dir, 'blobs'))).toHaveLength(2)
    await storage.abortUpload({ key: 'c', uploadId })
    expect(filesBelow(join(dir, 'blobs'))).toHaveLength(1)
    expect(Buffer.from((await storage.get('b'))!).toString()).toBe('two')
    storage.close()
  })

  it('keeps the bytes of a download whose object is replaced meanwhile', async () => {
    const storage = open((await startHere()).url)
    const body = randomBytes(8 * MiB)
    await storage.put('a', body, octets)
    const pieces: Uint8Array[] = []
    for await (const piece of (await storage.read('a'))!) {
      if (pieces.length === 0) await storage.put('a', Buffer.from('new'), octets)
      pieces.push(piece)
    }
    expect(Buffer.concat(pieces).equals(body)).toBe(true)
    expect(Buffer.from((await storage.get('a'))!).toString()).toBe('new')
    storage.close()
  })

  it('is readable for its owner alone', async () => {
    const storage = open((await startHere()).url)
    await storage.put('a', Buffer.from('x'), octets)
    for (const file of filesBelow(join(dir, 'blobs'))) expect(statSync(file).mode & 0o077).toBe(0)
    expect(statSync(join(dir, 'buckets')).mode & 0o077).toBe(0)
    storage.close()
  })

  it('with a damaged record loses no blob', async () => {
    const first = await startHere()
    const storage = open(first.url)
    await storage.put('a', Buffer.from('x'), octets)
    storage.close()
    await inProcess.pop()!.close()
    const [record] = filesBelow(join(dir, 'buckets')).filter((file) => file.includes('/objects/'))
    writeFileSync(record!, '{')
    await startHere()
    expect(filesBelow(join(dir, 'blobs'))).toHaveLength(1)
  })

  it('forgets uploads after their time (T79)', async () => {
    const server = await startHere()
    const storage = open(server.url)
    const [old, young] = [await storage.createUpload('old'), await storage.createUpload('young')]
    const { url } = await storage.signPart({ key: 'old', uploadId: old, number: 1, bytes: 1 })
    await fetch(url, { method: 'PUT', body: 'x' })
    await inProcess.pop()!.close()
    const store = new Store(dir)
    const uploads = store.buckets.get('modelport')!.uploads
    uploads.get(old)!.startedAt -= 25 * 3600_000
    expect(await store.sweepUploads(24 * 3600_000)).toBe(1)
    expect([...uploads.keys()]).toEqual([young])
    expect(filesBelow(join(dir, 'blobs'))).toEqual([])
    store.close()
    storage.close()
  })
})

describe('the process', () => {
  it('ends cleanly on SIGTERM, also while a client sends', async () => {
    const server = await launch()
    const storage = open(server.url)
    const uploadId = await storage.createUpload('slow')
    const { url } = await storage.signPart({ key: 'slow', uploadId, number: 1, bytes: 1000 })
    const sender = request(url, { method: 'PUT', headers: { 'content-length': 1000 } })
    sender.on('error', () => {})
    await new Promise<void>((done) => sender.write('half', () => done()))
    await until(() => filesBelow(join(dir, 'blobs')).length === 1)
    expect(await kill(server.process, 'SIGTERM')).toBe(0)
    await launch()
    expect(filesBelow(join(dir, 'blobs'))).toEqual([])
    storage.close()
  })

  it('says in one sentence that its port is in use, or what its settings lack', async () => {
    const blocker = createServer()
    await new Promise<void>((done) => blocker.listen(0, '127.0.0.1', done))
    const { port } = blocker.address() as { port: number }
    await expect(startLocalS3(readConfig(settings({ LOCAL_S3_PORT: String(port) })))).rejects.toThrow(
      `The local S3 server cannot listen on 127.0.0.1:${port}, because another program does; stop it or set LOCAL_S3_PORT.`,
    )
    await new Promise((done) => blocker.close(done))
    expect(() => readConfig({ LOCAL_S3_DIR: dir })).toThrow(
      /^The local S3 server cannot start with these settings\. S3_ACCESS_KEY_ID: /,
    )
  })

  it('lets the pages of the site send to the bucket', async () => {
    const server = await startHere({ LOCAL_S3_CORS_ORIGINS: 'http://127.0.0.1:3000, http://localhost:3000' })
    const ask = (origin: string) =>
      fetch(`${server.url}/modelport/files/x`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'PUT' },
      })
    expect((await ask('http://localhost:3000')).headers.get('access-control-allow-origin')).toBe(
      'http://localhost:3000',
    )
    expect((await ask('http://evil.example')).status).toBe(403)
  })

  it('survives requests that are none', async () => {
    const server = await startHere()
    for (const path of [
      '/%ff',
      '/modelport/%00',
      '//',
      '/modelport?list-type=2&max-keys=x',
      '/modelport/a?X-Amz-Algorithm=x',
      `/${'a'.repeat(9000)}`,
    ]) {
      const { status } = await fetch(server.url + path)
      expect([400, 403], path).toContain(status)
    }
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  })
})

describe('XML', () => {
  it('is read and written as S3 means it', () => {
    const root = parseXml(
      '<?xml version="1.0"?>\n<s3:Delete xmlns:s3="x"><Object><Key>a &amp; &#x1F600;&#9;</Key></Object><Quiet/></s3:Delete>',
    )
    expect([root.name, textOf(root.children[0]!, 'Key'), textsOf(root, 'Quiet')]).toEqual([
      'Delete',
      'a & \u{1F600}',
      [''],
    ])
    expect(writeXml('A', { B: ['<', undefined, 2], C: { D: true } }, false)).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<A><B>&#60;</B><B>2</B><C><D>true</D></C></A>',
    )
  })

  it('that is none, or tries more, is refused', () => {
    const deep = '<a>'.repeat(50)
    for (const text of [
      '',
      'x',
      '<a>',
      '</a>',
      '<a></b>',
      '<a/><b/>',
      '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
      '<a>&e;</a>',
      '<a>&#x110000;</a>',
      deep,
      '<a <b/>',
    ]) {
      expect(() => parseXml(text), text).toThrow(/not well-formed/)
    }
  })
})

describe('CORS rules', () => {
  it('match an origin as a whole, or by one star', () => {
    const rule = { ...siteRule(['https://*.example']), headers: ['x-amz-*'] }
    const ask = (origin: string, headers: string[] = []) => corsHeaders([rule], origin, 'PUT', headers) !== null
    expect(ask('https://a.example')).toBe(true)
    expect(ask('https://a.example.evil')).toBe(false)
    expect(ask('http://a.example')).toBe(false)
    expect(ask('https://a.example', ['X-Amz-Date'])).toBe(true)
    expect(ask('https://a.example', ['content-type'])).toBe(false)
  })
})
