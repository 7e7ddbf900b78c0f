import { createHash, randomUUID } from 'node:crypto'
import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blobs, objectDeletions, uploadSessions } from '../tables/files.ts'
import { models } from '../tables/models.ts'
import { openTestDatabase } from '../testing.ts'
import {
  attachUpload,
  beginVerification,
  cancelUpload,
  currentFile,
  defaultFileLimits,
  describeFile,
  expireUploads,
  extendVerification,
  type FileLimits,
  failVerification,
  findFile,
  finishVerification,
  linkStoredFile,
  listFiles,
  listUploads,
  publisherUsage,
  recordedParts,
  recordParts,
  removeFile,
  renameFile,
  reopenUpload,
  startUpload,
  sweepBlobs,
  takeVerification,
  type UploadSession,
  type UploadWish,
  unknownObjectKeys,
  workObjectDeletions,
} from './files.ts'
import { listChanges, person } from './model-changes.ts'
import { type Model, syncModel, syncPublisher } from './models.ts'

const alice = person('alice')
let database: Awaited<ReturnType<typeof openTestDatabase>>
const db = () => database.db
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

let ids = 5000
/** A model of a publisher of its own, so that quotas do not meet. */
async function makeModel(owner = `owner-${++ids}`): Promise<Model> {
  const id = Number(owner.split('-')[1])
  const publisher = await syncPublisher(db(), { id, login: owner, type: 'User' })
  const repository = { id: ++ids, name: `model-${ids}`, private: false, default_branch: 'main' }
  return (await syncModel(db(), { publisher, installationId: null, repository })).model
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const night = { option: 'style', choice: 'night' }
const free = { option: null, choice: null }

const wishFor = (model: Model, more: Partial<UploadWish> = {}): UploadWish => ({
  modelId: model.id,
  ...night,
  fileName: 'night.pth',
  bytes: 1000,
  lastModified: 1_700_000_000_000,
  fingerprint: sha256('first and last'),
  partBytes: 16 * 1024 * 1024,
  key: `files/${randomUUID()}`,
  startedBy: 'alice',
  ...more,
})

async function begin(model: Model, more: Partial<UploadWish> = {}, limits?: FileLimits): Promise<UploadSession> {
  const begun = await startUpload(db(), wishFor(model, more), limits)
  if ('refusal' in begun) throw new Error(begun.refusal.sentence)
  await attachUpload(db(), begun.session.id, `upload-${begun.session.id}`)
  return begun.session
}

/** Takes the verification of one session; others that wait are left alone. */
async function take(session: UploadSession) {
  await db()
    .update(uploadSessions)
    .set({ updatedAt: new Date(0) })
    .where(eq(uploadSessions.id, session.id))
  const taken = await takeVerification(db(), 'worker')
  expect(taken?.session.id).toBe(session.id)
  return taken!.lease
}

async function upload(model: Model, content: string, more: Partial<UploadWish> = {}) {
  const session = await begin(model, { bytes: content.length, fingerprint: sha256(content), ...more })
  expect(await beginVerification(db(), session.id)).toBe(true)
  const file = await finishVerification(db(), await take(session), { sha256: sha256(content), inspection: null })
  return { session, file: file! }
}

const codeOf = async (result: Promise<unknown>) => {
  const value = (await result) as { refusal?: { code: string } } | null
  return value?.refusal?.code ?? 'granted'
}
const stateOf = async ({ id }: UploadSession) =>
  (await db().select().from(uploadSessions).where(eq(uploadSessions.id, id)))[0]!.state
const deletionsOf = (key: string) => db().select().from(objectDeletions).where(eq(objectDeletions.key, key))

describe('an upload', () => {
  it('is one for two tabs with the same file, and resumes after a reload (T79)', async () => {
    const model = await makeModel()
    const wish = () => wishFor(model)
    const [one, two] = await Promise.all([startUpload(db(), wish()), startUpload(db(), wish())])
    if ('refusal' in one || 'refusal' in two) throw new Error('refused')
    expect(one.session.id).toBe(two.session.id)
    expect([one.resumed, two.resumed].sort()).toEqual([false, true])
    expect(await attachUpload(db(), one.session.id, 'a')).toBe(true)
    expect(await attachUpload(db(), one.session.id, 'b')).toBe(false)
    expect(await recordParts(db(), one.session.id, [{ number: 2, bytes: 9 }])).toBe(true)
    const both = [1, 2].map((number) => ({ number, bytes: 30 - 10 * number }))
    expect(await recordParts(db(), one.session.id, both)).toBe(true)
    expect(await recordParts(db(), one.session.id, both)).toBe(true)
    expect(await recordedParts(db(), one.session.id)).toEqual([1, 2])
    const [listed] = await listUploads(db(), model.id)
    expect(listed).toMatchObject({ id: one.session.id, uploadId: 'a', arrivedBytes: 30 })
    const other = await startUpload(db(), wishFor(model, { startedBy: 'bob' }))
    expect('session' in other && other.resumed).toBe(false)
  })

  it('becomes the file of its place, and the earlier one stays', async () => {
    const model = await makeModel()
    const { file: first } = await upload(model, 'first weights')
    await describeFile(db(), model.id, first.id, 'Trained at night')
    const { file: second, session } = await upload(model, 'second weights', { fileName: 'night-2.pth' })
    expect(await stateOf(session)).toBe('complete')
    expect(await currentFile(db(), model.id, night)).toMatchObject({
      id: second.id,
      name: 'night-2.pth',
      description: 'Trained at night',
    })
    expect((await listFiles(db(), model.id)).map(({ id }) => id)).toEqual([second.id])
    expect((await listFiles(db(), model.id, { earlier: true })).map(({ id }) => id)).toEqual([second.id, first.id])
    expect(await currentFile(db(), model.id, { option: 'style', choice: 'day' })).toBeNull()
  })

  it('is verified by one at a time, and a late one changes nothing', async () => {
    const model = await makeModel()
    const session = await begin(model)
    await beginVerification(db(), session.id)
    const late = await take(session)
    expect(await extendVerification(db(), late, 500)).toBe(true)
    expect(await takeVerification(db(), 'other')).toBeNull()
    await db()
      .update(uploadSessions)
      .set({ leaseExpiresAt: new Date(0) })
      .where(eq(uploadSessions.id, session.id))
    const lease = await take(session)
    const found = { sha256: sha256('x'), inspection: null }
    expect(await extendVerification(db(), late, 900)).toBe(false)
    expect(await finishVerification(db(), late, found)).toBeNull()
    expect(await failVerification(db(), late, { code: 'upload/wrong-sha256', sentence: 'No.' })).toBe(false)
    expect(await finishVerification(db(), lease, found)).not.toBeNull()
    expect(await finishVerification(db(), lease, found)).toBeNull()
  })

  it('that is completed twice, cancelled and recorded at once ends in one way (T79)', async () => {
    const model = await makeModel()
    for (let i = 0; i < 10; i++) {
      const session = await begin(model, { fingerprint: sha256(`race ${i}`) })
      const results = await Promise.all([
        beginVerification(db(), session.id),
        cancelUpload(db(), model.id, session.id),
        recordParts(db(), session.id, [{ number: 1, bytes: 1 }]),
      ])
      // A cancel that comes second ends the verification too.
      expect(await stateOf(session)).toBe('cancelled')
      expect(results[1]).toBe(true)
      expect(await beginVerification(db(), session.id)).toBe(false)
      expect(await deletionsOf(session.key)).toHaveLength(1)
    }
  })

  it('that was not what it said fails, and its object goes', async () => {
    const model = await makeModel()
    const session = await begin(model)
    await beginVerification(db(), session.id)
    const lease = await take(session)
    expect(await failVerification(db(), lease, { code: 'upload/wrong-sha256', sentence: 'It changed.' })).toBe(true)
    expect(await stateOf(session)).toBe('failed')
    expect(await listFiles(db(), model.id)).toEqual([])
    const [deletion] = await deletionsOf(session.key)
    expect(deletion).toMatchObject({ uploadId: `upload-${session.id}` })
    expect(deletion!.notBefore.getTime()).toBeGreaterThan(Date.now() + 10 * 60_000)
  })

  it('with missing parts goes back to its person', async () => {
    const model = await makeModel()
    const session = await begin(model)
    await recordParts(db(), session.id, [{ number: 1, bytes: 1000 }])
    await beginVerification(db(), session.id)
    const lease = await take(session)
    expect(await reopenUpload(db(), lease)).toBe(true)
    expect([await stateOf(session), await recordedParts(db(), session.id)]).toEqual(['uploading', []])
    await beginVerification(db(), session.id)
    expect(await finishVerification(db(), lease, { sha256: sha256('x'), inspection: null })).toBeNull()
    await cancelUpload(db(), model.id, session.id)
  })

  it('is given up after ten verifiers died', async () => {
    const model = await makeModel()
    const session = await begin(model)
    await beginVerification(db(), session.id)
    await db()
      .update(uploadSessions)
      .set({ epoch: 10, updatedAt: new Date(0) })
      .where(eq(uploadSessions.id, session.id))
    expect(await takeVerification(db(), 'worker')).toBeNull()
    expect(await stateOf(session)).toBe('failed')
  })

  it('ends after its time, and each part puts that off', async () => {
    const model = await makeModel()
    const [old, kept] = [await begin(model), await begin(model, { fileName: 'kept.pth' })]
    const past = { expiresAt: new Date(Date.now() - 1000) }
    for (const { id } of [old, kept]) await db().update(uploadSessions).set(past).where(eq(uploadSessions.id, id))
    await recordParts(db(), kept.id, [{ number: 1, bytes: 1 }])
    expect(await expireUploads(db())).toBe(1)
    expect([await stateOf(old), await stateOf(kept)]).toEqual(['expired', 'uploading'])
    expect(await recordParts(db(), old.id, [{ number: 1, bytes: 1 }])).toBe(false)
    expect(await deletionsOf(old.key)).toHaveLength(1)
    // The same file may begin anew.
    expect(await codeOf(startUpload(db(), wishFor(model)))).toBe('granted')
  })

  it('of another model is not found (T86)', async () => {
    const [model, other] = [await makeModel(), await makeModel()]
    const { session, file } = await upload(model, 'mine')
    expect(await cancelUpload(db(), other.id, session.id)).toBe(false)
    expect(await findFile(db(), other.id, file.id)).toBeNull()
    expect(await removeFile(db(), other.id, file.id, alice)).toBe(false)
    expect(await renameFile(db(), other.id, file.id, 'x', alice)).toBeNull()
  })
})

describe('limits', () => {
  it('hold under many starts at once (T82)', async () => {
    const model = await makeModel()
    const limits = { ...defaultFileLimits, publisherBytes: 10_500, openUploads: 100 }
    const starts = Array.from({ length: 30 }, (_, i) =>
      codeOf(startUpload(db(), wishFor(model, { fingerprint: `f${i}` }), limits)),
    )
    const codes = await Promise.all(starts)
    expect(codes.filter((code) => code === 'granted')).toHaveLength(10)
    expect(codes.filter((code) => code === 'files/quota')).toHaveLength(20)
    expect(await publisherUsage(db(), model.publisherId)).toEqual({
      bytes: 0,
      reservedBytes: 10_000,
      files: 0,
      openUploads: 10,
    })
  })

  it('are told in a sentence', async () => {
    const model = await makeModel()
    const GiB = 1024 ** 3
    const ask = (bytes: number, limits: Partial<FileLimits> = {}) =>
      startUpload(db(), wishFor(model, { bytes }), { ...defaultFileLimits, ...limits })
    expect(await ask(Math.floor(24.2 * GiB))).toEqual({
      refusal: { code: 'files/too-large', sentence: 'This file is 24.2 GiB; the limit is 20 GiB.' },
    })
    expect(await ask(11 * GiB, { publisherBytes: 10 * GiB })).toEqual({
      refusal: {
        code: 'files/quota',
        sentence: 'This file is 11 GiB, and 10 GiB of 10 GiB are free. Remove files, or cancel uploads.',
      },
    })
    expect(await codeOf(ask(1, { openUploads: 0 }))).toBe('files/too-many-uploads')
    expect(await codeOf(ask(1, { publisherFiles: 0 }))).toBe('files/too-many-files')
  })

  it('count a publisher over all models, each content once', async () => {
    const model = await makeModel()
    const twin = await makeModel(
      (await db().query.publishers.findFirst({ where: (t) => eq(t.id, model.publisherId) }))!.login,
    )
    expect(twin.publisherId).toBe(model.publisherId)
    await upload(model, 'the same bytes')
    await upload(twin, 'the same bytes')
    expect(await publisherUsage(db(), model.publisherId)).toMatchObject({ bytes: 14, files: 2 })
  })

  it('refuse names that are none, and models that are archived', async () => {
    const model = await makeModel()
    for (const fileName of ['', ' ', '.', '..', 'a/b', 'a\\b', 'a\0b', 'a\nb', 'x'.repeat(256)]) {
      expect(await codeOf(startUpload(db(), wishFor(model, { fileName })))).toBe('files/name-invalid')
    }
    await db().update(models).set({ state: 'archived' }).where(eq(models.id, model.id))
    expect(await codeOf(startUpload(db(), wishFor(model)))).toBe('files/model-read-only')
  })
})

describe('content', () => {
  it('is stored once, and goes with its last file', async () => {
    const [one, two] = [await makeModel(), await makeModel()]
    const content = `shared ${randomUUID()}`
    const [a, b] = [await upload(one, content), await upload(two, content)]
    expect(b.file.blobId).toBe(a.file.blobId)
    expect(await deletionsOf(b.session.key)).toHaveLength(1)
    expect(await deletionsOf(a.session.key)).toHaveLength(0)
    await removeFile(db(), one.id, a.file.id, alice)
    await sweepBlobs(db())
    expect(await findFile(db(), two.id, b.file.id)).toMatchObject({ blob: { key: a.session.key } })
    await removeFile(db(), two.id, b.file.id, alice)
    await sweepBlobs(db())
    expect(await deletionsOf(a.session.key)).toHaveLength(1)
    expect(await unknownObjectKeys(db(), [a.session.key, 'files/never'])).toEqual(['files/never'])
  })

  it('is never swept while a file is linked to it', async () => {
    const model = await makeModel()
    for (let i = 0; i < 20; i++) {
      const content = `raced ${i} ${randomUUID()}`
      const { file } = await upload(model, content, { ...free, fileName: `raced-${i}` })
      await removeFile(db(), model.id, file.id, alice)
      const session = await begin(model, {
        ...free,
        fileName: `again-${i}`,
        bytes: content.length,
        fingerprint: content,
      })
      await beginVerification(db(), session.id)
      const lease = await take(session)
      const [again] = await Promise.all([
        finishVerification(db(), lease, { sha256: sha256(content), inspection: null }),
        sweepBlobs(db()),
      ])
      const kept = await findFile(db(), model.id, again!.id)
      const goes = await deletionsOf(kept!.blob.key)
      expect(goes).toEqual([])
    }
  })

  it('is linked at once for those who can read it, and tells others nothing', async () => {
    const [mine, theirs] = [await makeModel(), await makeModel()]
    const content = `known ${randomUUID()}`
    await upload(theirs, content)
    const wish = {
      modelId: mine.id,
      ...night,
      fileName: 'copy.pth',
      sha256: sha256(content),
      bytes: content.length,
      uploadedBy: 'alice',
    }
    expect(await linkStoredFile(db(), wish, [mine.id])).toBeNull()
    expect(await linkStoredFile(db(), wish, [])).toBeNull()
    const linked = await linkStoredFile(db(), wish, [mine.id, theirs.id])
    expect(linked).toMatchObject({ file: { name: 'copy.pth', choice: 'night' } })
    const rows = await db().select().from(blobs).where(eq(blobs.sha256, wish.sha256))
    expect(rows).toHaveLength(1)
    // Replaced in theirs, it is no file that anybody reads there.
    await upload(theirs, 'something else')
    expect(await linkStoredFile(db(), wish, [theirs.id])).toBeNull()
  })
})

describe('files', () => {
  it('that are free have one name each', async () => {
    const model = await makeModel()
    const { file } = await upload(model, 'notes', { ...free, fileName: 'notes.txt' })
    await upload(model, 'other', { ...free, fileName: 'other.txt' })
    expect(await codeOf(renameFile(db(), model.id, file.id, 'other.txt', alice))).toBe('files/name-taken')
    expect(await renameFile(db(), model.id, file.id, 'renamed.txt', alice)).toMatchObject({
      file: { name: 'renamed.txt' },
    })
    const [renamed, put] = await listChanges(db(), model.id, { what: 'file' })
    expect(renamed).toMatchObject({ changedBy: 'alice', from: { name: file.name }, to: { name: 'renamed.txt' } })
    expect(put).toMatchObject({ kind: 'person', from: 'no file' })
    expect(await currentFile(db(), model.id, { ...free, name: 'renamed.txt' })).toMatchObject({ id: file.id })
  })

  it('are the same when the same content comes again', async () => {
    const model = await makeModel()
    const [first, second] = [await upload(model, 'same'), await upload(model, 'same')]
    expect(second.file.id).toBe(first.file.id)
    expect(await listFiles(db(), model.id, { earlier: true })).toHaveLength(1)
  })
})

describe('deletions in the object store', () => {
  it('are handed out until they succeed', async () => {
    await db().delete(objectDeletions)
    await db()
      .insert(objectDeletions)
      .values([{ key: 'files/a' }, { key: 'files/b', notBefore: sql`now() + interval '1 hour'` }])
    await expect(
      workObjectDeletions(db(), () => Promise.reject(new Error('the object store is down'))),
    ).rejects.toThrow('down')
    const seen: string[] = []
    expect(await workObjectDeletions(db(), async (due) => void seen.push(...due.map(({ key }) => key)))).toBe(1)
    expect(seen).toEqual(['files/a'])
    expect(await workObjectDeletions(db(), async () => {})).toBe(0)
  })
})
