import { type FileWithBlob, findFile, findUpload, type UploadSession } from '@modelport/db/queries/files'
import { type FoundModel, type Model, newestReadyVersion } from '@modelport/db/queries/models'
import { findVersionById, type Version } from '@modelport/db/queries/versions'
import type { RequestActor } from '#src/auth/actor.ts'
import { can } from '#src/auth/can.ts'
import { hidden } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { isId } from '#src/features/files/file-path.ts'
import { openModel } from '#src/features/models/open-model.ts'

export interface Files extends FoundModel {
  /** `/owner/model`, under the name that it has now. */
  path: string
  /** Whether this person changes them. */
  mayChange: boolean
}

/** The files of a model, for somebody who wants to see or change them. */
export async function openFiles(
  actor: RequestActor,
  owner: string,
  slug: string,
  action: 'see-files' | 'change-files' = 'see-files',
): Promise<Files> {
  const found = await openModel(actor, owner, slug, action)
  return {
    ...found,
    path: `/${found.publisher.slug}/${found.model.slug}`,
    mayChange: action === 'change-files' || (await can(actor, 'change-files', found.model)) === 'allow',
  }
}

export async function openFile(
  actor: RequestActor,
  owner: string,
  slug: string,
  id: string,
  action?: 'see-files' | 'change-files',
): Promise<Files & { file: FileWithBlob }> {
  const files = await openFiles(actor, owner, slug, action)
  const file = isId(id) ? await findFile(context().db, files.model.id, id) : null
  // Earlier files are for those who may put them there.
  if (!file || (file.replacedAt && !files.mayChange)) throw hidden()
  return { ...files, file }
}

export type OpenedUpload = Files & { session: UploadSession }

export async function openUpload(actor: RequestActor, owner: string, slug: string, id: string): Promise<OpenedUpload> {
  const files = await openFiles(actor, owner, slug, 'change-files')
  const session = isId(id) ? await findUpload(context().db, files.model.id, id) : null
  if (!session) throw hidden()
  return { ...files, session }
}

/** The version whose options say where files belong: the one that visitors get. */
export async function versionWithPlaces(model: Model): Promise<Version | null> {
  const { db } = context()
  const version = model.defaultVersionId ? await findVersionById(db, model.defaultVersionId) : null
  return version ?? newestReadyVersion(db, model.id)
}
