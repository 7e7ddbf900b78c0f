import { sql } from 'drizzle-orm'
import { bigint, index, integer, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { models } from './models.ts'
import { builds, versions } from './versions.ts'

const at = (name: string) => timestamp(name, { withTimezone: true })

/** One webhook message from GitHub: the inbox. Stored before GitHub is answered, worked afterwards. */
export const deliveries = pgTable(
  'deliveries',
  {
    id: uuid().primaryKey().defaultRandom(),
    /** GitHub's delivery id; a redelivery keeps it. */
    guid: text().notNull().unique(),
    bodySha256: text('body_sha256').notNull(),
    event: text().notNull(),
    action: text(),
    repositoryId: bigint('repository_id', { mode: 'number' }),
    repositoryName: text('repository_name'),
    installationId: bigint('installation_id', { mode: 'number' }),
    payload: jsonb().$type<unknown>().notNull(),
    state: text().$type<'received' | 'done' | 'failed'>().notNull().default('received'),
    tries: integer().notNull().default(0),
    notBefore: at('not_before'),
    /** What was done: `version`, `nothing`, `synced`, `rebuild`; with the reason as a sentence. */
    decision: text(),
    reason: text(),
    modelId: uuid('model_id').references(() => models.id, { onDelete: 'set null' }),
    versionId: uuid('version_id').references(() => versions.id, { onDelete: 'set null' }),
    receivedAt: at('received_at').notNull().defaultNow(),
    workedAt: at('worked_at'),
  },
  (t) => [
    index().on(t.receivedAt),
    index().on(t.repositoryId, t.receivedAt),
    // Leads from one repository with open deliveries to the next, and to the oldest of each.
    index('deliveries_open_by_repository').on(t.repositoryId, t.receivedAt, t.id).where(sql`${t.state} = 'received'`),
  ],
)

/** Messages to the queue, written in the transaction that made them necessary. The relay sends and deletes them. */
export const outbox = pgTable('outbox', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  /** `build`: run this build. `report`: make GitHub's check run equal to this build's row. */
  kind: text().$type<'build' | 'report'>().notNull(),
  buildId: uuid('build_id')
    .notNull()
    .references(() => builds.id, { onDelete: 'cascade' }),
  notBefore: at('not_before'),
  createdAt: at('created_at').notNull().defaultNow(),
})
