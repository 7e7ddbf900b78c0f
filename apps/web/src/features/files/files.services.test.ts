import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { extendVerification, failVerification, finishVerification, takeVerification } from '@modelport/db/queries/files'
import { person } from '@modelport/db/queries/model-changes'
import { deleteModel } from '@modelport/db/queries/model-life'
import { updateModelSettings } from '@modelport/db/queries/models'
import type { User } from '@modelport/db/queries/people'
import { sampleManifest } from '@modelport/db/seed'
import { type LocalS3, startLocalS3 } from '@modelport/infra/local-s3/index'
import * as schema from '@modelport/schema/api'
import { listPickleImports } from '@modelport/storage/pickle-imports'
import { openS3Storage } from '@modelport/storage/s3-storage'
import type { Storage } from '@modelport/storage/storage'
import { storedFile } from '@modelport/storage/stored-file'
import { finishUpload } from '@modelport/storage/upload-parts'
import { verifyUpload } from '@modelport/storage/verify-upload'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { openTestSite, siteUrl, type TestSite } from '#src/api/test-site.ts'
import * as download from '#src/app/[owner]/[model]/files/[...address]/route.ts'
import * as file from '#src/app/api/v1/models/[owner]/[model]/files/[file]/route.ts'
import * as files from '#src/app/api/v1/models/[owner]/[model]/files/route.ts'
import * as complete from '#src/app/api/v1/models/[owner]/[model]/files/uploads/[upload]/complete/route.ts'
import * as part from '#src/app/api/v1/models/[owner]/[model]/files/uploads/[upload]/parts/[part]/route.ts'
import * as parts from '#src/app/api/v1/models/[owner]/[model]/files/uploads/[upload]/parts/route.ts'
import * as upload from '#src/app/api/v1/models/[owner]/[model]/files/uploads/[upload]/route.ts'
import * as uploads from '#src/app/api/v1/models/[owner]/[model]/files/uploads/route.ts'
import * as hash from '#src/app/hash/[sha256]/route.ts'

const run = promisify(execFile)
const MiB = 2 ** 20
const secrets = { accessKeyId: 'TEST', secretAccessKey: 'a secret of this test' }
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')
const manifest = {
  ...sampleManifest,
  options: [
    ...sampleManifest.options,
    { name: 'weights', type: 'file', extension: '.safetensors' },
    { name: 'words', type: 'file', isDirectory: true },
  ],
}

let folder: string
let store: LocalS3
let storage: Storage
let site: TestSite
let alice: User
let as: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-files-'))
  store = await startLocalS3({
    ...secrets,
    host: '127.0.0.1',
    port: 0,
    dir: join(folder, 'objects'),
    bucket: 'files',
    corsOrigins: [siteUrl],
    uploadLifeMs: 3600_000,
  })
  storage = openS3Storage(
    { endpoint: store.url, publicEndpoint: store.url, region: 'us-east-1', bucket: 'files' },
    secrets,
  )
  site = await openTestSite({
    storage,
    fileLimits: { fileBytes: 64 * MiB, publisherBytes: 128 * MiB, publisherFiles: 30, openUploads: 6 },
  })
  alice = await site.seed.person('alice')
  as = await site.tokenOf(alice)
})
afterAll(async () => {
  await site.close()
  storage.close()
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A model with a version, of a publisher of its own, of which alice is the owner. */
async function published(options: { private?: boolean } = {}) {
  const owner = `owner-${randomBytes(4).toString('hex')}`
  const { model } = await site.seed.model({ owner, ...options })
  await site.seed.publishedVersion(model, { manifest })
  site.permissions.set(`${owner}/${model.name} alice`, 'admin')
  return { model, owner, params: { owner, model: model.slug }, path: `/models/${owner}/${model.slug}/files` }
}
type Published = Awaited<ReturnType<typeof published>>

async function bodyOf<T extends z.ZodType>(answer: Response, shape: T, status = 200): Promise<z.infer<T>> {
  const body = await answer.text()
  expect(answer.status, body).toBe(status)
  return shape.parse(JSON.parse(body))
}
const problemOf = async (answer: Response, status: number) => (await bodyOf(answer, schema.Problem, status)).code

interface Sent {
  name?: string
  option?: string | null
  choice?: string | null
  sha256?: string
  size?: number
}
const night = { option: 'style', choice: 'night' }

const begin = (at: Published, data: Uint8Array, wish: Sent = {}, who = as) =>
  site.call(files.POST, at.path, at.params, {
    as: who,
    body: { name: 'night.pth', size: data.length, ...night, ...wish },
  })

async function begun(at: Published, data: Uint8Array, wish: Sent = {}, status = 201) {
  const { upload } = await bodyOf(await begin(at, data, wish), schema.BegunUpload, status)
  return upload!
}

type Begun = z.infer<typeof schema.Upload>
const at = (published: Published, { id }: Begun) => ({
  params: { ...published.params, upload: id },
  path: `${published.path}/uploads/${id}`,
})

async function sign(published: Published, session: Begun, wish: { number: number; sha256?: string }[], who = as) {
  const place = at(published, session)
  return site.call(parts.POST, `${place.path}/parts`, place.params, { as: who, body: { parts: wish } })
}

async function send(published: Published, session: Begun, data: Uint8Array, numbers = session.missing!) {
  for (const number of numbers) {
    const { items } = (await (await sign(published, session, [{ number }])).json()) as { items: { url: string }[] }
    const start = (number - 1) * session.partSize
    const body = data.slice(start, start + session.partSize)
    const answer = await fetch(items[0]!.url, { method: 'PUT', body })
    expect(answer.status, await answer.text()).toBe(200)
    const place = at(published, session)
    const noted = await site.call(
      part.PUT,
      place.path,
      { ...place.params, part: String(number) },
      { as, method: 'PUT' },
    )
    expect(noted.status).toBe(204)
  }
}

async function finish(published: Published, session: Begun, body: { sha256?: string } = {}) {
  const place = at(published, session)
  return site.call(complete.POST, `${place.path}/complete`, place.params, { as, body })
}

const look = async (published: Published, session: Begun) => {
  const place = at(published, session)
  return bodyOf(await site.call(upload.GET, place.path, place.params, { as }), schema.Upload)
}

/** What the worker does; its own loop has tests where it lies. */
async function verifyAll(): Promise<void> {
  for (;;) {
    const taken = await takeVerification(site.db, 'test')
    if (!taken) return
    const { session, lease } = taken
    await extendVerification(site.db, lease, 0)
    await finishUpload(storage, { ...session, uploadId: session.uploadId! })
    const found = await verifyUpload(storage, { key: session.key, bytes: session.bytes, sha256: session.claimedSha256 })
    if (!found.ok) await failVerification(site.db, lease, found)
    else {
      const inspection = await listPickleImports(storedFile(storage, session.key, session.bytes))
      await finishVerification(site.db, lease, { sha256: found.sha256, inspection })
    }
  }
}

async function stored(published: Published, data: Uint8Array, wish: Sent = {}) {
  const session = await begun(published, data, wish)
  await send(published, session, data)
  expect((await finish(published, session)).status).toBe(202)
  await verifyAll()
  const done = await look(published, session)
  expect(done.failure).toBeNull()
  return done.file!
}

const list = async (published: Published, who: string | undefined = as, query = '') =>
  bodyOf(await site.call(files.GET, published.path + query, published.params, { as: who }), schema.FileList)

/** Asks for a stable address as a browser or curl does. */
async function fetchAt(url: string, { as: who, method = 'GET' }: { as?: string; method?: string } = {}) {
  const { pathname } = new URL(url)
  const [owner, model, , ...address] = pathname.slice(1).split('/').map(decodeURIComponent)
  const request = new Request(url, { method, headers: who ? { authorization: `Bearer ${who}` } : {} })
  const answer = method === 'HEAD' ? download.HEAD : download.GET
  return answer(request, { params: Promise.resolve({ owner: owner!, model: model!, address }) })
}

describe('an upload', () => {
  it('goes from begin to a file that can be downloaded, in ranges and by HEAD', async () => {
    const model = await published()
    const data = randomBytes(20 * MiB + 5)
    const file = await stored(model, data)
    expect(file).toMatchObject({
      ...night,
      size: data.length,
      sha256: sha256(data),
      uploadedBy: 'alice',
      current: true,
    })
    const answer = await fetchAt(file.placeUrl!, { as })
    expect(answer.status).toBe(302)
    const range = await fetch(answer.headers.get('location')!, { headers: { range: 'bytes=16777210-16777225' } })
    expect(range.status).toBe(206)
    expect(sha256(new Uint8Array(await range.arrayBuffer()))).toBe(sha256(data.subarray(16777210, 16777226)))
    const head = await fetchAt(file.url, { as, method: 'HEAD' })
    const seen = await fetch(head.headers.get('location')!, { method: 'HEAD' })
    expect(seen.status).toBe(200)
    expect(seen.headers.get('content-length')).toBe(String(data.length))
    expect(seen.headers.get('accept-ranges')).toBe('bytes')
  })

  it('goes on after an interruption with the missing parts alone, and says what is missing', async () => {
    const model = await published()
    const data = randomBytes(40 * MiB)
    const session = await begun(model, data)
    expect(session.missing).toEqual([1, 2, 3])
    await send(model, session, data, [2])
    expect(await problemOf(await finish(model, session), 409)).toBe('files/parts-missing')
    const again = await begun(model, data, {}, 200)
    expect(again).toMatchObject({ id: session.id, missing: [1, 3], arrived: 16 * MiB })
    await send(model, again, data)
    expect((await finish(model, session, { sha256: sha256(data) })).status).toBe(202)
    await verifyAll()
    expect((await list(model)).items.map((item) => item.sha256)).toEqual([sha256(data)])
  })

  it('is told of many parts at once, for the progress that others see', async () => {
    const model = await published()
    const session = await begun(model, randomBytes(40 * MiB))
    const place = at(model, session)
    const note = (numbers: unknown, who = as) =>
      site.call(parts.PUT, `${place.path}/parts`, place.params, { as: who, method: 'PUT', body: { numbers } })
    expect((await note([3, 1, 3])).status).toBe(204)
    expect((await note([1])).status).toBe(204)
    for (const wrong of [[], [4], [1, 4], [0], ['1'], undefined]) expect((await note(wrong)).status).toBe(400)
    const listed = await site.call(uploads.GET, `${model.path}/uploads`, model.params, { as })
    expect((await listed.json()).items).toMatchObject([{ id: session.id, arrived: 24 * MiB }])
    await site.call(upload.DELETE, place.path, place.params, { as, method: 'DELETE' })
    expect(await problemOf(await note([2]), 409)).toBe('files/upload-over')
  })

  it('checks size and extension before the first byte', async () => {
    const model = await published()
    const data = randomBytes(10)
    const codeOf = async (wish: Sent, status = 400) => problemOf(await begin(model, data, wish), status)
    expect(await codeOf({ size: 65 * MiB })).toBe('files/too-large')
    expect(await codeOf({ option: 'weights', choice: null, name: 'a.pth' })).toBe('files/wrong-extension')
    expect(await codeOf({ option: 'words', choice: null, name: 'words.txt' })).toBe('files/wrong-extension')
    expect(await codeOf({ choice: 'dusk' })).toBe('files/no-such-place')
    expect(await codeOf({ option: 'nothing', choice: null })).toBe('files/no-such-place')
    expect((await list(model)).places).toMatchObject([
      { option: 'style', choice: 'day', kind: 'category' },
      { option: 'style', choice: 'night', kind: 'category' },
      { option: 'weights', choice: null, kind: 'file', extension: '.safetensors' },
      { option: 'words', choice: null, kind: 'directory' },
    ])
    await stored(model, data, { option: 'words', choice: null, name: 'words.tar.gz' })
  })

  it('links what can be read already, and tells nobody what others keep', async () => {
    const [mine, own, theirs] = [await published(), await published(), await published()]
    const data = randomBytes(3 * MiB)
    const bob = await site.seed.person(`bob-${randomBytes(3).toString('hex')}`)
    const asBob = await site.tokenOf(bob)
    site.permissions.set(`${theirs.owner}/${theirs.model.name} ${bob.login}`, 'write')
    await stored(mine, data)
    const linked = await bodyOf(await begin(own, data, { sha256: sha256(data) }), schema.BegunUpload, 201)
    expect(linked).toMatchObject({ upload: null, file: { sha256: sha256(data) } })
    // Bob may not read it: for him the content is unknown, and he sends it whole.
    const refused = await bodyOf(await begin(theirs, data, { sha256: sha256(data) }, asBob), schema.BegunUpload, 201)
    expect(refused.file).toBeNull()
    await updateModelSettings(site.db, mine.model.id, { viewersSeeFiles: true }, person('alice'))
    const open = await bodyOf(await begin(theirs, data, { sha256: sha256(data) }, asBob), schema.BegunUpload, 201)
    expect(open.file?.sha256).toBe(sha256(data))
    // What he had begun is over: linking it has made it useless.
    const [over] = (await site.call(uploads.GET, theirs.path, theirs.params, { as: asBob }).then((a) => a.json())).items
    expect(over.status).toBe('cancelled')
  })

  it('of the same bytes stores them once', async () => {
    const [one, two] = [await published(), await published()]
    const data = randomBytes(2 * MiB)
    await stored(one, data)
    await stored(two, data)
    expect((await site.db.query.blobs.findMany()).filter((blob) => blob.sha256 === sha256(data))).toHaveLength(1)
  })

  it('of a pickle shows what it would import', async () => {
    const model = await published()
    const pickle = Buffer.from("cos\nsystem\n(S'echo hi'\ntR.")
    const file = await stored(model, pickle, { name: 'night.pkl' })
    expect(file.inspection).toEqual({ format: 'pickle', imports: ['os.system'], complete: true })
  })
})

describe('T76: a name', () => {
  it('never makes a key, whatever it is; a path is refused', async () => {
    const model = await published()
    for (const name of ['../../etc/passwd', '..%2f..', 'a/b', 'a\\b', '\0', '..', 'x'.repeat(1000)]) {
      const answer = await begin(model, Buffer.alloc(4), { name, option: null, choice: null })
      if (name === '..%2f..') expect(answer.status).toBe(201)
      else expect(await problemOf(answer, 400), name).toBe('files/name-invalid')
    }
    for await (const { key } of storage.listUploads('')) expect(key).toMatch(/^files\/[0-9a-f-]{36}$/)
  })
})

describe('T77: a signed part', () => {
  it('is for this key, this upload, this method and this length', async () => {
    const model = await published()
    const data = randomBytes(100)
    const session = await begun(model, data)
    const { items } = await (await sign(model, session, [{ number: 1 }])).json()
    const url: string = items[0].url
    const statusOf = async (address: string, method = 'PUT', body: BodyInit | undefined = data) => {
      const answer = await fetch(address, { method, body: method === 'GET' || method === 'DELETE' ? undefined : body })
      await answer.arrayBuffer()
      return answer.status
    }
    const other = new URL(url)
    other.pathname = `/files/files/${crypto.randomUUID()}`
    expect(await statusOf(other.href)).toBe(403)
    expect(await statusOf(url.replace(/uploadId=[^&]+/, 'uploadId=another'))).toBe(403)
    expect(await statusOf(url.replace('partNumber=1', 'partNumber=2'))).toBe(403)
    expect(await statusOf(url, 'GET')).toBe(403)
    expect(await statusOf(url, 'DELETE')).toBe(403)
    expect(await statusOf(url, 'PUT', randomBytes(101))).toBe(403)
    expect(await statusOf(url.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=86400'))).toBe(403)
    expect(Number(/X-Amz-Expires=(\d+)/.exec(url)![1])).toBeLessThanOrEqual(900)
    expect(await statusOf(url)).toBe(200)
    // Sent again after the end it changes nothing.
    await finish(model, session)
    await verifyAll()
    expect(await statusOf(url)).toBe(404)
    expect((await list(model)).items[0]!.sha256).toBe(sha256(data))
  })

  it('is signed no more for those who lost the right, and not for an upload that is over or of another model', async () => {
    const [model, other] = [await published(), await published()]
    const bob = await site.seed.person(`bob-${randomBytes(3).toString('hex')}`)
    const asBob = await site.tokenOf(bob)
    await site.seed.permission(bob, model.model, 'write')
    const session = await begun(model, Buffer.alloc(10))
    expect((await sign(model, session, [{ number: 1 }], asBob)).status).toBe(200)
    await site.seed.permission(bob, model.model, 'none')
    expect((await sign(model, session, [{ number: 1 }], asBob)).status).toBe(404)
    expect((await sign(other, session, [{ number: 1 }])).status).toBe(404)
    const place = at(model, session)
    const gone = await site.call(upload.DELETE, place.path, place.params, { as, method: 'DELETE' })
    expect(gone.status).toBe(204)
    expect(await problemOf(await sign(model, session, [{ number: 1 }]), 409)).toBe('files/upload-over')
  })
})

describe('T78: what arrives', () => {
  it('has the parts, the length and the checksum that were announced', async () => {
    const model = await published()
    const data = randomBytes(20 * MiB)
    const session = await begun(model, data)
    for (const number of [3, 10_000]) expect((await sign(model, session, [{ number }])).status).toBe(400)
    expect((await sign(model, session, [{ number: 10_001 }])).status).toBe(400)
    const digest = createHash('sha256')
      .update(data.subarray(0, 16 * MiB))
      .digest('base64')
    const { items } = await (await sign(model, session, [{ number: 1, sha256: digest }])).json()
    const wrong = await fetch(items[0].url, { method: 'PUT', body: randomBytes(16 * MiB) })
    expect(wrong.status, await wrong.text()).toBe(400)
    expect((await look(model, session)).missing).toEqual([1, 2])
    const right = await fetch(items[0].url, { method: 'PUT', body: data.subarray(0, 16 * MiB) })
    expect(right.status, await right.text()).toBe(200)
    await send(model, session, data, [2])
    await finish(model, session, { sha256: sha256(Buffer.from('something else')) })
    await verifyAll()
    const failed = await look(model, session)
    expect(failed).toMatchObject({ status: 'failed', file: null, failure: { code: 'upload/wrong-sha256' } })
    expect((await list(model)).items).toEqual([])
  })
})

describe('T79: a half upload', () => {
  it('is one, however often it is begun, finished and ended', async () => {
    const model = await published()
    const data = randomBytes(5 * MiB)
    const twice = await Promise.all([begin(model, data), begin(model, data)])
    const ids = await Promise.all(twice.map(async (answer) => (await answer.json()).upload.id))
    expect(new Set(ids).size).toBe(1)
    const session = await begun(model, data, {}, 200)
    await send(model, session, data)
    const statuses = await Promise.all([finish(model, session), finish(model, session), finish(model, session)])
    expect(statuses.map((answer) => answer.status)).toEqual([202, 202, 202])
    await verifyAll()
    const place = at(model, session)
    await site.call(upload.DELETE, place.path, place.params, { as, method: 'DELETE' })
    expect(await look(model, session)).toMatchObject({ status: 'complete', file: { sha256: sha256(data) } })
    expect((await list(model)).items).toHaveLength(1)
  })
})

describe('T80, T81: a download', () => {
  it('is an attachment of no type from another origin, whatever was sent', async () => {
    const model = await published()
    const page = Buffer.from('<script>alert(1)</script>')
    for (const name of [
      'a.html',
      'a.svg',
      'a.js',
      'a.pdf',
      'a.html;.png',
      'plain',
      'a"b\'c.html',
      `${'é'.repeat(120)}.html`,
    ]) {
      const file = await stored(model, Buffer.concat([page, Buffer.from(name)]), { name, option: null, choice: null })
      const answer = await fetchAt(file.placeUrl!, { as })
      expect(answer.status, name).toBe(302)
      expect(await answer.text()).toBe('')
      const location = new URL(answer.headers.get('location')!)
      expect(location.origin).not.toBe(new URL(siteUrl).origin)
      const object = await fetch(location)
      await object.arrayBuffer()
      expect(object.headers.get('content-type')).toBe('application/octet-stream')
      expect(object.headers.get('content-disposition')).toMatch(/^attachment; filename="[\x20-\x7e]*"/)
      expect(object.headers.get('x-content-type-options')).toBe('nosniff')
      expect(object.headers.get('content-security-policy')).toContain('sandbox')
      const inline = new URL(location)
      inline.searchParams.set('response-content-type', 'text/html')
      expect((await fetch(inline)).status).toBe(403)
    }
  })
})

describe('T82: quotas', () => {
  it('count bytes under way, files and open uploads', async () => {
    const model = await published()
    for (const choice of ['day', 'night']) await begun(model, Buffer.alloc(1), { choice, size: 60 * MiB })
    expect(await problemOf(await begin(model, Buffer.alloc(1), { name: 'third', size: 60 * MiB }), 409)).toBe(
      'files/quota',
    )
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, i) => begin(model, Buffer.alloc(10), { name: `tiny-${i}` })),
    )
    expect(many.filter((answer) => answer.status === 201)).toHaveLength(4)
    const refused = many.find((answer) => answer.status === 409)!
    expect((await refused.json()).code).toBe('files/too-many-uploads')
    expect((await list(model)).usage).toMatchObject({ reserved: 120 * MiB + 40, limit: 128 * MiB })
  })

  it('let go of what a deleted model had, once it cannot be restored', async () => {
    const { dropFilesOfDeletedModels, publisherUsage } = await import('@modelport/db/queries/files')
    const model = await published()
    await stored(model, randomBytes(1000))
    await begun(model, Buffer.alloc(1), { name: 'open', size: 5000 })
    await deleteModel(site.db, model.model.id, person('alice'))
    await dropFilesOfDeletedModels(site.db)
    const usage = () => publisherUsage(site.db, model.model.publisherId)
    // While it can be restored its files stay, and count; what was on its way does not.
    expect(await usage()).toEqual({ bytes: 1000, reservedBytes: 0, files: 1, openUploads: 0 })
    await site.db.execute(sql`update models set deleted_at = now() - interval '15 days' where id = ${model.model.id}`)
    await dropFilesOfDeletedModels(site.db)
    expect(await usage()).toEqual({ bytes: 0, reservedBytes: 0, files: 0, openUploads: 0 })
  })
})

describe('T83, T84: who may have a file', () => {
  it('is asked each time; the signed address lives five minutes, and no cache keeps either', async () => {
    const model = await published()
    const file = await stored(model, randomBytes(10))
    expect((await fetchAt(file.url)).status).toBe(404)
    await updateModelSettings(site.db, model.model.id, { viewersSeeFiles: true }, person('alice'))
    const open = await fetchAt(file.url)
    expect(open.status).toBe(302)
    expect(open.headers.get('cache-control')).toBe('private, no-store')
    expect(open.headers.get('referrer-policy')).toBe('no-referrer')
    const location = open.headers.get('location')!
    expect(Number(/X-Amz-Expires=(\d+)/.exec(location)![1])).toBeLessThanOrEqual(300)
    const object = await fetch(location)
    expect(object.headers.get('cache-control')).toBe('private, no-store')
    await object.arrayBuffer()
    await updateModelSettings(site.db, model.model.id, { visibility: 'private' }, person('alice'))
    expect((await fetchAt(file.url)).status).toBe(404)
    const missing = await fetchAt(`${file.url.split('/id/')[0]}/id/${crypto.randomUUID()}/x.css`)
    const hidden = await fetchAt(`${file.url}.css`)
    expect(await hidden.text()).toBe(await missing.text())
    expect([...hidden.headers]).toEqual([...missing.headers])
    expect(hidden.headers.get('cache-control')).toBe('no-store')
  })

  it('is the same 404 for strangers as a model that does not exist; viewers list and do not change', async () => {
    const model = await published()
    const own = await stored(model, randomBytes(10))
    const carol = await site.tokenOf(await site.seed.person(`carol-${randomBytes(3).toString('hex')}`))
    const nowhere = { owner: model.owner, model: 'nowhere' }
    const statusFor = async (who: string | undefined, params = model.params) => [
      (await site.call(files.GET, model.path, params, { as: who })).status,
      (await site.call(file.GET, model.path, { ...params, file: own.id }, { as: who })).status,
      (await site.call(uploads.GET, model.path, params, { as: who })).status,
      (await site.call(files.POST, model.path, params, { as: who, body: {} })).status,
      (await site.call(file.DELETE, model.path, { ...params, file: own.id }, { as: who, method: 'DELETE' })).status,
    ]
    expect(await statusFor(carol)).toEqual([404, 404, 404, 404, 404])
    expect(await statusFor(carol, nowhere)).toEqual([404, 404, 404, 404, 404])
    await updateModelSettings(site.db, model.model.id, { viewersSeeFiles: true }, person('alice'))
    expect(await statusFor(carol)).toEqual([200, 200, 404, 404, 404])
    expect(await statusFor(undefined)).toEqual([200, 200, 401, 401, 401])
    expect((await list(model, carol)).usage).toBeNull()
  })

  it('is asked of a token by its scope', async () => {
    const model = await published()
    const onlyRead = await site.tokenOf(alice, ['read'])
    const onlyFiles = await site.tokenOf(alice, ['files'])
    expect((await begin(model, Buffer.alloc(4), {}, onlyRead)).status).toBe(403)
    expect((await begin(model, Buffer.alloc(4), {}, onlyFiles)).status).toBe(201)
    expect((await site.call(files.GET, model.path, model.params, { as: onlyFiles })).status).toBe(200)
  })

  it('by its hash leads to the Files page of a model whose files one may see', async () => {
    const model = await published()
    const file = await stored(model, randomBytes(10))
    const ask = (digits: string, who?: string) =>
      hash.GET(new Request(`${siteUrl}/hash/${digits}`, { headers: who ? { authorization: `Bearer ${who}` } : {} }), {
        params: Promise.resolve({ sha256: digits }),
      })
    expect((await ask(file.sha256)).status).toBe(404)
    expect((await ask('../etc')).status).toBe(404)
    const answer = await ask(file.sha256.toUpperCase(), as)
    expect(answer.headers.get('location')).toBe(
      `${siteUrl}/${model.owner}/${model.model.slug}/files#sha256-${file.sha256.slice(0, 12)}`,
    )
  })
})

describe('a file', () => {
  it('is renamed, described, replaced and removed; what it replaced stays for publishers', async () => {
    const model = await published()
    const first = await stored(model, randomBytes(10))
    const change = (body: object, id = first.id) =>
      site.call(file.PATCH, model.path, { ...model.params, file: id }, { as, body, method: 'PATCH' })
    const renamed = await bodyOf(await change({ name: 'better.pth', description: 'Trained for longer' }), schema.File)
    expect(renamed).toMatchObject({ name: 'better.pth', description: 'Trained for longer' })
    expect(await problemOf(await change({ name: 'a/b' }), 400)).toBe('files/name-invalid')
    const second = await stored(model, randomBytes(10))
    expect((await list(model)).items.map((item) => item.id)).toEqual([second.id])
    expect((await list(model, as, '?earlier=1')).items.map((item) => item.current)).toEqual([true, false])
    expect((await fetchAt(renamed.url, { as })).status).toBe(302)
    const gone = await site.call(
      file.DELETE,
      model.path,
      { ...model.params, file: second.id },
      { as, method: 'DELETE' },
    )
    expect(gone.status).toBe(204)
    expect((await list(model)).items).toEqual([])
  })
})

describe('curl', () => {
  let server: Server
  let address: string
  // biome-ignore lint/suspicious/noExplicitAny: handlers differ in the parameters of their paths
  type Handler = (request: Request, context: { params: Promise<any> }) => Promise<Response>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const routes: [RegExp, Record<string, any>][] = [
    [/^\/api\/v1\/models\/(?<owner>[^/]+)\/(?<model>[^/]+)\/files$/, files],
    [/^\/api\/v1\/models\/(?<owner>[^/]+)\/(?<model>[^/]+)\/files\/uploads\/(?<upload>[^/]+)$/, upload],
    [/\/models\/(?<owner>[^/]+)\/(?<model>[^/]+)\/files\/uploads\/(?<upload>[^/]+)\/parts$/, parts],
    [/\/models\/(?<owner>[^/]+)\/(?<model>[^/]+)\/files\/uploads\/(?<upload>[^/]+)\/parts\/(?<part>\d+)$/, part],
    [/\/models\/(?<owner>[^/]+)\/(?<model>[^/]+)\/files\/uploads\/(?<upload>[^/]+)\/complete$/, complete],
    [/^\/(?<owner>[^/]+)\/(?<model>[^/]+)\/files\/(?<address>.+)$/, download],
  ]

  beforeAll(async () => {
    server = createServer(async (message, response) => {
      const url = new URL(message.url!, siteUrl)
      const found = routes.map(([pattern, route]) => [pattern.exec(url.pathname)?.groups, route] as const)
      const [params, route] = found.find(([groups]) => groups) ?? []
      const method = message.method!
      const body = method === 'GET' || method === 'HEAD' ? undefined : await text(message)
      const request = new Request(url, { method, headers: message.headers as Record<string, string>, body })
      const given = {
        ...params,
        ...(params?.address ? { address: params.address.split('/').map(decodeURIComponent) } : {}),
      }
      const answer = await (route![method] as Handler)(request, { params: Promise.resolve(given) })
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      response.end(Buffer.from(await answer.arrayBuffer()))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))

  it('uploads and downloads as docs/files.md says', async () => {
    const model = await published()
    const data = randomBytes(36 * MiB)
    const file = join(folder, 'night one.pth')
    writeFileSync(file, data)
    const guide = readFileSync(join(import.meta.dirname, '../../../../../docs/files.md'), 'utf8')
    const [script, fetching] = [...guide.matchAll(/```sh\n(.*?)```/gs)].map(([, code]) => code!)
    const onlyFiles = await site.tokenOf(alice, ['files'])
    const env = {
      ...process.env,
      MODELPORT: address,
      MODEL: `${model.owner}/${model.model.slug}`,
      TOKEN: onlyFiles,
      FILE: file,
    }
    const verifying = setInterval(() => void verifyAll(), 300)
    try {
      const { stdout } = await run('sh', ['-euc', script!], { cwd: folder, env })
      expect(stdout.trim()).toBe('complete')
      const again = await run('sh', ['-euc', script!], { cwd: folder, env })
      expect(again.stdout.trim()).toBe('stored already, and linked')
    } finally {
      clearInterval(verifying)
    }
    const target = mkdtempSync(join(folder, 'download-'))
    const place = 'export OPTION=style CHOICE=night\n'
    await run('sh', ['-euc', place + fetching!], { cwd: target, env })
    expect(sha256(readFileSync(join(target, 'night.pth')))).toBe(sha256(data))
  })
})
