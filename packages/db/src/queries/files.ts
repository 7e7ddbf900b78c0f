import { statesBefore, type UploadState, uploadChanges } from '@modelport/schema/states'
import { and, asc, desc, eq, inArray, isNotNull, isNull, or, sql } from 'drizzle-orm'
import { type Db, isUniqueViolation, type Tx } from '../client.ts'
import { blobs, type FileInspection, files, objectDeletions, uploadParts, uploadSessions } from '../tables/files.ts'
import { models, publishers } from '../tables/models.ts'
import { type By, person, recordChange } from './model-changes.ts'
import { restoreDays } from './model-life.ts'

export type ModelFile = typeof files.$inferSelect
export type StoredBlob = typeof blobs.$inferSelect
export type UploadSession = typeof uploadSessions.$inferSelect
export type ObjectDeletion = typeof objectDeletions.$inferSelect

/** What an operator allows; sizes in bytes. */
export interface FileLimits {
  fileBytes: number
  publisherBytes: number
  /** Files of a publisher, earlier ones with them. */
  publisherFiles: number
  /** Uploads that a publisher has under way. */
  openUploads: number
}

const GiB = 1024 ** 3
/** Product decision 9, and caps on counts (T82). */
export const defaultFileLimits: FileLimits = {
  fileBytes: 20 * GiB,
  publisherBytes: 100 * GiB,
  publisherFiles: 10_000,
  openUploads: 50,
}

/** How long an upload may take, counted from its start or its last part. */
export const uploadDays = 7
const leaseSeconds = 60
/** After so many starts without an end, a verification is given up. */
const maxStarts = 10

/** Where a file belongs: an option, a choice of it, or neither. */
export interface FilePlace {
  option: string | null
  choice: string | null
}

/** A wish that is not granted, with a stable code and a sentence for the person. */
export interface Refusal {
  code:
    | 'files/too-large'
    | 'files/quota'
    | 'files/too-many-files'
    | 'files/too-many-uploads'
    | 'files/model-read-only'
    | 'files/name-taken'
    | 'files/name-invalid'
  sentence: string
}

export interface PublisherUsage {
  /** Bytes of all files, each content once. */
  bytes: number
  /** Bytes that uploads under way will take. */
  reservedBytes: number
  files: number
  openUploads: number
}

/** What a publisher's files take. */
export async function publisherUsage(tx: Tx, publisherId: string): Promise<PublisherUsage> {
  const [row] = await tx.execute<Record<'bytes' | 'reserved' | 'files' | 'uploads', string>>(sql`
    select
      (select coalesce(sum(bytes), 0) from blobs where id in
        (select f.blob_id from files f join models m on m.id = f.model_id where m.publisher_id = ${publisherId})) as bytes,
      (select count(*) from files f join models m on m.id = f.model_id where m.publisher_id = ${publisherId}) as files,
      (select coalesce(sum(s.bytes), 0) from upload_sessions s join models m on m.id = s.model_id
        where m.publisher_id = ${publisherId} and s.state in ('uploading', 'verifying')) as reserved,
      (select count(*) from upload_sessions s join models m on m.id = s.model_id
        where m.publisher_id = ${publisherId} and s.state in ('uploading', 'verifying')) as uploads`)
  return {
    bytes: Number(row!.bytes),
    reservedBytes: Number(row!.reserved),
    files: Number(row!.files),
    openUploads: Number(row!.uploads),
  }
}

export interface UploadWish extends FilePlace {
  modelId: string
  fileName: string
  bytes: number
  lastModified: number
  fingerprint: string
  claimedSha256?: string | null
  partBytes: number
  /** A new key of the object store; not used when the upload is one that is under way. */
  key: string
  startedBy: string
}

/** Begins an upload, or finds the one that this person has under way with the same file for the same place. */
export async function startUpload(
  db: Db,
  wish: UploadWish,
  limits: FileLimits = defaultFileLimits,
): Promise<{ session: UploadSession; resumed: boolean } | { refusal: Refusal }> {
  const name = cleanFileName(wish.fileName)
  if (!name) return { refusal: invalidName }
  return db.transaction(async (tx) => {
    const model = await lockPublisherOf(tx, wish.modelId)
    if (!model) return { refusal: readOnly }
    const [open] = await tx
      .select()
      .from(uploadSessions)
      .where(
        and(
          eq(uploadSessions.modelId, wish.modelId),
          sql`${uploadSessions.option} is not distinct from ${wish.option}`,
          sql`${uploadSessions.choice} is not distinct from ${wish.choice}`,
          eq(uploadSessions.startedBy, wish.startedBy),
          eq(uploadSessions.fileName, name),
          eq(uploadSessions.bytes, wish.bytes),
          eq(uploadSessions.lastModified, wish.lastModified),
          eq(uploadSessions.fingerprint, wish.fingerprint),
          eq(uploadSessions.state, 'uploading'),
        ),
      )
    if (open) return { session: open, resumed: true }
    const refusal = refusalOf(await publisherUsage(tx, model.publisherId), wish.bytes, limits)
    if (refusal) return { refusal }
    const [session] = await tx
      .insert(uploadSessions)
      .values({ ...wish, fileName: name, expiresAt: inDays(uploadDays) })
      .returning()
    return { session: session!, resumed: false }
  })
}

function refusalOf(usage: PublisherUsage, bytes: number, limits: FileLimits): Refusal | null {
  if (bytes > limits.fileBytes) {
    return {
      code: 'files/too-large',
      sentence: `This file is ${readableBytes(bytes)}; the limit is ${readableBytes(limits.fileBytes)}.`,
    }
  }
  const free = limits.publisherBytes - usage.bytes - usage.reservedBytes
  if (bytes > free) {
    return {
      code: 'files/quota',
      sentence: `This file is ${readableBytes(bytes)}, and ${readableBytes(Math.max(free, 0))} of ${readableBytes(limits.publisherBytes)} are free. Remove files, or cancel uploads.`,
    }
  }
  if (usage.files + usage.openUploads >= limits.publisherFiles) {
    return { code: 'files/too-many-files', sentence: `A publisher has at most ${limits.publisherFiles} files.` }
  }
  if (usage.openUploads >= limits.openUploads) {
    return {
      code: 'files/too-many-uploads',
      sentence: `${usage.openUploads} uploads are under way; finish or cancel some first.`,
    }
  }
  return null
}

/** Notes the object store's id of an upload. False when another request was faster: use the id in the row, and abort this one. */
export async function attachUpload(db: Db, sessionId: string, uploadId: string): Promise<boolean> {
  const rows = await db
    .update(uploadSessions)
    .set({ uploadId })
    .where(
      and(eq(uploadSessions.id, sessionId), eq(uploadSessions.state, 'uploading'), isNull(uploadSessions.uploadId)),
    )
    .returning({ id: uploadSessions.id })
  return rows.length > 0
}

/** An upload of this model; null for one of another. */
export async function findUpload(db: Tx, modelId: string, sessionId: string): Promise<UploadSession | null> {
  const [row] = await db
    .select()
    .from(uploadSessions)
    .where(and(eq(uploadSessions.id, sessionId), eq(uploadSessions.modelId, modelId)))
  return row ?? null
}

/** The uploads of a model that are under way or ended in the last day, newest first, with the bytes that have arrived. */
export async function listUploads(db: Db, modelId: string): Promise<(UploadSession & { arrivedBytes: number })[]> {
  const rows = await db
    .select({
      session: uploadSessions,
      arrived: sql<string>`(select coalesce(sum(bytes), 0) from upload_parts where session_id = ${uploadSessions.id})`,
    })
    .from(uploadSessions)
    .where(
      and(
        eq(uploadSessions.modelId, modelId),
        sql`(${uploadSessions.state} in ('uploading', 'verifying') or ${uploadSessions.updatedAt} > now() - interval '1 day')`,
      ),
    )
    .orderBy(desc(uploadSessions.createdAt))
    .limit(200)
  return rows.map(({ session, arrived }) => ({ ...session, arrivedBytes: Number(arrived) }))
}

/** Notes that parts arrived, each named once, and puts the session's end off. False when the upload is over. */
export async function recordParts(
  db: Db,
  sessionId: string,
  parts: readonly { number: number; bytes: number }[],
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const rows = await tx
      .update(uploadSessions)
      .set({ expiresAt: inDays(uploadDays), updatedAt: sql`now()` })
      .where(and(eq(uploadSessions.id, sessionId), eq(uploadSessions.state, 'uploading')))
      .returning({ id: uploadSessions.id })
    if (rows.length === 0) return false
    await tx
      .insert(uploadParts)
      .values(parts.map((part) => ({ sessionId, ...part })))
      .onConflictDoUpdate({
        target: [uploadParts.sessionId, uploadParts.number],
        set: { bytes: sql`excluded.bytes` },
      })
    return true
  })
}

/** The numbers of the parts that are noted as arrived. */
export async function recordedParts(db: Db, sessionId: string): Promise<number[]> {
  const rows = await db
    .select({ number: uploadParts.number })
    .from(uploadParts)
    .where(eq(uploadParts.sessionId, sessionId))
    .orderBy(asc(uploadParts.number))
  return rows.map(({ number }) => number)
}

/** What the sender computed while it sent; only compared with what the server finds. Nothing happens when the upload is over. */
export async function claimSha256(db: Db, sessionId: string, sha256: string): Promise<void> {
  await db
    .update(uploadSessions)
    .set({ claimedSha256: sha256 })
    .where(and(eq(uploadSessions.id, sessionId), eq(uploadSessions.state, 'uploading')))
}

/** All parts are there: from now on the upload is the server's to finish and verify. False when it is not uploading any more. */
export async function beginVerification(db: Db, sessionId: string, claimedSha256?: string): Promise<boolean> {
  return changeState(db, sessionId, 'verifying', claimedSha256 ? { claimedSha256 } : {})
}

/** One verifier's right to write. */
export interface VerificationLease {
  sessionId: string
  epoch: number
}

/** Takes an upload that waits for its verification for a minute; null when none does. One that ended too many takers fails. */
export async function takeVerification(
  db: Db,
  owner: string,
): Promise<{ session: UploadSession; lease: VerificationLease } | null> {
  return db.transaction(async (tx) => {
    const [due] = await tx
      .select()
      .from(uploadSessions)
      .where(
        sql`${uploadSessions.state} = 'verifying' and coalesce(${uploadSessions.leaseExpiresAt}, '-infinity') < now()`,
      )
      .orderBy(asc(uploadSessions.updatedAt))
      .limit(1)
      .for('update', { skipLocked: true })
    if (!due) return null
    if (due.epoch >= maxStarts) {
      const sentence = 'The file could not be verified: the server failed several times. Upload it again.'
      await endUpload(tx, due, 'failed', { failure: { code: 'upload/not-verified', sentence } })
      return null
    }
    const [session] = await tx
      .update(uploadSessions)
      .set({
        epoch: due.epoch + 1,
        leaseOwner: owner,
        leaseExpiresAt: leaseEnd,
        verifiedBytes: 0,
        updatedAt: sql`now()`,
      })
      .where(eq(uploadSessions.id, due.id))
      .returning()
    return { session: session!, lease: { sessionId: due.id, epoch: session!.epoch } }
  })
}

/** Keeps the lease for another minute and shows how far it is. False when it is lost, or the upload was cancelled. */
export async function extendVerification(db: Db, lease: VerificationLease, verifiedBytes: number): Promise<boolean> {
  const rows = await db
    .update(uploadSessions)
    .set({ leaseExpiresAt: leaseEnd, verifiedBytes })
    .where(heldBy(lease))
    .returning({ id: uploadSessions.id })
  return rows.length > 0
}

/** Gives an upload back whose parts were not all there. False when the lease is lost. */
export async function reopenUpload(db: Db, lease: VerificationLease): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [session] = await tx.select().from(uploadSessions).where(heldBy(lease)).for('update')
    if (!session) return false
    // What was noted as arrived is not to be believed any more.
    await tx.delete(uploadParts).where(eq(uploadParts.sessionId, session.id))
    // With an epoch of its own, so that this lease does not hold again when the next verification begins.
    const back = { epoch: session.epoch + 1, leaseExpiresAt: null }
    try {
      return await tx.transaction((inner) => changeState(inner, session.id, 'uploading', back))
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      // Meanwhile the same file was begun anew; that one goes on.
      return endUpload(tx, session, 'cancelled', {})
    }
  })
}

/**
 * The stored bytes were hashed: links them as a file in their place, in one transaction. Content that is stored already
 * is not kept twice. Returns the file, or null when the lease is lost.
 */
export async function finishVerification(
  db: Db,
  lease: VerificationLease,
  found: { sha256: string; inspection: FileInspection | null },
): Promise<ModelFile | null> {
  return db.transaction(async (tx) => {
    const [known] = await tx.select().from(uploadSessions).where(heldBy(lease))
    // The publisher's lock comes first everywhere, so that no two of these wait for each other.
    if (!known || !(await lockPublisherOf(tx, known.modelId, 'also read-only'))) return null
    const [session] = await tx.select().from(uploadSessions).where(heldBy(lease)).for('update')
    if (!session) return null
    const blob = await addBlob(tx, { key: session.key, bytes: session.bytes, ...found })
    if (blob.key !== session.key) await tx.insert(objectDeletions).values({ key: session.key })
    const file = await placeFile(tx, session, {
      name: session.fileName,
      blobId: blob.id,
      uploadedBy: session.startedBy,
    })
    await changeState(tx, session.id, 'complete', {
      fileId: file.id,
      verifiedBytes: session.bytes,
      leaseExpiresAt: null,
    })
    return file
  })
}

/** The stored bytes are not what was announced. False when the lease is lost. */
export async function failVerification(
  db: Db,
  lease: VerificationLease,
  failure: { code: string; sentence: string },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [session] = await tx.select().from(uploadSessions).where(heldBy(lease)).for('update')
    return session ? endUpload(tx, session, 'failed', { failure }) : false
  })
}

/** Ends an upload that its person does not want any more. False when it was over. */
export async function cancelUpload(db: Db, modelId: string, sessionId: string): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [session] = await tx
      .select()
      .from(uploadSessions)
      .where(and(eq(uploadSessions.id, sessionId), eq(uploadSessions.modelId, modelId)))
      .for('update')
    return session ? endUpload(tx, session, 'cancelled', {}) : false
  })
}

/** Ends uploads whose time ran out. Returns how many. */
export async function expireUploads(db: Db): Promise<number> {
  return db.transaction(async (tx) => {
    const due = await tx
      .select()
      .from(uploadSessions)
      .where(and(eq(uploadSessions.state, 'uploading'), sql`${uploadSessions.expiresAt} < now()`))
      .limit(200)
      .for('update', { skipLocked: true })
    for (const session of due) await endUpload(tx, session, 'expired', {})
    return due.length
  })
}

/**
 * Links content that is stored already, when a current file of one of `readableModelIds` has it: a hash alone must not
 * tell anybody what others keep. Null when there is none.
 */
export async function linkStoredFile(
  db: Db,
  wish: FilePlace & { modelId: string; fileName: string; sha256: string; bytes: number; uploadedBy: string },
  readableModelIds: readonly string[],
  limits: FileLimits = defaultFileLimits,
): Promise<{ file: ModelFile } | { refusal: Refusal } | null> {
  const name = cleanFileName(wish.fileName)
  if (!name) return { refusal: invalidName }
  if (readableModelIds.length === 0) return null
  return db.transaction(async (tx) => {
    const model = await lockPublisherOf(tx, wish.modelId)
    if (!model) return { refusal: readOnly }
    const readable = tx
      .select({ id: files.blobId })
      .from(files)
      .where(and(inArray(files.modelId, [...readableModelIds]), isNull(files.replacedAt)))
    const [blob] = await tx
      .select()
      .from(blobs)
      .where(and(eq(blobs.sha256, wish.sha256), eq(blobs.bytes, wish.bytes), inArray(blobs.id, readable)))
      .for('key share')
    if (!blob) return null
    const [own] = await tx
      .select({ id: files.id })
      .from(files)
      .innerJoin(models, eq(models.id, files.modelId))
      .where(and(eq(files.blobId, blob.id), eq(models.publisherId, model.publisherId)))
      .limit(1)
    // Bytes that this publisher has already count once.
    const usage = await publisherUsage(tx, model.publisherId)
    const refusal = refusalOf(usage, own ? 0 : blob.bytes, limits)
    if (refusal) return { refusal }
    return { file: await placeFile(tx, wish, { name, blobId: blob.id, uploadedBy: wish.uploadedBy }) }
  })
}

/** A file with what is known of its bytes. */
export interface FileWithBlob extends ModelFile {
  blob: StoredBlob
}

/** The files of a model, by option, choice and name; with `earlier`, those that were replaced too, newest first in each place. */
export async function listFiles(db: Tx, modelId: string, { earlier = false } = {}): Promise<FileWithBlob[]> {
  const rows = await db
    .select({ file: files, blob: blobs })
    .from(files)
    .innerJoin(blobs, eq(blobs.id, files.blobId))
    .where(and(eq(files.modelId, modelId), earlier ? undefined : isNull(files.replacedAt)))
    .orderBy(
      sql`${files.option} nulls last`,
      sql`${files.choice} nulls first`,
      // In a place the newest comes first, whatever it is called; of free files the name is the place.
      sql`case when ${files.option} is null then ${files.name} end`,
      sql`${files.replacedAt} desc nulls first`,
    )
  return rows.map(({ file, blob }) => ({ ...file, blob }))
}

/** A file of this model, current or earlier; null for one of another. */
export async function findFile(db: Tx, modelId: string, fileId: string): Promise<FileWithBlob | null> {
  const [row] = await db
    .select({ file: files, blob: blobs })
    .from(files)
    .innerJoin(blobs, eq(blobs.id, files.blobId))
    .where(and(eq(files.id, fileId), eq(files.modelId, modelId)))
  return row ? { ...row.file, blob: row.blob } : null
}

/** The current file of a place, behind its stable URL; for a free file the name is its place. */
export async function currentFile(
  db: Tx,
  modelId: string,
  place: FilePlace & { name?: string },
): Promise<FileWithBlob | null> {
  const [row] = await db
    .select({ file: files, blob: blobs })
    .from(files)
    .innerJoin(blobs, eq(blobs.id, files.blobId))
    .where(and(atPlace(modelId, place, place.name ?? ''), isNull(files.replacedAt)))
  return row ? { ...row.file, blob: row.blob } : null
}

/** Gives a file another name. Null when it is gone. */
export async function renameFile(
  db: Db,
  modelId: string,
  fileId: string,
  fileName: string,
  by: By,
): Promise<{ file: ModelFile } | { refusal: Refusal } | null> {
  const name = cleanFileName(fileName)
  if (!name) return { refusal: invalidName }
  try {
    return await db.transaction(async (tx) => {
      const [before] = await tx.select().from(files).where(ofModel(modelId, fileId)).for('update')
      const [file] = await tx.update(files).set({ name }).where(ofModel(modelId, fileId)).returning()
      if (!before || !file) return null
      await recordChange(tx, modelId, by, { what: 'file', from: recorded(before), to: recorded(file) })
      return { file }
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    return { refusal: { code: 'files/name-taken', sentence: `There is another file named ${name}.` } }
  }
}

/** Says what a file is, in at most 2000 characters. False when it is gone. */
export async function describeFile(db: Db, modelId: string, fileId: string, description: string): Promise<boolean> {
  const text = description.replaceAll('\0', '').slice(0, 2000)
  const rows = await db
    .update(files)
    .set({ description: text })
    .where(ofModel(modelId, fileId))
    .returning({ id: files.id })
  return rows.length > 0
}

/** Takes a file away. Its bytes go when no other file has them. False when it was gone. */
export async function removeFile(db: Db, modelId: string, fileId: string, by: By): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [gone] = await tx.delete(files).where(ofModel(modelId, fileId)).returning()
    if (gone) await recordChange(tx, modelId, by, { what: 'file', from: recorded(gone), to: 'removed' })
    return gone !== undefined
  })
}

/** A file as the record of changes names it. */
const recorded = ({ name, option, choice }: Pick<ModelFile, 'name' | 'option' | 'choice'>) => ({ name, option, choice })

/**
 * Takes away the files of models that were deleted and cannot be restored any more, and ends the uploads of all that were
 * deleted: nobody can reach them, and they would fill their publisher's quota. Returns how many rows it ended.
 */
export async function dropFilesOfDeletedModels(db: Db): Promise<number> {
  return db.transaction(async (tx) => {
    const deleted = tx.select({ id: models.id }).from(models).where(isNotNull(models.deletedAt))
    const lost = tx
      .select({ id: models.id })
      .from(models)
      .where(
        and(
          isNotNull(models.deletedAt),
          or(isNull(models.deletedBy), sql`${models.deletedAt} < now() - ${restoreDays} * interval '1 day'`),
        ),
      )
    const gone = await tx.delete(files).where(inArray(files.modelId, lost)).returning({ id: files.id })
    const open = await tx
      .select()
      .from(uploadSessions)
      .where(and(inArray(uploadSessions.state, ['uploading', 'verifying']), inArray(uploadSessions.modelId, deleted)))
      .limit(200)
      .for('update', { skipLocked: true })
    for (const session of open) await endUpload(tx, session, 'cancelled', {})
    return gone.length + open.length
  })
}

/** Models that have this content as a current file, the first to have it first. Who may know of them is the caller's to ask. */
export async function modelsWithContent(
  db: Tx,
  sha256: string,
  { bytes, limit = 50 }: { bytes?: number; limit?: number } = {},
): Promise<(typeof models.$inferSelect)[]> {
  const rows = await db
    .select({ model: models, first: sql<string>`min(${files.createdAt})` })
    .from(files)
    .innerJoin(blobs, eq(blobs.id, files.blobId))
    .innerJoin(models, eq(models.id, files.modelId))
    .where(
      and(
        eq(blobs.sha256, sha256),
        bytes === undefined ? undefined : eq(blobs.bytes, bytes),
        isNull(files.replacedAt),
        isNull(models.deletedAt),
      ),
    )
    .groupBy(models.id)
    .orderBy(sql`min(${files.createdAt})`)
    .limit(limit)
  return rows.map(({ model }) => model)
}

/** Forgets blobs to which no file refers and has their objects deleted. Returns how many. */
export async function sweepBlobs(db: Db): Promise<number> {
  return db.transaction(async (tx) => {
    const unused = sql`not exists (select 1 from files where files.blob_id = ${blobs.id})`
    const found = await tx
      .select({ id: blobs.id })
      .from(blobs)
      .where(unused)
      .limit(200)
      .for('update', { skipLocked: true })
    if (found.length === 0) return 0
    const ids = found.map(({ id }) => id)
    // Asked again under the lock, for a file may have been linked in between.
    const gone = await tx
      .delete(blobs)
      .where(and(inArray(blobs.id, ids), unused))
      .returning({ key: blobs.key })
    if (gone.length) await tx.insert(objectDeletions).values(gone)
    return gone.length
  })
}

/** Hands due deletions to `remove` and forgets them when it resolves; after a failure they are handed out again. Returns how many. */
export async function workObjectDeletions(
  db: Db,
  remove: (deletions: ObjectDeletion[]) => Promise<void>,
  limit = 20,
): Promise<number> {
  return db.transaction(async (tx) => {
    const due = await tx
      .select()
      .from(objectDeletions)
      .where(sql`${objectDeletions.notBefore} <= now()`)
      .orderBy(asc(objectDeletions.id))
      .limit(limit)
      .for('update', { skipLocked: true })
    if (due.length === 0) return 0
    await remove(due)
    await tx.delete(objectDeletions).where(
      inArray(
        objectDeletions.id,
        due.map(({ id }) => id),
      ),
    )
    return due.length
  })
}

/** Which of these keys of the object store belong to nothing that we know: no blob, no upload under way, no deletion that is due. */
export async function unknownObjectKeys(db: Db, keys: readonly string[]): Promise<string[]> {
  if (keys.length === 0) return []
  const list = sql`(${sql.join(
    keys.map((key) => sql`${key}`),
    sql`, `,
  )})`
  const rows = await db.execute<{ key: string }>(sql`
    select key from blobs where key in ${list}
    union select key from upload_sessions where key in ${list} and state in ('uploading', 'verifying')
    union select key from object_deletions where key in ${list}`)
  const known = new Set([...rows].map(({ key }) => key))
  return keys.filter((key) => !known.has(key))
}

const readOnly: Refusal = {
  code: 'files/model-read-only',
  sentence: 'This model is archived or gone; its files stay as they are.',
}
const invalidName: Refusal = {
  code: 'files/name-invalid',
  sentence: 'A file name has 1 to 255 characters, and no slash, backslash or control character.',
}
const leaseEnd = sql`now() + ${leaseSeconds} * interval '1 second'`

function inDays(days: number) {
  return sql`now() + ${days} * interval '1 day'`
}

function heldBy({ sessionId, epoch }: VerificationLease) {
  return and(eq(uploadSessions.id, sessionId), eq(uploadSessions.epoch, epoch), eq(uploadSessions.state, 'verifying'))
}

function ofModel(modelId: string, fileId: string) {
  return and(eq(files.id, fileId), eq(files.modelId, modelId))
}

function atPlace(modelId: string, { option, choice }: FilePlace, name: string) {
  return option === null
    ? and(eq(files.modelId, modelId), isNull(files.option), eq(files.name, name))
    : and(eq(files.modelId, modelId), eq(files.option, option), sql`${files.choice} is not distinct from ${choice}`)
}

/** Locks what a publisher may take. Null when the model is gone, or, unless asked for, archived. */
async function lockPublisherOf(
  tx: Tx,
  modelId: string,
  also?: 'also read-only',
): Promise<{ publisherId: string } | null> {
  const [model] = await tx
    .select({ publisherId: models.publisherId, state: models.state })
    .from(models)
    .where(and(eq(models.id, modelId), isNull(models.deletedAt)))
  if (!model || (model.state === 'archived' && !also)) return null
  await tx
    .select({ id: publishers.id })
    .from(publishers)
    .where(eq(publishers.id, model.publisherId))
    .for('no key update')
  return model
}

/** Finds the blob of this content, or makes one of `key`. */
async function addBlob(
  tx: Tx,
  values: { sha256: string; bytes: number; key: string; inspection: FileInspection | null },
): Promise<StoredBlob> {
  for (;;) {
    const [added] = await tx.insert(blobs).values(values).onConflictDoNothing().returning()
    if (added) return added
    // Locked, so that the sweep does not take it before a file refers to it. Gone: the sweep was faster, so it is made.
    const [known] = await tx
      .select()
      .from(blobs)
      .where(and(eq(blobs.sha256, values.sha256), eq(blobs.bytes, values.bytes)))
      .for('key share')
    if (known) return known
  }
}

/** Puts a file in its place; the one that was there becomes an earlier one. The same content again changes nothing. */
async function placeFile(
  tx: Tx,
  place: FilePlace & { modelId: string },
  values: { name: string; blobId: string; uploadedBy: string },
): Promise<ModelFile> {
  const here = and(atPlace(place.modelId, place, values.name), isNull(files.replacedAt))
  const [current] = await tx.select().from(files).where(here)
  if (current?.blobId === values.blobId && current.name === values.name) return current
  await tx.update(files).set({ replacedAt: sql`now()` }).where(here)
  const { modelId, option, choice } = place
  const [file] = await tx
    .insert(files)
    .values({ modelId, option, choice, description: current?.description ?? '', ...values })
    .returning()
  const from = current ? recorded(current) : 'no file'
  // The same name with other bytes is a change too.
  const to = { ...recorded(file!), replaced: current?.name === file!.name ? 'with other content' : null }
  await recordChange(tx, modelId, person(values.uploadedBy), { what: 'file', from, to })
  return file!
}

async function endUpload(
  tx: Tx,
  session: UploadSession,
  to: 'failed' | 'cancelled' | 'expired',
  values: Partial<typeof uploadSessions.$inferInsert>,
): Promise<boolean> {
  const ended = await changeState(tx, session.id, to, { ...values, leaseExpiresAt: null })
  if (!ended) return false
  // Somebody may be about to make an object of the parts: what that leaves is deleted a little later.
  const later = session.state === 'verifying' ? sql`now() + interval '20 minutes'` : sql`now()`
  await tx.insert(objectDeletions).values({ key: session.key, uploadId: session.uploadId, notBefore: later })
  return true
}

async function changeState(
  tx: Tx,
  sessionId: string,
  to: UploadState,
  values: Partial<Omit<typeof uploadSessions.$inferInsert, 'leaseExpiresAt'>> & { leaseExpiresAt?: null },
): Promise<boolean> {
  const rows = await tx
    .update(uploadSessions)
    .set({ ...values, state: to, updatedAt: sql`now()` })
    .where(and(eq(uploadSessions.id, sessionId), inArray(uploadSessions.state, statesBefore(uploadChanges, to))))
    .returning({ id: uploadSessions.id })
  return rows.length > 0
}

/** The name without surrounding space; null for what is not a name. */
function cleanFileName(fileName: string): string | null {
  const name = fileName.toWellFormed().trim()
  const usable = name.length >= 1 && name.length <= 255 && name !== '.' && name !== '..' && !/[/\\\p{Cc}]/u.test(name)
  return usable ? name : null
}

/** As people read sizes: `24.2 GiB`. */
function readableBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1)
  return `${Number((bytes / 1024 ** step).toFixed(1))} ${units[step]}`
}
