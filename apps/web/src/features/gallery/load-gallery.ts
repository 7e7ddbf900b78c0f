import type { GalleryImage } from '@modelport/db/queries/gallery'
import { context } from '#src/context.ts'
import { revisionOf } from '#src/features/gallery/gallery-json.ts'
import { loadModelView, type ModelView } from '#src/features/models/load-model-view.ts'
import { readyNumbers } from '#src/features/versions/load-versions.ts'

export interface GalleryView {
  view: ModelView
  images: GalleryImage[]
  revision: string
  /** What an image can be said to be made by. */
  versions: number[]
  hasStorage: boolean
}

export async function loadGallery(params: Promise<{ owner: string; model: string }>): Promise<GalleryView> {
  const view = await loadModelView(params)
  const { storage } = context()
  return {
    view,
    images: view.gallery,
    revision: revisionOf(view.gallery),
    versions: view.rights.publish ? await readyNumbers(view.model.id) : [],
    hasStorage: storage !== null,
  }
}
