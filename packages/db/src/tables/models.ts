import type { Edits } from '@modelport/schema/model-card/describe'
import type { ChangedThing, ChangeKind } from '@modelport/schema/model-changes'
import { modelStates } from '@modelport/schema/states'
import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  boolean,
  index,
  jsonb,
  pgTable,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import { versions } from './versions.ts'

const at = (name: string) => timestamp(name, { withTimezone: true })

/** A GitHub account or organisation that owns models. `slug` is its login in lower case, as URLs have it. */
export const publishers = pgTable(
  'publishers',
  {
    id: uuid().primaryKey().defaultRandom(),
    githubId: bigint('github_id', { mode: 'number' }).notNull().unique(),
    login: text().notNull(),
    slug: text().notNull().unique(),
    kind: text().$type<'user' | 'organization'>().notNull(),
    name: text(),
    avatarUrl: text('avatar_url'),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  // What a beginning is looked up in.
  (t) => [index('publishers_slug_beginning').on(sql`${t.slug} collate "C"`)],
)

/** The GitHub App on one account. The id is GitHub's. */
export const installations = pgTable('installations', {
  id: bigint({ mode: 'number' }).primaryKey(),
  publisherId: uuid('publisher_id')
    .notNull()
    .references(() => publishers.id),
  suspendedAt: at('suspended_at'),
  deletedAt: at('deleted_at'),
  createdAt: at('created_at').notNull().defaultNow(),
})

/** One imported repository. The GitHub id is its identity; owner and name may change. */
export const models = pgTable(
  'models',
  {
    id: uuid().primaryKey().defaultRandom(),
    githubRepositoryId: bigint('github_repository_id', { mode: 'number' }).notNull().unique(),
    publisherId: uuid('publisher_id')
      .notNull()
      .references(() => publishers.id),
    installationId: bigint('installation_id', { mode: 'number' }).references(() => installations.id),
    /** The repository's name. */
    name: text().notNull(),
    /** The model's name in addresses: the one chosen on the site, else the repository's in lower case. */
    slug: text().notNull(),
    chosenSlug: text('chosen_slug'),
    state: text({ enum: modelStates }).notNull(),
    /** Why the model is in this state, as a sentence, where there is something to say. */
    stateReason: text('state_reason'),
    /** The production branch: its pushes make versions, and its versions become the default under the policy `latest`. */
    branch: text().notNull(),
    /** Patterns of further branches, and of tags, whose pushes make versions: see `ref-rules.ts` of the schema. */
    branchRules: text('branch_rules').array().notNull().default([]),
    tagRules: text('tag_rules').array().notNull().default([]),
    repositoryPrivate: boolean('repository_private').notNull(),
    /** A model is archived while its repository is, or while somebody archived it on the site: this login. */
    repositoryArchived: boolean('repository_archived').notNull().default(false),
    archivedBy: text('archived_by'),
    /** Chosen on the site; the effective visibility is the stricter of this and the repository's. */
    visibility: text().$type<'public' | 'unlisted' | 'private'>().notNull().default('public'),
    defaultPolicy: text('default_policy').$type<'latest' | 'pinned'>().notNull().default('latest'),
    defaultVersionId: uuid('default_version_id').references((): AnyPgColumn => versions.id),
    substitutionPolicy: text('substitution_policy').$type<'exact' | 'nearest'>(),
    viewersSeeVersions: boolean('viewers_see_versions').notNull().default(false),
    viewersSeeLogs: boolean('viewers_see_logs').notNull().default(false),
    viewersSeeFiles: boolean('viewers_see_files').notNull().default(false),
    /** Title, summary and topics are what lists show: `queries/description.ts` keeps them equal to their sources. */
    title: text(),
    summary: text(),
    /** The README of the default version's commit, as text, at most 256 KiB. */
    readme: text(),
    licence: jsonb().$type<{ spdx: string | null; file: string; text: string } | null>(),
    topics: text().array().notNull().default([]),
    /** What a publisher wrote on the site; it wins over what the repository says. */
    edited: jsonb().$type<Edits>().notNull().default({}),
    /** The description and the topics that GitHub gave. */
    repositorySummary: text('repository_summary'),
    repositoryTopics: text('repository_topics').array().notNull().default([]),
    createdAt: at('created_at').notNull().defaultNow(),
    updatedAt: at('updated_at').notNull().defaultNow(),
    deletedAt: at('deleted_at'),
    /** GitHub login of who deleted it here; null when its repository was deleted. */
    deletedBy: text('deleted_by'),
  },
  (t) => [unique().on(t.publisherId, t.slug), index().on(t.installationId), index().on(t.updatedAt)],
)

/** Old names of models, each an eternal redirect. */
export const modelNames = pgTable('model_names', {
  /** `owner/model` in lower case. */
  path: text().primaryKey(),
  modelId: uuid('model_id')
    .notNull()
    .references(() => models.id, { onDelete: 'cascade' }),
  createdAt: at('created_at').notNull().defaultNow(),
})

/** Who changed what on a model: written in the transaction of the change, never changed afterwards. */
export const recordedChanges = pgTable(
  'model_changes',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    modelId: uuid('model_id')
      .notNull()
      .references(() => models.id, { onDelete: 'cascade' }),
    kind: text().$type<ChangeKind>().notNull(),
    /** GitHub login; null when it was not a person. */
    changedBy: text('changed_by'),
    what: text().$type<ChangedThing>().notNull(),
    from: jsonb('from_value').$type<unknown>(),
    to: jsonb('to_value').$type<unknown>(),
    reason: text(),
    changedAt: at('changed_at').notNull().defaultNow(),
  },
  (t) => [index().on(t.modelId, t.id)],
)
