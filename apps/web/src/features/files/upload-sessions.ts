import {
  attachUpload,
  beginVerification,
  cancelUpload,
  claimSha256,
  type FileWithBlob,
  findFile,
  findUpload,
  linkStoredFile,
  listUploads,
  modelsWithContent,
  type Refusal as Refused,
  recordParts,
  startUpload,
  type UploadSession,
} from '@modelport/db/queries/files'
import type { PartsRequest, UploadRequest } from '@modelport/schema/api'
import { newFileKey } from '@modelport/storage/object-keys'
import { bytesOfPart, missingParts, partBytesFor, partCount } from '@modelport/storage/upload-parts'
import type { z } from 'zod'
import type { RequestActor } from '#src/auth/actor.ts'
import { can } from '#src/auth/can.ts'
import { hidden, Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { fileJson, type UploadAnswer, uploadJson } from '#src/features/files/file-json.ts'
import { askStore } from '#src/features/files/object-store.ts'
import {
  type Files,
  type OpenedUpload,
  openFiles,
  openUpload,
  versionWithPlaces,
} from '#src/features/files/open-files.ts'
import { isSamePlace, nameProblem, type PlaceName, placeWords } from '#src/features/files/places.ts'
import { placesOf } from '#src/features/files/read-places.ts'

// An upload, from its first request to the moment when the worker takes it over. The bytes go from the browser, or from
// curl, to the object store; none of them passes through this process.

type Wish = z.infer<typeof UploadRequest>

/** Begins an upload, goes on with the one of the same file, or links content that this person can read already. */
export async function beginUpload(actor: RequestActor, owner: string, slug: string, wish: Wish) {
  const files = await openFiles(actor, owner, slug, 'change-files')
  const { db, config } = context()
  await checkPlace(files, wish)
  const startedBy = actor.user!.login
  const linked = wish.sha256 ? await link(actor, files, { ...wish, sha256: wish.sha256 }) : null
  if (linked) {
    const same = (await listUploads(db, files.model.id)).filter(
      (session) => session.state === 'uploading' && session.startedBy === startedBy && isSameFile(session, wish),
    )
    for (const session of same) await cancelUpload(db, files.model.id, session.id)
    return { upload: null, file: fileJson(files.path, linked), isNew: true }
  }
  const begun = await startUpload(
    db,
    {
      modelId: files.model.id,
      option: wish.option,
      choice: wish.choice,
      fileName: wish.name,
      bytes: wish.size,
      lastModified: wish.lastModified,
      // A program that computed nothing goes on with what has the same name, size and date.
      fingerprint: wish.fingerprint ?? 'none',
      claimedSha256: wish.sha256 ?? null,
      partBytes: partBytesFor(wish.size),
      key: newFileKey(),
      startedBy,
    },
    config.fileLimits,
  )
  if ('refusal' in begun) throw refuse(begun.refusal)
  if (begun.resumed && wish.sha256) await claimSha256(db, begun.session.id, wish.sha256)
  const session = await attached(files, begun.session)
  return { upload: await answerOf(files, session), file: null, isNew: !begun.resumed }
}

async function checkPlace({ model }: Files, wish: PlaceName & { name: string }): Promise<void> {
  const places = placesOf((await versionWithPlaces(model))?.manifest)
  if (places.length === 0)
    throw new Refusal(
      'conflict',
      'The version that visitors get has no option that takes files; declare one in runway_model.py and push.',
      'files/not-active',
    )
  if (wish.option === null) {
    if (wish.choice !== null) throw new Refusal('invalid', 'choice: A choice is one of an option; name the option too.')
    return
  }
  const place = places.find((known) => isSamePlace(known, wish))
  if (!place)
    throw new Refusal(
      'invalid',
      `The version that visitors get has no place for files named ${placeWords(wish)}.`,
      'files/no-such-place',
    )
  const problem = nameProblem(place, wish.name)
  if (problem) throw new Refusal('invalid', problem, 'files/wrong-extension')
}

/** The file, where its content is in files that this person can read; nobody learns from a hash what others keep. */
async function link(actor: RequestActor, files: Files, wish: Wish & { sha256: string }): Promise<FileWithBlob | null> {
  const { db, config } = context()
  const readable: string[] = []
  for (const model of await modelsWithContent(db, wish.sha256, { bytes: wish.size }))
    if (model.id === files.model.id || (await can(actor, 'see-files', model)) === 'allow') readable.push(model.id)
  const linked = await linkStoredFile(
    db,
    {
      modelId: files.model.id,
      option: wish.option,
      choice: wish.choice,
      fileName: wish.name,
      sha256: wish.sha256,
      bytes: wish.size,
      uploadedBy: actor.user!.login,
    },
    readable,
    config.fileLimits,
  )
  if (!linked) return null
  if ('refusal' in linked) throw refuse(linked.refusal)
  return findFile(db, files.model.id, linked.file.id)
}

const isSameFile = (session: UploadSession, wish: Wish) =>
  isSamePlace(session, wish) &&
  session.fileName === wish.name &&
  session.bytes === wish.size &&
  session.lastModified === wish.lastModified &&
  session.fingerprint === (wish.fingerprint ?? 'none')

/** Begins the upload in the object store too, unless another request did so meanwhile. */
async function attached({ model }: Files, session: UploadSession): Promise<UploadSession> {
  if (session.uploadId) return session
  const uploadId = await askStore((storage) => storage.createUpload(session.key))
  const { db } = context()
  if (!(await attachUpload(db, session.id, uploadId)))
    await askStore((storage) => storage.abortUpload({ key: session.key, uploadId }))
  return (await findUpload(db, model.id, session.id)) ?? session
}

/** The upload with what the object store says of its parts. */
export async function getUpload(actor: RequestActor, owner: string, slug: string, id: string): Promise<UploadAnswer> {
  const { session, ...files } = await openUpload(actor, owner, slug, id)
  return answerOf(files, session)
}

async function answerOf(files: Files, session: UploadSession): Promise<UploadAnswer> {
  const file = session.fileId ? await findFile(context().db, files.model.id, session.fileId) : null
  if (session.state !== 'uploading')
    return uploadJson(files.path, session, { arrived: arrivedAfterwards(session), file })
  const stored = await storedParts(session)
  return uploadJson(files.path, session, {
    arrived: stored.reduce((sum, part) => sum + part.bytes, 0),
    missing: missingParts(session, stored),
  })
}

const arrivedAfterwards = ({ state, bytes }: UploadSession) =>
  state === 'verifying' || state === 'complete' ? bytes : 0

async function storedParts({ key, uploadId }: UploadSession) {
  if (!uploadId) return []
  return (await askStore((storage) => storage.listParts({ key, uploadId }))) ?? []
}

export async function getUploads(actor: RequestActor, owner: string, slug: string): Promise<UploadAnswer[]> {
  const { model, path } = await openFiles(actor, owner, slug, 'change-files')
  const sessions = await listUploads(context().db, model.id)
  return sessions.map((session) => uploadJson(path, session, { arrived: session.arrivedBytes }))
}

export async function signParts({ session, ...files }: OpenedUpload, { parts }: z.infer<typeof PartsRequest>) {
  const { key, uploadId } = await attached(files, stillOpen(session))
  if (!uploadId) throw new Refusal('conflict', 'This upload is over.', 'files/upload-over')
  return Promise.all(
    parts.map(async ({ number, sha256 }) => {
      const bytes = lengthOf(session, number)
      const signed = await askStore((storage) => storage.signPart({ key, uploadId, number, bytes, sha256 }))
      return { number, size: bytes, url: signed.url, expiresAt: signed.expiresAt.toISOString() }
    }),
  )
}

export async function noteParts({ session }: OpenedUpload, numbers: readonly number[]): Promise<void> {
  const { id } = stillOpen(session)
  const parts = [...new Set(numbers)].map((number) => ({ number, bytes: lengthOf(session, number) }))
  if (!(await recordParts(context().db, id, parts))) stillOpen({ ...session, state: 'cancelled' })
}

/** Hands a whole upload to the worker. Said twice it is said once; said too early it names what is missing. */
export async function completeUpload(
  actor: RequestActor,
  owner: string,
  slug: string,
  id: string,
  { sha256 }: { sha256?: string },
): Promise<UploadAnswer> {
  const { session, ...files } = await openUpload(actor, owner, slug, id)
  if (session.state === 'verifying' || session.state === 'complete') return answerOf(files, session)
  const missing = missingParts(stillOpen(session), await storedParts(session))
  const { db } = context()
  if (missing.length === 0) await beginVerification(db, session.id, sha256)
  const now = await findUpload(db, files.model.id, session.id)
  if (!now) throw hidden()
  // Another tab may have been faster, and the store then has no parts any more.
  if (now.state === 'uploading' && missing.length > 0)
    throw new Refusal(
      'conflict',
      `${missing.length} of ${partCount(session.bytes, session.partBytes)} parts have not arrived whole.`,
      'files/parts-missing',
    )
  return answerOf(files, now)
}

/** Ends an upload; one that ended already stays as it is. */
export async function abortUpload(actor: RequestActor, owner: string, slug: string, id: string): Promise<void> {
  const { session, model } = await openUpload(actor, owner, slug, id)
  await cancelUpload(context().db, model.id, session.id)
}

function stillOpen(session: UploadSession): UploadSession {
  if (session.state === 'uploading') return session
  throw new Refusal('conflict', 'This upload is over; begin it again.', 'files/upload-over')
}

function lengthOf({ bytes, partBytes }: UploadSession, number: number): number {
  try {
    return bytesOfPart(number, bytes, partBytes)
  } catch (error) {
    if (error instanceof RangeError) throw new Refusal('invalid', error.message)
    throw error
  }
}

export function refuse({ code, sentence }: Refused): Refusal {
  const invalid = code === 'files/too-large' || code === 'files/name-invalid'
  return new Refusal(invalid ? 'invalid' : 'conflict', sentence, code)
}
