import { describeFile, findFile, listFiles, publisherUsage, removeFile, renameFile } from '@modelport/db/queries/files'
import { person } from '@modelport/db/queries/model-changes'
import type { RequestActor } from '#src/auth/actor.ts'
import { hidden, Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { type FileAnswer, fileJson } from '#src/features/files/file-json.ts'
import { openFile, openFiles, versionWithPlaces } from '#src/features/files/open-files.ts'
import { isSamePlace, nameProblem } from '#src/features/files/places.ts'
import { placesOf } from '#src/features/files/read-places.ts'
import { refuse } from '#src/features/files/upload-sessions.ts'

// What people do with files that are there: the same for the API and for the page.

export async function getFiles(actor: RequestActor, owner: string, slug: string, { earlier }: { earlier: boolean }) {
  const { model, path, mayChange } = await openFiles(actor, owner, slug)
  const { db } = context()
  const files = await listFiles(db, model.id, { earlier: earlier && mayChange })
  return {
    items: files.map((file) => fileJson(path, file)),
    nextCursor: null,
    places: placesOf((await versionWithPlaces(model))?.manifest),
    usage: mayChange ? await usageOf(model.publisherId) : null,
  }
}

export async function usageOf(publisherId: string) {
  const { db, config } = context()
  const usage = await publisherUsage(db, publisherId)
  return {
    size: usage.bytes,
    reserved: usage.reservedBytes,
    limit: config.fileLimits.publisherBytes,
    fileLimit: config.fileLimits.fileBytes,
  }
}

export async function changeFile(
  actor: RequestActor,
  owner: string,
  slug: string,
  id: string,
  change: { name?: string; description?: string },
): Promise<FileAnswer> {
  const { model, path, file } = await openFile(actor, owner, slug, id, 'change-files')
  const { db } = context()
  if (change.name !== undefined && change.name !== file.name) {
    const place = placesOf((await versionWithPlaces(model))?.manifest).find((known) => isSamePlace(known, file))
    const problem = place && nameProblem(place, change.name)
    if (problem) throw new Refusal('invalid', problem, 'files/wrong-extension')
    const renamed = await renameFile(db, model.id, file.id, change.name, person(actor.user!.login))
    if (!renamed) throw hidden()
    if ('refusal' in renamed) throw refuse(renamed.refusal)
  }
  if (change.description !== undefined) await describeFile(db, model.id, file.id, change.description)
  const now = await findFile(db, model.id, file.id)
  if (!now) throw hidden()
  return fileJson(path, now)
}

export async function deleteFile(actor: RequestActor, owner: string, slug: string, id: string): Promise<string> {
  const { model, file } = await openFile(actor, owner, slug, id, 'change-files')
  await removeFile(context().db, model.id, file.id, person(actor.user!.login))
  return file.name
}
