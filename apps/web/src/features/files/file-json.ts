import type { FileWithBlob, UploadSession } from '@modelport/db/queries/files'
import { partCount } from '@modelport/storage/upload-parts'
import { context } from '#src/context.ts'
import { pathOfFile, pathOfPlace } from '#src/features/files/file-path.ts'

/** A file as the API gives it; `path` is the model's, `/owner/model`. */
export function fileJson(path: string, file: FileWithBlob) {
  const { siteUrl } = context().config
  const placePath = file.replacedAt ? null : pathOfPlace(path, file, file.name)
  return {
    id: file.id,
    name: file.name,
    description: file.description,
    size: file.blob.bytes,
    sha256: file.blob.sha256,
    option: file.option,
    choice: file.choice,
    current: file.replacedAt === null,
    uploadedBy: file.uploadedBy,
    uploadedAt: file.createdAt.toISOString(),
    url: siteUrl + pathOfFile(path, file),
    placeUrl: placePath && siteUrl + placePath,
    inspection: file.blob.inspection,
  }
}

/** An upload as the API gives it. */
export function uploadJson(
  path: string,
  session: UploadSession,
  more: { arrived: number; missing?: number[]; file?: FileWithBlob | null },
) {
  return {
    id: session.id,
    status: session.state,
    name: session.fileName,
    size: session.bytes,
    option: session.option,
    choice: session.choice,
    startedBy: session.startedBy,
    lastModified: session.lastModified,
    fingerprint: session.fingerprint,
    partSize: session.partBytes,
    parts: partCount(session.bytes, session.partBytes),
    ...(more.missing ? { missing: more.missing } : {}),
    arrived: more.arrived,
    verified: session.verifiedBytes,
    failure: session.failure,
    file: more.file ? fileJson(path, more.file) : null,
    createdAt: session.createdAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
  }
}

export type UploadAnswer = ReturnType<typeof uploadJson>
export type FileAnswer = ReturnType<typeof fileJson>
