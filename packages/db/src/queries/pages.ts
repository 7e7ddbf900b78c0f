import { and, asc, count, desc, eq, exists, inArray, isNotNull, isNull, max, min, sql } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { deliveries } from '../tables/intake.ts'
import { models, publishers } from '../tables/models.ts'
import { builds, logLines, versions } from '../tables/versions.ts'
import type { Version } from './versions.ts'

// What the site's pages read beyond the queries that builder and web share.

/** The login of a model's publisher as GitHub writes it. */
export async function findOwner(db: Db, publisherId: string): Promise<string> {
  const [row] = await db.select({ login: publishers.login }).from(publishers).where(eq(publishers.id, publisherId))
  if (!row) throw new Error(`publisher ${publisherId} is gone`)
  return row.login
}

export async function findPublisherById(db: Db, id: string) {
  const [row] = await db.select().from(publishers).where(eq(publishers.id, id))
  if (!row) throw new Error(`publisher ${id} is gone`)
  return row
}

/** Publishers with a listed model whose login begins so; `prefix` holds letters, digits, `-` and `_` alone. */
export async function findPublishersByPrefix(db: Db, prefix: string, limit: number) {
  // Along the index of slugs until enough of them have a model that everybody may see.
  const slug = sql`${publishers.slug} collate "C"`
  return db
    .select({ slug: publishers.slug })
    .from(publishers)
    .where(
      and(
        sql`starts_with(${slug}, ${prefix.toLowerCase()})`,
        exists(
          db
            .select({ one: sql`1` })
            .from(models)
            .where(and(eq(models.publisherId, publishers.id), listed)),
        ),
      ),
    )
    .orderBy(slug)
    .limit(limit)
}

/** The version with the highest number in any state, for the banner about the newest build. */
export async function newestVersion(db: Db, modelId: string): Promise<Version | null> {
  const [row] = await db
    .select()
    .from(versions)
    .where(eq(versions.modelId, modelId))
    .orderBy(desc(versions.number))
    .limit(1)
  return row ?? null
}

/** The version at a commit, or at the commit that begins with these hexadecimal digits. */
export async function findVersionByCommit(db: Db, modelId: string, prefix: string): Promise<Version | null> {
  const [row] = await db
    .select()
    .from(versions)
    .where(and(eq(versions.modelId, modelId), sql`starts_with(${versions.commit}, ${prefix})`))
    .orderBy(desc(versions.number))
    .limit(1)
  return row ?? null
}

/** The lines of each step of a log: first, last and how many; in the order of their lines. */
export async function stepLines(db: Db, buildId: string) {
  const rows = await db
    .select({
      epoch: logLines.epoch,
      step: logLines.step,
      first: min(logLines.number),
      last: max(logLines.number),
      count: count(),
    })
    .from(logLines)
    .where(eq(logLines.buildId, buildId))
    .groupBy(logLines.epoch, logLines.step)
    .orderBy(asc(min(logLines.number)))
  return rows.map((row) => ({ ...row, first: row.first ?? 0, last: row.last ?? 0 }))
}

/** The numbers of the lines that contain `text` in any case, in order, at most `limit`. */
export async function findLines(db: Db, buildId: string, text: string, limit = 2000): Promise<number[]> {
  const rows = await db
    .select({ number: logLines.number })
    .from(logLines)
    .where(and(eq(logLines.buildId, buildId), sql`position(lower(${text}) in lower(${logLines.text})) > 0`))
    .orderBy(asc(logLines.number))
    .limit(limit)
  return rows.map((row) => row.number)
}

/** Builds of these models that wait or run, and versions whose newest build failed; for a person's dashboard. */
export async function listUnfinished(db: Db, modelIds: string[]) {
  if (modelIds.length === 0) return []
  return db
    .select({ version: versions, modelSlug: models.slug, ownerSlug: publishers.slug })
    .from(versions)
    .innerJoin(models, eq(models.id, versions.modelId))
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .where(and(inArray(versions.modelId, modelIds), inArray(versions.state, ['queued', 'building'])))
    .orderBy(desc(versions.createdAt))
    .limit(50)
}

/** The newest version of each of these models, where it failed. */
export async function listFailures(db: Db, modelIds: string[]) {
  if (modelIds.length === 0) return []
  const newest = db
    .selectDistinctOn([versions.modelId], { id: versions.id })
    .from(versions)
    .where(inArray(versions.modelId, modelIds))
    .orderBy(versions.modelId, desc(versions.number))
  return db
    .select({ version: versions, modelSlug: models.slug, ownerSlug: publishers.slug })
    .from(versions)
    .innerJoin(models, eq(models.id, versions.modelId))
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .where(and(inArray(versions.id, newest), inArray(versions.state, ['failed', 'partial'])))
    .orderBy(desc(versions.createdAt))
}

/** Builds of one version in every attempt, oldest first. */
export async function listAttempts(db: Db, versionId: string) {
  return db
    .select()
    .from(builds)
    .where(eq(builds.versionId, versionId))
    .orderBy(asc(builds.target), asc(builds.attempt))
}

/** A delivery by GitHub's id, for the import that waits for its own. */
export async function findDeliveryByGuid(db: Db, guid: string) {
  const [row] = await db.select().from(deliveries).where(eq(deliveries.guid, guid))
  return row ?? null
}

/** Models without a default version that their publishers should still find on the publisher's page. */
export async function listModelsOfPublisher(db: Db, publisherId: string) {
  return db
    .select()
    .from(models)
    .where(and(eq(models.publisherId, publisherId), isNull(models.deletedAt)))
    .orderBy(desc(models.updatedAt))
    .limit(200)
}

/** Public models with a default version, for the sitemap: in the order of their ids, so that its parts hold still. */
export async function listSitemap(db: Db, { offset, limit }: { offset: number; limit: number }) {
  return db
    .select({ owner: publishers.slug, slug: models.slug, updatedAt: models.updatedAt })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .where(listed)
    .orderBy(asc(models.id))
    .offset(offset)
    .limit(limit)
}

export async function countSitemap(db: Db): Promise<number> {
  const [row] = await db.select({ count: count() }).from(models).where(listed)
  return row?.count ?? 0
}

const listed = and(
  isNull(models.deletedAt),
  isNotNull(models.defaultVersionId),
  eq(models.repositoryPrivate, false),
  eq(models.visibility, 'public'),
)

/** The numbers of versions with these ids. */
export async function versionNumbers(db: Db, ids: string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .select({ id: versions.id, number: versions.number })
    .from(versions)
    .where(inArray(versions.id, ids))
  return new Map(rows.map((row) => [row.id, row.number]))
}

/** A text that changes with every version, build and step of a model, and not with news of other models. */
export async function modelMark(db: Db, modelId: string): Promise<string> {
  const rows = await db.execute<{ mark: string }>(sql`
    select concat_ws('/', m.updated_at, max(v.number), count(v.id) filter (where v.yanked_at is not null),
      string_agg(concat(b.id, b.state, b.current_step, b.epoch, b.cancel_requested_at), ',' order by b.id)) as mark
    from models m
    left join (select * from versions where model_id = ${modelId} order by number desc limit 30) v on true
    left join builds b on b.version_id = v.id
    where m.id = ${modelId} group by m.id, m.updated_at`)
  return rows[0]?.mark ?? ''
}
