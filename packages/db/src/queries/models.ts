import type { Edits } from '@modelport/schema/model-card/describe'
import type { ModelState } from '@modelport/schema/states'
import { modelChanges, statesBefore } from '@modelport/schema/states'
import { and, desc, eq, inArray, isNull, ne, sql } from 'drizzle-orm'
import type { Db, Tx } from '../client.ts'
import { galleryImages, type ImageRendition } from '../tables/gallery.ts'
import { defaultVersionChanges, installations, modelNames, models, publishers } from '../tables/models.ts'
import { builds, versions } from '../tables/versions.ts'
import { refreshDescription } from './description.ts'
import { indexModels, isListed } from './search-index.ts'

export type Publisher = typeof publishers.$inferSelect
export type Model = typeof models.$inferSelect
export type Installation = typeof installations.$inferSelect
export type DefaultVersionChange = typeof defaultVersionChanges.$inferSelect

export interface GithubAccount {
  id: number
  login: string
  type: string
  avatar_url?: string | null
}

/** Makes the publisher's row equal to what GitHub says. Another account that still holds the login's slug loses it. */
export async function syncPublisher(db: Tx, account: GithubAccount): Promise<Publisher> {
  return db.transaction(async (tx) => {
    const slug = account.login.toLowerCase()
    const losers = await tx
      .update(publishers)
      .set({ slug: sql`${publishers.slug} || '~' || ${publishers.githubId}::text` })
      .where(and(eq(publishers.slug, slug), ne(publishers.githubId, account.id)))
      .returning({ id: publishers.id })
    const values = {
      login: account.login,
      slug,
      kind: account.type === 'Organization' ? ('organization' as const) : ('user' as const),
      avatarUrl: account.avatar_url ?? null,
    }
    const [before] = await tx
      .select({ slug: publishers.slug })
      .from(publishers)
      .where(eq(publishers.githubId, account.id))
    const [row] = await tx
      .insert(publishers)
      .values({ githubId: account.id, ...values })
      .onConflictDoUpdate({ target: publishers.githubId, set: values })
      .returning()
    const renamed = [...losers.map(({ id }) => id), ...(before && before.slug !== slug ? [row!.id] : [])]
    if (renamed.length > 0) {
      const theirs = await tx.select({ id: models.id }).from(models).where(inArray(models.publisherId, renamed))
      await indexModels(
        tx,
        theirs.map(({ id }) => id),
      )
    }
    return row!
  })
}

/** Records that the GitHub App is on an account. */
export async function syncInstallation(tx: Tx, id: number, publisherId: string, suspended = false): Promise<void> {
  const values = { publisherId, suspendedAt: suspended ? sql`now()` : null, deletedAt: null }
  await tx
    .insert(installations)
    .values({ id, ...values })
    .onConflictDoUpdate({ target: installations.id, set: values })
}

/** Records that the app was taken off an account: its models stay, and build no more. */
export async function removeInstallation(tx: Tx, id: number): Promise<void> {
  await tx.update(installations).set({ deletedAt: sql`now()` }).where(eq(installations.id, id))
  await tx.update(models).set({ installationId: null }).where(eq(models.installationId, id))
}

export async function suspendInstallation(tx: Tx, id: number, suspended: boolean): Promise<void> {
  await tx
    .update(installations)
    .set({ suspendedAt: suspended ? sql`now()` : null })
    .where(eq(installations.id, id))
}

export interface GithubRepository {
  id: number
  name: string
  private: boolean
  default_branch: string
  archived?: boolean
  topics?: string[]
  description?: string | null
}

/**
 * Makes a model of a repository, or brings the model that it already is up to date (name, owner, visibility,
 * installation). A changed path leaves a redirect behind. Returns the model and whether it is new.
 */
export async function syncModel(
  db: Tx,
  input: { repository: GithubRepository; publisher: Publisher; installationId: number | null },
): Promise<{ model: Model; created: boolean }> {
  return db.transaction((tx) => syncModelRow(tx, input))
}

async function syncModelRow(
  tx: Tx,
  input: { repository: GithubRepository; publisher: Publisher; installationId: number | null },
): Promise<{ model: Model; created: boolean }> {
  const { repository, publisher } = input
  const slug = repository.name.toLowerCase()
  const values = {
    publisherId: publisher.id,
    installationId: input.installationId,
    name: repository.name,
    slug,
    repositoryPrivate: repository.private,
    repositorySummary: repository.description ?? null,
    repositoryTopics: repository.topics ?? [],
  }
  const [before] = await tx
    .select({ model: models, owner: publishers.slug })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .where(eq(models.githubRepositoryId, repository.id))
    .for('update', { of: models })
  // Another repository may have held this path: a deleted one, or one whose rename we have not heard of yet.
  const losers = await tx
    .update(models)
    .set({ slug: sql`${models.slug} || '~' || ${models.githubRepositoryId}::text` })
    .where(
      and(eq(models.publisherId, publisher.id), eq(models.slug, slug), ne(models.githubRepositoryId, repository.id)),
    )
    .returning({ id: models.id })
  await indexModels(
    tx,
    losers.map(({ id }) => id),
  )
  if (!before) {
    const [model] = await tx
      .insert(models)
      .values({
        githubRepositoryId: repository.id,
        state: 'not_configured',
        branch: repository.default_branch,
        ...values,
      })
      .returning()
    await forgetName(tx, `${publisher.slug}/${slug}`)
    return { model: await described(tx, model!.id), created: true }
  }
  const oldPath = `${before.owner}/${before.model.slug}`
  const newPath = `${publisher.slug}/${slug}`
  if (oldPath !== newPath && !oldPath.includes('~')) {
    await tx
      .insert(modelNames)
      .values({ path: oldPath, modelId: before.model.id })
      .onConflictDoUpdate({ target: modelNames.path, set: { modelId: before.model.id } })
    await forgetName(tx, newPath)
  }
  await tx
    .update(models)
    .set({ ...values, deletedAt: null, updatedAt: sql`now()` })
    .where(eq(models.id, before.model.id))
  return { model: await described(tx, before.model.id), created: false }
}

async function described(tx: Tx, id: string): Promise<Model> {
  await refreshDescription(tx, id)
  await indexModels(tx, [id])
  const [model] = await tx.select().from(models).where(eq(models.id, id))
  return model!
}

/** A live model's path wins over an old name. */
async function forgetName(tx: Tx, path: string): Promise<void> {
  await tx.delete(modelNames).where(eq(modelNames.path, path))
}

/** Moves a model to another state, with the sentence that says why. Returns false when the change is not legal from where it is. */
export async function changeModelState(db: Tx, id: string, to: ModelState, reason: string | null): Promise<boolean> {
  return db.transaction(async (tx) => {
    const rows = await tx
      .update(models)
      .set({ state: to, stateReason: reason, updatedAt: sql`now()` })
      .where(and(eq(models.id, id), inArray(models.state, statesBefore(modelChanges, to))))
      .returning({ id: models.id })
    if (rows.length > 0) await indexModels(tx, [id])
    return rows.length > 0
  })
}

/** Rewrites the sentence of a model that stays in its state. */
export async function explainModelState(tx: Tx, id: string, reason: string): Promise<void> {
  await tx.update(models).set({ stateReason: reason }).where(eq(models.id, id))
}

export async function findModelByRepository(tx: Tx, githubRepositoryId: number): Promise<Model | null> {
  const [row] = await tx
    .select()
    .from(models)
    .where(and(eq(models.githubRepositoryId, githubRepositoryId), isNull(models.deletedAt)))
  return row ?? null
}

/** Marks a model as deleted: it answers like one that never was; its rows are kept for the record. */
export async function deleteModel(tx: Tx, id: string): Promise<void> {
  await tx
    .update(models)
    .set({ deletedAt: sql`now()`, slug: sql`${models.slug} || '~' || ${models.githubRepositoryId}::text` })
    .where(and(eq(models.id, id), isNull(models.deletedAt)))
}

export interface FoundModel {
  model: Model
  publisher: Publisher
  /** Set when `owner/name` is an old name: the path to redirect to. */
  movedTo: string | null
}

/** Finds a model by its path in any case, or by an old name. No authorization: see the web app's `can`. */
export async function findModel(db: Tx, owner: string, name: string): Promise<FoundModel | null> {
  const [ownerSlug, slug] = [owner.toLowerCase(), name.toLowerCase()]
  const [row] = await db
    .select({ model: models, publisher: publishers })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .where(and(eq(publishers.slug, ownerSlug), eq(models.slug, slug), isNull(models.deletedAt)))
  if (row) return { ...row, movedTo: null }
  const [old] = await db
    .select({ model: models, publisher: publishers })
    .from(modelNames)
    .innerJoin(models, eq(models.id, modelNames.modelId))
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .where(and(eq(modelNames.path, `${ownerSlug}/${slug}`), isNull(models.deletedAt)))
  return old ? { ...old, movedTo: `${old.publisher.slug}/${old.model.slug}` } : null
}

/** Where a model's code comes from, as the builder needs it. */
export async function loadModelSource(db: Tx, modelId: string) {
  const [row] = await db
    .select({
      model: models,
      owner: publishers.login,
      suspendedAt: installations.suspendedAt,
    })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .leftJoin(installations, eq(installations.id, models.installationId))
    .where(eq(models.id, modelId))
  return row ?? null
}

/** The newest moves of a model's default version first. */
export async function listDefaultVersionChanges(db: Db, modelId: string, limit = 20) {
  const to = db.$with('to_version').as(db.select({ id: versions.id, number: versions.number }).from(versions))
  return db
    .with(to)
    .select({ change: defaultVersionChanges, toNumber: to.number })
    .from(defaultVersionChanges)
    .leftJoin(to, eq(to.id, defaultVersionChanges.toVersionId))
    .where(eq(defaultVersionChanges.modelId, modelId))
    .orderBy(desc(defaultVersionChanges.id))
    .limit(limit)
}

/**
 * Moves the default version by hand (`pinned` with a version number), or hands it back to the policy `latest`.
 * Throws `DefaultVersionError` when the version cannot be the default.
 */
export async function setDefaultVersion(
  db: Db,
  modelId: string,
  choice: { policy: 'latest' } | { policy: 'pinned'; version: number },
  changedBy: string,
): Promise<void> {
  await db.transaction(async (tx) => {
    const [model] = await tx.select().from(models).where(eq(models.id, modelId)).for('update')
    if (!model) throw new DefaultVersionError('The model is gone.')
    const target = await (choice.policy === 'latest'
      ? newestReadyVersion(tx, modelId)
      : tx
          .select()
          .from(versions)
          .where(and(eq(versions.modelId, modelId), eq(versions.number, choice.version)))
          .then((rows) => rows[0] ?? null))
    if (choice.policy === 'pinned') {
      if (!target) throw new DefaultVersionError(`There is no version ${choice.version}.`)
      if (target.state !== 'ready')
        throw new DefaultVersionError(
          `Version ${target.number} is ${target.state}; only a ready version can be the default.`,
        )
      if (target.yankedAt)
        throw new DefaultVersionError(`Version ${target.number} is yanked; it cannot be the default.`)
    }
    await moveDefaultVersion(
      tx,
      model,
      target?.id ?? null,
      choice.policy,
      changedBy,
      {
        latest: 'The default follows the latest ready version.',
        pinned: `Version ${target?.number} was chosen by hand.`,
      }[choice.policy],
    )
  })
}

/** The default version cannot be moved as asked; the message is a sentence for the person who asked. */
export class DefaultVersionError extends Error {}

/** Writes the pointer, its policy and its history. The caller holds the model's row lock. */
export async function moveDefaultVersion(
  tx: Tx,
  model: Model,
  toVersionId: string | null,
  policy: 'latest' | 'pinned',
  changedBy: string | null,
  reason: string,
): Promise<void> {
  if (model.defaultVersionId === toVersionId && model.defaultPolicy === policy) return
  await tx
    .update(models)
    .set({ defaultVersionId: toVersionId, defaultPolicy: policy, updatedAt: sql`now()` })
    .where(eq(models.id, model.id))
  await tx.insert(defaultVersionChanges).values({
    modelId: model.id,
    fromVersionId: model.defaultVersionId,
    toVersionId,
    policy,
    changedBy,
    reason,
  })
  await refreshDescription(tx, model.id)
  await indexModels(tx, [model.id])
}

/** The version with the highest number that is ready and not yanked. */
export async function newestReadyVersion(tx: Tx, modelId: string) {
  const [row] = await tx
    .select()
    .from(versions)
    .where(and(eq(versions.modelId, modelId), eq(versions.state, 'ready'), isNull(versions.yankedAt)))
    .orderBy(desc(versions.number))
    .limit(1)
  return row ?? null
}

/** Changes what a publisher may set on a model. */
export async function updateModelSettings(
  db: Tx,
  id: string,
  settings: Partial<
    Pick<
      Model,
      'visibility' | 'branch' | 'viewersSeeVersions' | 'viewersSeeLogs' | 'viewersSeeFiles' | 'substitutionPolicy'
    >
  >,
): Promise<void> {
  if (Object.keys(settings).length === 0) return
  await db.transaction(async (tx) => {
    await tx
      .update(models)
      .set({ ...settings, updatedAt: sql`now()` })
      .where(eq(models.id, id))
    await indexModels(tx, [id])
  })
}

/** Writes what a publisher says of a model over what the repository says; null hands a value back to the repository. */
export async function editDescription(
  tx: Db,
  id: string,
  changes: { [K in keyof Edits]?: Edits[K] | null },
): Promise<void> {
  if (Object.values(changes).every((value) => value === undefined)) return
  await tx.transaction(async (tx) => {
    const [model] = await tx.select({ edited: models.edited }).from(models).where(eq(models.id, id)).for('update')
    if (!model) return
    const edited = Object.fromEntries(
      Object.entries({ ...model.edited, ...withoutUndefined(changes) }).filter(([, value]) => value !== null),
    ) as Edits
    await tx.update(models).set({ edited, updatedAt: sql`now()` }).where(eq(models.id, id))
    await refreshDescription(tx, id)
    await indexModels(tx, [id])
  })
}

const withoutUndefined = (values: object) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

export interface ListedModel {
  model: Model
  publisher: Publisher
  /** The default version, with the sizes of its images. */
  version: { number: number; manifest: unknown; finishedAt: Date | null } | null
  sizes: { target: string; sizeBytes: number | null }[]
  /** The first image of its gallery, in all its sizes. */
  images: ImageRendition[] | null
}

/** Public models with a default version, the most recently updated first: all, or one publisher's. */
export async function listPublicModels(
  db: Tx,
  { publisherId, limit = 30 }: { publisherId?: string; limit?: number },
): Promise<ListedModel[]> {
  return selectListed(db)
    .where(and(isListed, publisherId ? eq(models.publisherId, publisherId) : undefined))
    .orderBy(desc(models.updatedAt), desc(models.id))
    .limit(limit)
}

/** These models in this order. One that is not public any more is left out, whatever an index says. */
export async function loadListed(db: Tx, ids: readonly string[]): Promise<ListedModel[]> {
  if (ids.length === 0) return []
  const rows = await selectListed(db).where(and(isListed, inArray(models.id, [...ids])))
  const byId = new Map(rows.map((row) => [row.model.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

function selectListed(db: Tx) {
  return db
    .select({
      model: models,
      publisher: publishers,
      version: { number: versions.number, manifest: versions.manifest, finishedAt: versions.finishedAt },
      sizes: sql<{ target: string; sizeBytes: number | null }[]>`(select coalesce(json_agg(json_build_object(
        'target', ${builds.target}, 'sizeBytes', ${builds.sizeBytes}) order by ${builds.target}), '[]'::json)
        from ${builds} where ${builds.versionId} = ${versions.id} and ${builds.state} = 'ready')`,
      images: sql<ImageRendition[] | null>`(select ${galleryImages.renditions} from ${galleryImages}
        where ${galleryImages.modelId} = ${models.id} and ${galleryImages.position} = 0)`,
    })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .innerJoin(versions, eq(versions.id, models.defaultVersionId))
    .$dynamic()
}

export async function findPublisher(db: Db, login: string): Promise<Publisher | null> {
  const [row] = await db.select().from(publishers).where(eq(publishers.slug, login.toLowerCase()))
  return row ?? null
}

/** Models of the repositories with these GitHub ids, for a signed-in person's own list; newest change first. */
export async function listModelsByRepositories(db: Db, repositoryIds: number[]) {
  if (repositoryIds.length === 0) return []
  return db
    .select({ model: models, publisher: publishers })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .where(and(inArray(models.githubRepositoryId, repositoryIds), isNull(models.deletedAt)))
    .orderBy(desc(models.updatedAt))
}
