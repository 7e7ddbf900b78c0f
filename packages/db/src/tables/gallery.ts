import { sql } from 'drizzle-orm'
import { check, index, integer, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { models } from './models.ts'
import { versions } from './versions.ts'

const at = (name: string) => timestamp(name, { withTimezone: true })

/** One size of a picture, as we encoded it. */
export interface ImageRendition {
  width: number
  height: number
  bytes: number
  /** The first 32 hex digits of its SHA-256: its name on the site. */
  hash: string
  /** Its key in the object store. */
  key: string
}

/** A picture of a model. It is in the gallery while it has a position; else it waits to be listed, or to be removed. */
export const galleryImages = pgTable(
  'gallery_images',
  {
    id: uuid().primaryKey().defaultRandom(),
    modelId: uuid('model_id')
      .notNull()
      .references(() => models.id, { onDelete: 'cascade' }),
    position: integer(),
    /** Since when it has no position; one that stays so for a day is removed. */
    unlistedSince: at('unlisted_since').defaultNow(),
    /** What it shows, for people who do not see it; null for a decorative one. */
    alt: text(),
    caption: text().notNull().default(''),
    /** What was put into the model, in the publisher's words. */
    inputs: text().notNull().default(''),
    /** The version that made it. */
    versionId: uuid('version_id').references(() => versions.id, { onDelete: 'set null' }),
    /** The largest first. */
    renditions: jsonb().$type<ImageRendition[]>().notNull(),
    /** GitHub login. */
    addedBy: text('added_by').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [
    index().on(t.modelId, t.position),
    check('gallery_images_listed', sql`(${t.position} is null) = (${t.unlistedSince} is not null)`),
  ],
)
