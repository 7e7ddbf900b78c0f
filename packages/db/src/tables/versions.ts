import { buildStates, stepStates, versionStates } from '@modelport/schema/states'
import type { Failure, Substitution, Target } from '@modelport/schema/words'
import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  boolean,
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

/** A model at one commit, numbered from 1; a number is never used again. */
export const versions = pgTable(
  'versions',
  {
    id: uuid().primaryKey().defaultRandom(),
    modelId: uuid('model_id')
      .notNull()
      .references((): AnyPgColumn => models.id, { onDelete: 'cascade' }),
    number: integer().notNull(),
    /** 40 hex digits. */
    commit: text().notNull(),
    /** `refs/heads/main`, or null when the version was not made by a push. */
    ref: text(),
    commitSubject: text('commit_subject').notNull().default(''),
    authorName: text('author_name'),
    /** GitHub login of whoever pushed, imported or asked for the rebuild. */
    requestedBy: text('requested_by'),
    trigger: text().$type<'push' | 'import' | 'rebuild'>().notNull(),
    rebuildOf: uuid('rebuild_of').references((): AnyPgColumn => versions.id),
    state: text({ enum: versionStates }).notNull().default('queued'),
    /** Why it was superseded or cancelled, as a sentence. */
    stateReason: text('state_reason'),
    /** The model config as parsed, once a build has read it. */
    config: jsonb().$type<unknown>(),
    /** Warnings on `runway.yml` lines and differences between the targets' manifests, for the page. */
    warnings: jsonb().$type<{ code: string; sentence: string; line: number | null }[]>().notNull().default([]),
    /** The CPU image's manifest if ready, else the GPU's. */
    manifest: jsonb().$type<unknown>(),
    readme: text(),
    /** The text of CITATION.cff, at most 64 KiB. */
    citation: text(),
    licence: jsonb().$type<{ spdx: string | null; file: string; text: string } | null>(),
    yankedAt: at('yanked_at'),
    yankedBy: text('yanked_by'),
    yankReason: text('yank_reason'),
    createdAt: at('created_at').notNull().defaultNow(),
    finishedAt: at('finished_at'),
  },
  (t) => [
    unique().on(t.modelId, t.number),
    // One push-made version per commit (product decision 1); rebuilds of a ready version are further ones.
    uniqueIndex('versions_model_commit').on(t.modelId, t.commit).where(sql`${t.rebuildOf} is null`),
    index().on(t.modelId, t.state),
  ],
)

/** One attempt to make a version's image for one target. */
export const builds = pgTable(
  'builds',
  {
    id: uuid().primaryKey().defaultRandom(),
    versionId: uuid('version_id')
      .notNull()
      .references(() => versions.id, { onDelete: 'cascade' }),
    target: text().$type<Target>().notNull(),
    attempt: integer().notNull().default(1),
    state: text({ enum: buildStates }).notNull().default('queued'),
    useCache: boolean('use_cache').notNull().default(true),
    /** Counts the workers that took this build; every write of a worker names the epoch that it was given. */
    epoch: integer().notNull().default(0),
    leaseOwner: text('lease_owner'),
    /** In database time. A running build whose lease ran out may be taken by another worker. */
    leaseExpiresAt: at('lease_expires_at'),
    /** Not before this time, after a platform failure. */
    notBefore: at('not_before'),
    cancelRequestedAt: at('cancel_requested_at'),
    cancelRequestedBy: text('cancel_requested_by'),
    createdAt: at('created_at').notNull().defaultNow(),
    startedAt: at('started_at'),
    finishedAt: at('finished_at'),
    currentStep: text('current_step'),
    /** Repository and digest, never a host (product decision 20). */
    imageRepository: text('image_repository'),
    imageTag: text('image_tag'),
    imageDigest: text('image_digest'),
    /** Whether the image lies in the image registry, or only in the engine of the machine that built it. */
    imagePushed: boolean('image_pushed').notNull().default(false),
    sizeBytes: bigint('size_bytes', { mode: 'number' }),
    manifest: jsonb().$type<unknown>(),
    substitutions: jsonb().$type<Substitution[]>().notNull().default([]),
    /** Catalogue entry, image id and what it holds. */
    base: jsonb().$type<{ entry: string; imageId: string; python: string; cuda: string | null } | null>(),
    /** The equivalent Dockerfile, for people who build elsewhere. */
    dockerfile: text(),
    layers: jsonb().$type<{ kind: string; step: string | null; reused: boolean }[]>().notNull().default([]),
    failure: jsonb().$type<Failure | null>(),
    lineCount: integer('line_count').notNull().default(0),
    logBytes: bigint('log_bytes', { mode: 'number' }).notNull().default(0),
    checkRunId: bigint('check_run_id', { mode: 'number' }),
    /** The last state that GitHub was told, with the epoch: `running@2`. */
    checkReported: text('check_reported'),
  },
  (t) => [
    unique().on(t.versionId, t.target, t.attempt),
    index().on(t.state, t.leaseExpiresAt),
    // The few whose state GitHub was not told; the expressions are those of `sweepReports`.
    index('builds_untold')
      .on(sql`coalesce(${t.finishedAt}, ${t.startedAt}, ${t.createdAt})`)
      .where(sql`${t.checkReported} is distinct from ${t.state} || '@' || ${t.epoch}::text`),
  ],
)

/** A named part of a build, as one worker (epoch) ran it. */
export const steps = pgTable(
  'steps',
  {
    buildId: uuid('build_id')
      .notNull()
      .references(() => builds.id, { onDelete: 'cascade' }),
    epoch: integer().notNull(),
    position: integer().notNull(),
    /** `fetch`, `config`, `base`, `build:1` ... `build:N`, `inspect`, `push`, `publish`. */
    name: text().notNull(),
    command: text(),
    state: text({ enum: stepStates }).notNull().default('running'),
    startedAt: at('started_at').notNull().defaultNow(),
    durationMs: integer('duration_ms'),
    exitCode: integer('exit_code'),
    outOfMemory: boolean('out_of_memory').notNull().default(false),
    /** The layer was made by an earlier build and used again. */
    reused: boolean().notNull().default(false),
  },
  (t) => [primaryKey({ columns: [t.buildId, t.epoch, t.position] }), unique().on(t.buildId, t.epoch, t.name)],
)

/** One line of a build's log. Numbers count from 1 without a gap and never change once given. */
export const logLines = pgTable(
  'log_lines',
  {
    buildId: uuid('build_id')
      .notNull()
      .references(() => builds.id, { onDelete: 'cascade' }),
    number: integer().notNull(),
    epoch: integer().notNull(),
    step: text().notNull(),
    stream: text().$type<'stdout' | 'stderr' | 'note'>().notNull(),
    printedAt: at('printed_at').notNull(),
    text: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.buildId, t.number] })],
)
