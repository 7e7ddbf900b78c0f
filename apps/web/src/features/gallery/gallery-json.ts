import { createHash } from 'node:crypto'
import { type GalleryImage, listGallery } from '@modelport/db/queries/gallery'
import { context } from '#src/context.ts'
import { renditionPath } from '#src/features/gallery/rendition-path.ts'

export function imageJson(modelPath: string, image: GalleryImage) {
  return {
    id: image.id,
    alt: image.alt,
    caption: image.caption,
    inputs: image.inputs,
    version: image.version,
    renditions: image.renditions.map((rendition) => ({
      url: context().config.siteUrl + renditionPath(modelPath, rendition),
      width: rendition.width,
      height: rendition.height,
    })),
    addedBy: image.addedBy,
    createdAt: image.createdAt.toISOString(),
  }
}

export async function galleryJson(modelPath: string, modelId: string) {
  const images = await listGallery(context().db, modelId)
  return {
    items: images.map((image) => imageJson(modelPath, image)),
    nextCursor: null,
    revision: revisionOf(images),
  }
}

/** A text that changes with everything that can be changed of a gallery. */
export function revisionOf(images: readonly GalleryImage[]): string {
  const said = images.map(({ id, alt, caption, inputs, version }) => [id, alt, caption, inputs, version])
  return createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 32)
}
