import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  attachUpload,
  beginVerification,
  cancelUpload,
  findUpload,
  listFiles,
  startUpload,
  type UploadSession,
} from '@modelport/db/queries/files'
import { type Model, syncModel, syncPublisher } from '@modelport/db/queries/models'
import { openTestDatabase } from '@modelport/db/testing'
import { type LocalS3, startLocalS3 } from '@modelport/infra/local-s3/index'
import { newFileKey } from '@modelport/storage/object-keys'
import { openS3Storage } from '@modelport/storage/s3-storage'
import type { Storage } from '@modelport/storage/storage'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { armFailPoints, uploadFailPoints } from '../fail-point.ts'
import { sweepFiles } from './sweep.ts'
import { verifyNext } from './verify-uploads.ts'

const secrets = { accessKeyId: 'TEST', secretAccessKey: 'a secret of this test' }
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

let folder: string
let server: LocalS3
let storage: Storage
let database: Awaited<ReturnType<typeof openTestDatabase>>
let model: Model
const db = () => database.db
const worker = () => ({
  database,
  storage,
  name: 'test',
  log: pino({ level: 'silent' }),
  stopping: new AbortController().signal,
})

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-verify-'))
  server = await startLocalS3({
    ...secrets,
    host: '127.0.0.1',
    port: 0,
    dir: folder,
    bucket: 'files',
    corsOrigins: [],
    uploadLifeMs: 3600_000,
  })
  storage = openS3Storage(
    { endpoint: server.url, publicEndpoint: server.url, region: 'us-east-1', bucket: 'files' },
    secrets,
  )
  database = await openTestDatabase()
  const publisher = await syncPublisher(db(), { id: 1, login: 'alice', type: 'User' })
  const repository = { id: 2, name: 'model', private: false, default_branch: 'main' }
  model = (await syncModel(db(), { publisher, installationId: null, repository })).model
})
afterEach(() => armFailPoints({}))
afterAll(async () => {
  storage.close()
  await server.close()
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

async function begun(data: Buffer, fileName: string): Promise<UploadSession> {
  const begun = await startUpload(db(), {
    modelId: model.id,
    option: null,
    choice: null,
    fileName,
    bytes: data.length,
    lastModified: 0,
    fingerprint: 'none',
    partBytes: 16 * 2 ** 20,
    key: newFileKey(),
    startedBy: 'alice',
  })
  if ('refusal' in begun) throw new Error(begun.refusal.sentence)
  const { session } = begun
  await attachUpload(db(), session.id, await storage.createUpload(session.key))
  return look(session)
}

const look = async (session: UploadSession) => (await findUpload(db(), model.id, session.id))!
const theFile = async (name: string) => (await listFiles(db(), model.id)).filter((file) => file.name === name)

async function send(session: UploadSession, data: Buffer): Promise<void> {
  const { key, uploadId } = session
  const { url } = await storage.signPart({ key, uploadId: uploadId!, number: 1, bytes: data.length })
  expect((await fetch(url, { method: 'PUT', body: new Uint8Array(data) })).status).toBe(200)
}

/** What a minute without a heartbeat does. */
const loseLease = (session: UploadSession) =>
  database.sql`update upload_sessions set lease_expires_at = now() - interval '1 second' where id = ${session.id}`

describe('a verification', () => {
  it('that dies at any place is taken up by another and ends in one file', async () => {
    for (const point of uploadFailPoints) {
      const data = randomBytes(1000)
      const session = await begun(data, `${point.replace(':', '-')}.bin`)
      await send(session, data)
      await beginVerification(db(), session.id, sha256(data))
      armFailPoints({ FAILPOINT: `${point}:throw` })
      await expect(verifyNext(worker())).rejects.toThrow(point)
      armFailPoints({})
      // Nobody takes it while its lease lasts.
      expect(await verifyNext(worker())).toBe(false)
      await loseLease(session)
      await verifyNext(worker())
      expect(await look(session), point).toMatchObject({ state: 'complete', failure: null })
      expect(await theFile(session.fileName)).toMatchObject([{ blob: { sha256: sha256(data), key: session.key } }])
    }
  })

  it('asks for parts that are missing, and stops when the upload is cancelled', async () => {
    const data = randomBytes(1000)
    const session = await begun(data, 'missing.bin')
    await beginVerification(db(), session.id)
    expect(await verifyNext(worker())).toBe(true)
    expect((await look(session)).state).toBe('uploading')
    await send(session, data)
    await beginVerification(db(), session.id)
    await cancelUpload(db(), model.id, session.id)
    expect(await verifyNext(worker())).toBe(false)
    expect((await look(session)).state).toBe('cancelled')
  })

  it('is not begun again and again while the store is away', async () => {
    const data = randomBytes(10)
    const session = await begun(data, 'away.bin')
    await send(session, data)
    await beginVerification(db(), session.id)
    const away = { ...storage, listParts: () => Promise.reject(new Error('503 SlowDown')) }
    await expect(verifyNext({ ...worker(), storage: away })).rejects.toThrow('SlowDown')
    expect(await look(session)).toMatchObject({ state: 'verifying', epoch: 1 })
    await loseLease(session)
    await verifyNext(worker())
    expect((await look(session)).state).toBe('complete')
  })
})

describe('T79: the sweep', () => {
  it('leaves no open upload and no object of what is over', async () => {
    const session = await begun(randomBytes(1000), 'left.bin')
    await send(session, randomBytes(1000))
    await database.sql`update upload_sessions set expires_at = now() - interval '1 second' where id = ${session.id}`
    const removed = await begun(randomBytes(10), 'removed.bin')
    await send(removed, randomBytes(10))
    await beginVerification(db(), removed.id)
    await verifyNext(worker())
    const [file] = await theFile('removed.bin')
    await database.sql`delete from files where id = ${file!.id}`
    const swept = await sweepFiles(db(), storage)
    expect(swept.ended).toBeGreaterThanOrEqual(1)
    expect(swept.blobs).toBe(1)
    expect((await look(session)).state).toBe('expired')
    for await (const { key } of storage.listUploads('')) expect(key).not.toBe(session.key)
    expect(await storage.head(removed.key)).toBeNull()
  })
})
