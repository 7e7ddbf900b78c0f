import { createHash } from 'node:crypto'
import { addImage, dropImage, type GalleryImage, saveGallery } from '@modelport/db/queries/gallery'
import type { FoundModel } from '@modelport/db/queries/models'
import type { GalleryRequest } from '@modelport/schema/api'
import { galleryLimits } from '@modelport/schema/gallery'
import { newGalleryKey } from '@modelport/storage/object-keys'
import type { z } from 'zod'
import { Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { encodeImage, tooLarge } from '#src/features/gallery/encode-image.ts'
import { revisionOf } from '#src/features/gallery/gallery-json.ts'

/** Takes in the picture that a request carries, for somebody who may publish. It is in the gallery once that lists it. */
export async function takeImage({ model }: FoundModel, request: Request, login: string): Promise<GalleryImage> {
  const { db, storage } = context()
  if (!storage)
    throw new Refusal(
      'unavailable',
      'This installation has no object store, so it keeps no images. Its operator sets S3_ENDPOINT.',
    )
  const encoded = await encodeImage(await readBytes(request))
  const stored = encoded.map((rendition) => ({
    ...rendition,
    key: newGalleryKey(),
    hash: createHash('sha256').update(rendition.data).digest('hex').slice(0, 32),
  }))
  // The row first: an object without one would lie in the store for ever.
  const image = await addImage(db, {
    modelId: model.id,
    addedBy: login,
    renditions: stored.map(({ width, height, data, hash, key }) => ({ width, height, bytes: data.length, hash, key })),
  })
  try {
    for (const { key, data } of stored) await storage.put(key, data, { contentType: 'image/webp' })
  } catch (error) {
    await dropImage(db, image.id)
    throw error
  }
  return image
}

export async function changeGallery({ model }: FoundModel, change: z.infer<typeof GalleryRequest>): Promise<void> {
  await saveGallery(
    context().db,
    model.id,
    change.items,
    (now) => change.revision === undefined || change.revision === revisionOf(now),
  )
}

/** The body, of which no more is read than an image may have. */
async function readBytes(request: Request): Promise<Uint8Array> {
  const type = request.headers.get('content-type') ?? ''
  // A form of a foreign page cannot send this type without asking first.
  if (!/^image\/|^application\/octet-stream\b/i.test(type))
    throw new Refusal('invalid', 'Send the image as the body, with its type, such as Content-Type: image/png.')
  if (Number(request.headers.get('content-length') ?? 0) > galleryLimits.bytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > galleryLimits.bytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
