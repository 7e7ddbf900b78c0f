import { bigint, index, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { models } from './models.ts'

const at = (name: string) => timestamp(name, { withTimezone: true })

/** Somebody who has signed in. Keyed by GitHub's numeric id, because logins are reused after a rename. */
export const users = pgTable('users', {
  id: uuid().primaryKey().defaultRandom(),
  githubId: bigint('github_id', { mode: 'number' }).notNull().unique(),
  login: text().notNull(),
  name: text(),
  avatarUrl: text('avatar_url'),
  createdAt: at('created_at').notNull().defaultNow(),
})

/** One signed-in browser. The cookie holds a random token; the table holds its hash. GitHub's tokens are sealed with SECRET_KEY. */
export const sessions = pgTable('sessions', {
  id: uuid().primaryKey().defaultRandom(),
  tokenHash: text('token_hash').notNull().unique(),
  userId: uuid('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  githubTokens: text('github_tokens').notNull(),
  accessExpiresAt: at('access_expires_at'),
  createdAt: at('created_at').notNull().defaultNow(),
  lastUsedAt: at('last_used_at').notNull().defaultNow(),
  expiresAt: at('expires_at').notNull(),
  revokedAt: at('revoked_at'),
})

/** A token for the API. Shown once; the table holds its hash and its first characters. */
export const apiTokens = pgTable('api_tokens', {
  id: uuid().primaryKey().defaultRandom(),
  userId: uuid('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  name: text().notNull(),
  tokenHash: text('token_hash').notNull().unique(),
  prefix: text().notNull(),
  scopes: text().array().notNull(),
  createdAt: at('created_at').notNull().defaultNow(),
  lastUsedAt: at('last_used_at'),
  expiresAt: at('expires_at'),
  revokedAt: at('revoked_at'),
})

/** What GitHub says that a person may do with a model's repository; asked again when old or when a webhook says so. */
export const modelPermissions = pgTable(
  'model_permissions',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    modelId: uuid('model_id')
      .notNull()
      .references(() => models.id, { onDelete: 'cascade' }),
    permission: text().$type<'none' | 'read' | 'write' | 'admin'>().notNull(),
    checkedAt: at('checked_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.modelId] }), index().on(t.modelId)],
)
