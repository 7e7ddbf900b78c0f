import { uploadStates } from '@modelport/schema/states'
import { sql } from 'drizzle-orm'
import {
  bigint,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { models } from './models.ts'

const at = (name: string) => timestamp(name, { withTimezone: true })

/** What was seen in a file without running it. */
export interface FileInspection {
  format: 'pickle' | 'torch-zip' | 'other'
  /** Names that loading it would import, as `module.name`. */
  imports: string[]
  /** Whether all of it was read. */
  complete: boolean
}

/**
 * Verified bytes in the object store, once for each content. Files refer to them; a blob to which no file refers is swept.
 * The references are not counted in a column, which could drift from the rows.
 */
export const blobs = pgTable(
  'blobs',
  {
    id: uuid().primaryKey().defaultRandom(),
    /** 64 hex digits, computed by us from what is stored. */
    sha256: text().notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
    /** Its key in the object store. */
    key: text().notNull().unique(),
    inspection: jsonb().$type<FileInspection | null>(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [unique().on(t.sha256, t.bytes)],
)

/** A file of a model: the checkpoint of an option or of one of its choices, or free. Earlier files of a place stay until they are removed. */
export const files = pgTable(
  'files',
  {
    id: uuid().primaryKey().defaultRandom(),
    modelId: uuid('model_id')
      .notNull()
      .references(() => models.id, { onDelete: 'cascade' }),
    /** The set-up option that it belongs to; null for a free file. */
    option: text(),
    /** The choice of a category; null for a `file` or `directory` option. */
    choice: text(),
    name: text().notNull(),
    description: text().notNull().default(''),
    blobId: uuid('blob_id')
      .notNull()
      .references(() => blobs.id),
    /** GitHub login. */
    uploadedBy: text('uploaded_by').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
    /** When another file took its place; null for the current one. */
    replacedAt: at('replaced_at'),
  },
  (t) => [
    uniqueIndex('files_current_place')
      .on(t.modelId, t.option, sql`coalesce(${t.choice}, '')`)
      .where(sql`${t.option} is not null and ${t.replacedAt} is null`),
    uniqueIndex('files_current_free').on(t.modelId, t.name).where(sql`${t.option} is null and ${t.replacedAt} is null`),
    index().on(t.modelId),
    index().on(t.blobId),
  ],
)

/** An upload under way, owned by the server, so that a reload or a crash of the browser loses nothing. */
export const uploadSessions = pgTable(
  'upload_sessions',
  {
    id: uuid().primaryKey().defaultRandom(),
    modelId: uuid('model_id')
      .notNull()
      .references(() => models.id, { onDelete: 'cascade' }),
    option: text(),
    choice: text(),
    fileName: text('file_name').notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
    /** The file's own date in the browser, in milliseconds since 1970. */
    lastModified: bigint('last_modified', { mode: 'number' }).notNull(),
    /** The browser's hash of the first and last megabyte; tells whether a file chosen later is the same. */
    fingerprint: text().notNull(),
    /** What the browser computed, if it did; never believed, only compared. */
    claimedSha256: text('claimed_sha256'),
    partBytes: bigint('part_bytes', { mode: 'number' }).notNull(),
    key: text().notNull().unique(),
    /** The object store's id of the upload; null until it was begun there. */
    uploadId: text('upload_id'),
    state: text({ enum: uploadStates }).notNull().default('uploading'),
    failure: jsonb().$type<{ code: string; sentence: string } | null>(),
    startedBy: text('started_by').notNull(),
    /** Counts those who began to verify it; each of their writes names the epoch that it was given. */
    epoch: integer().notNull().default(0),
    leaseOwner: text('lease_owner'),
    leaseExpiresAt: at('lease_expires_at'),
    verifiedBytes: bigint('verified_bytes', { mode: 'number' }).notNull().default(0),
    fileId: uuid('file_id').references(() => files.id, { onDelete: 'set null' }),
    createdAt: at('created_at').notNull().defaultNow(),
    updatedAt: at('updated_at').notNull().defaultNow(),
    expiresAt: at('expires_at').notNull(),
  },
  (t) => [
    // Two tabs with one file are one upload.
    uniqueIndex('upload_sessions_same_file')
      .on(
        t.modelId,
        sql`coalesce(${t.option}, '')`,
        sql`coalesce(${t.choice}, '')`,
        t.startedBy,
        t.fileName,
        t.bytes,
        t.lastModified,
        t.fingerprint,
      )
      .where(sql`${t.state} = 'uploading'`),
    index('upload_sessions_open').on(t.modelId).where(sql`${t.state} in ('uploading', 'verifying')`),
    index('upload_sessions_due').on(t.state, t.expiresAt),
  ],
)

/** A part that the browser said has arrived, for the progress that the page shows. What counts is the object store's own list. */
export const uploadParts = pgTable(
  'upload_parts',
  {
    sessionId: uuid('session_id')
      .notNull()
      .references(() => uploadSessions.id, { onDelete: 'cascade' }),
    number: integer().notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
    recordedAt: at('recorded_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.sessionId, t.number] })],
)

/** Objects and uploads that have to go from the object store: written in the transaction that made them useless. */
export const objectDeletions = pgTable(
  'object_deletions',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    key: text().notNull(),
    /** Also abort this upload of the key. */
    uploadId: text('upload_id'),
    notBefore: at('not_before').notNull().defaultNow(),
  },
  (t) => [index().on(t.notBefore)],
)
