import { galleryLimits } from '@modelport/schema/gallery'
import { and, asc, count, eq, inArray, isNotNull, isNull, lt, notInArray, type SQL, sql } from 'drizzle-orm'
import type { Db, Tx } from '../client.ts'
import { objectDeletions } from '../tables/files.ts'
import { galleryImages, type ImageRendition } from '../tables/gallery.ts'
import { models } from '../tables/models.ts'
import { versions } from '../tables/versions.ts'

export type { ImageRendition } from '../tables/gallery.ts'
export type GalleryImage = typeof galleryImages.$inferSelect & {
  /** The number of the version that made it. */
  version: number | null
}

/** A gallery cannot be changed as asked; the message is a sentence for the person who asked. */
export class GalleryError extends Error {}

/** The gallery of a model in its order. */
export async function listGallery(
  tx: Tx,
  modelId: string,
  limit: number = galleryLimits.images,
): Promise<GalleryImage[]> {
  const rows = await tx
    .select({ image: galleryImages, version: versions.number })
    .from(galleryImages)
    .leftJoin(versions, eq(versions.id, galleryImages.versionId))
    .where(and(eq(galleryImages.modelId, modelId), isNotNull(galleryImages.position)))
    .orderBy(asc(galleryImages.position))
    .limit(limit)
  return rows.map(({ image, version }) => ({ ...image, version }))
}

/** A picture that has arrived and is in no gallery yet. Throws `GalleryError` where there are too many already. */
export async function addImage(
  db: Db,
  image: { modelId: string; renditions: ImageRendition[]; addedBy: string },
): Promise<GalleryImage> {
  return db.transaction(async (tx) => {
    await lockModel(tx, image.modelId)
    await removeForgotten(tx, image.modelId)
    const [row] = await tx
      .select({ count: count() })
      .from(galleryImages)
      .where(and(eq(galleryImages.modelId, image.modelId), isNull(galleryImages.position)))
    if ((row?.count ?? 0) >= galleryLimits.images)
      throw new GalleryError(
        `${galleryLimits.images} images wait to be listed in this gallery already. Save the gallery, or try again tomorrow.`,
      )
    const [added] = await tx.insert(galleryImages).values(image).returning()
    return { ...added!, version: null }
  })
}

export interface GalleryEntry {
  id: string
  alt: string | null
  caption: string
  inputs: string
  /** The number of the version that made it. */
  version: number | null
}

/**
 * Makes a gallery of these images in this order; those that it held and that are not named leave it. `sameAs` is asked
 * about the gallery as it stands, under the model's lock. Throws `GalleryError`.
 */
export async function saveGallery(
  db: Db,
  modelId: string,
  entries: readonly GalleryEntry[],
  sameAs: (now: GalleryImage[]) => boolean,
): Promise<void> {
  await db.transaction(async (tx) => {
    await lockModel(tx, modelId)
    if (!sameAs(await listGallery(tx, modelId)))
      throw new GalleryError('Somebody else changed this gallery meanwhile. Load it again.')
    const ids = entries.map((entry) => entry.id)
    if (new Set(ids).size !== ids.length) throw new GalleryError('An image is listed twice.')
    const known = await tx
      .select({ id: galleryImages.id })
      .from(galleryImages)
      .where(and(eq(galleryImages.modelId, modelId), inArray(galleryImages.id, ids)))
    if (known.length !== ids.length) throw new GalleryError('An image is not there any more. Add it again.')
    const versionIds = await versionsByNumber(tx, modelId, entries)
    await removeImages(
      tx,
      and(
        eq(galleryImages.modelId, modelId),
        isNotNull(galleryImages.position),
        ids.length > 0 ? notInArray(galleryImages.id, ids) : undefined,
      ),
    )
    await removeForgotten(tx, modelId)
    for (const [position, { id, alt, caption, inputs, version }] of entries.entries())
      await tx
        .update(galleryImages)
        .set({
          position,
          unlistedSince: null,
          alt,
          caption,
          inputs,
          versionId: version ? versionIds.get(version)! : null,
        })
        .where(eq(galleryImages.id, id))
  })
}

async function versionsByNumber(tx: Tx, modelId: string, entries: readonly GalleryEntry[]) {
  const numbers = [...new Set(entries.flatMap((entry) => entry.version ?? []))]
  const rows = await tx
    .select({ id: versions.id, number: versions.number })
    .from(versions)
    .where(and(eq(versions.modelId, modelId), inArray(versions.number, numbers)))
  const byNumber = new Map(rows.map((row) => [row.number, row.id]))
  const unknown = numbers.find((number) => !byNumber.has(number))
  if (unknown !== undefined) throw new GalleryError(`There is no version ${unknown}.`)
  return byNumber
}

/** Deletes these images, and has their objects deleted (`object_deletions`). */
async function removeImages(tx: Tx, which: SQL | undefined): Promise<void> {
  const gone = await tx.delete(galleryImages).where(which).returning({ renditions: galleryImages.renditions })
  const keys = gone.flatMap(({ renditions }) => renditions.map(({ key }) => ({ key })))
  if (keys.length > 0) await tx.insert(objectDeletions).values(keys)
}

/** Images that somebody sent and never listed. */
const removeForgotten = (tx: Tx, modelId: string) =>
  removeImages(
    tx,
    and(eq(galleryImages.modelId, modelId), lt(galleryImages.unlistedSince, sql`now() - interval '1 day'`)),
  )

/** Takes back an image whose objects could not be stored. */
export async function dropImage(db: Db, id: string): Promise<void> {
  await db.transaction((tx) => removeImages(tx, and(eq(galleryImages.id, id), isNull(galleryImages.position))))
}

/** The image of a model that has a rendition of this name. */
export async function findRendition(
  db: Db,
  modelId: string,
  hash: string,
): Promise<{ rendition: ImageRendition; listed: boolean } | null> {
  const rows = await db
    .select({ renditions: galleryImages.renditions, position: galleryImages.position })
    .from(galleryImages)
    .where(
      and(eq(galleryImages.modelId, modelId), sql`${galleryImages.renditions} @> ${JSON.stringify([{ hash }])}::jsonb`),
    )
    .orderBy(sql`${galleryImages.position} nulls last`)
    .limit(1)
  const rendition = rows[0]?.renditions.find((one) => one.hash === hash)
  return rendition ? { rendition, listed: rows[0]!.position !== null } : null
}

async function lockModel(tx: Tx, modelId: string): Promise<void> {
  await tx.select({ id: models.id }).from(models).where(eq(models.id, modelId)).for('update')
}
