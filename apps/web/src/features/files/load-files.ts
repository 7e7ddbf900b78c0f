import { type FileWithBlob, listFiles, listUploads } from '@modelport/db/queries/files'
import { context } from '#src/context.ts'
import { usageOf } from '#src/features/files/change-files.ts'
import { type UploadAnswer, uploadJson } from '#src/features/files/file-json.ts'
import { versionWithPlaces } from '#src/features/files/open-files.ts'
import { isSamePlace, type Place } from '#src/features/files/places.ts'
import { placesOf } from '#src/features/files/read-places.ts'
import { loadModelView, type ModelView } from '#src/features/models/load-model-view.ts'

/** The current file of a place, and those before it for people who may change files. */
export interface PlaceFiles {
  current: FileWithBlob | null
  earlier: FileWithBlob[]
}

export interface FilesView {
  view: ModelView
  /** Whether the model's options have places for files. */
  active: boolean
  hasStore: boolean
  mayUpload: boolean
  places: (PlaceFiles & { place: Place })[]
  free: PlaceFiles[]
  /** Files of places that the version which visitors get does not have. */
  homeless: FileWithBlob[]
  usage: Awaited<ReturnType<typeof usageOf>> | null
  uploads: UploadAnswer[]
}

export async function loadFiles(params: Promise<{ owner: string; model: string }>): Promise<FilesView> {
  const view = await loadModelView(params, { action: 'see-files' })
  const { db, storage } = context()
  const { model, path } = view
  const mayChange = view.rights.changeFiles
  const places = placesOf((await versionWithPlaces(model))?.manifest)
  const all = await listFiles(db, model.id, { earlier: mayChange })
  const sorted = (files: FileWithBlob[]): PlaceFiles => ({
    current: files.find((file) => file.replacedAt === null) ?? null,
    earlier: files.filter((file) => file.replacedAt !== null),
  })
  const free = all.filter((file) => file.option === null)
  const names = [...new Set(free.map((file) => file.name))]
  return {
    view,
    active: places.length > 0,
    hasStore: storage !== null,
    mayUpload: mayChange && storage !== null && places.length > 0 && model.state !== 'archived',
    places: places.map((place) => ({ place, ...sorted(all.filter((file) => isSamePlace(file, place))) })),
    free: names.map((name) => sorted(free.filter((file) => file.name === name))),
    homeless: all.filter((file) => file.option !== null && !places.some((place) => isSamePlace(file, place))),
    usage: mayChange ? await usageOf(model.publisherId) : null,
    uploads: mayChange
      ? (await listUploads(db, model.id)).map((session) => uploadJson(path, session, { arrived: session.arrivedBytes }))
      : [],
  }
}
