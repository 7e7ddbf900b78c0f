import type { Edits } from '@modelport/schema/model-card/describe'
import type { ChangedThing } from '@modelport/schema/model-changes'
import type { ModelState } from '@modelport/schema/states'
import { modelChanges, statesBefore } from '@modelport/schema/states'
import { and, desc, eq, inArray, isNull, ne, or, sql } from 'drizzle-orm'
import type { Db, Tx } from '../client.ts'
import { galleryImages, type ImageRendition } from '../tables/gallery.ts'
import { installations, modelNames, models, publishers } from '../tables/models.ts'
import { builds, versions } from '../tables/versions.ts'
import { refreshDescription } from './description.ts'
import { type By, person, recordChange, repository as theRepository } from './model-changes.ts'
import { indexModels, isListed } from './search-index.ts'

export type Publisher = typeof publishers.$inferSelect
export type Model = typeof models.$inferSelect
export type Installation = typeof installations.$inferSelect

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
      .select({ id: publishers.id, slug: publishers.slug })
      .from(publishers)
      .where(eq(publishers.githubId, account.id))
    if (before && before.slug !== slug) await movePaths(tx, before, slug)
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

/** The account got another login: each of its models leaves a redirect at its old address. */
async function movePaths(tx: Tx, publisher: { id: string; slug: string }, slug: string): Promise<void> {
  // A slug with a tilde was taken by another account before this news came; what lies there now is not ours to redirect.
  if (publisher.slug.includes('~')) return
  const theirs = await tx
    .select({ id: models.id, slug: models.slug })
    .from(models)
    .where(and(eq(models.publisherId, publisher.id), isNull(models.deletedAt)))
    .orderBy(models.id)
    .for('update')
  for (const model of theirs.filter((each) => !each.slug.includes('~')))
    await movePath(tx, model.id, `${publisher.slug}/${model.slug}`, `${slug}/${model.slug}`, theRepository)
}

/** Leaves a redirect at an old address, and notes the move. The caller writes the model's new address. */
export async function movePath(tx: Tx, modelId: string, from: string, to: string, by: By): Promise<void> {
  await tx
    .insert(modelNames)
    .values({ path: from, modelId })
    .onConflictDoUpdate({ target: modelNames.path, set: { modelId } })
  await forgetName(tx, to)
  await recordChange(tx, modelId, by, { what: 'name', from, to })
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
  const [before] = await tx
    .select({ model: models, owner: publishers.slug })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .where(eq(models.githubRepositoryId, repository.id))
    .for('update', { of: models })
  const chosenSlug = before?.model.chosenSlug ?? null
  // Under another owner the chosen name may be somebody's already; the repository's own name never is.
  const keepsChosen = chosenSlug !== null && !(await isNameTaken(tx, publisher.id, chosenSlug, repository.id))
  const slug = keepsChosen ? chosenSlug : repository.name.toLowerCase()
  const values = {
    publisherId: publisher.id,
    installationId: input.installationId,
    name: repository.name,
    slug,
    chosenSlug: keepsChosen ? chosenSlug : null,
    repositoryPrivate: repository.private,
    repositorySummary: repository.description ?? null,
    repositoryTopics: repository.topics ?? [],
  }
  await freePath(tx, publisher, slug, repository.id)
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
    await recordChange(tx, model!.id, theRepository, {
      what: 'created',
      from: null,
      to: `${publisher.login}/${repository.name}`,
    })
    return { model: await described(tx, model!.id), created: true }
  }
  const { model } = before
  const oldPath = `${before.owner}/${model.slug}`
  const newPath = `${publisher.slug}/${slug}`
  if (oldPath !== newPath) {
    if (oldPath.includes('~')) await forgetName(tx, newPath)
    else await movePath(tx, model.id, oldPath, newPath, theRepository)
  }
  if (model.deletedAt)
    await recordChange(tx, model.id, theRepository, {
      what: 'delete',
      from: true,
      to: false,
      reason: 'Imported again.',
    })
  await recordChange(tx, model.id, theRepository, {
    what: 'repository-visibility',
    from: model.repositoryPrivate ? 'private' : 'public',
    to: repository.private ? 'private' : 'public',
  })
  await tx
    .update(models)
    .set({ ...values, deletedAt: null, deletedBy: null, updatedAt: sql`now()` })
    .where(eq(models.id, model.id))
  return { model: await described(tx, model.id), created: false }
}

/** Whether a name under a publisher is another model's: its address, or the repository's own name, which is always kept for it. */
export async function isNameTaken(
  tx: Tx,
  publisherId: string,
  slug: string,
  exceptRepositoryId: number,
): Promise<boolean> {
  const [row] = await tx
    .select({ id: models.id })
    .from(models)
    .where(
      and(
        eq(models.publisherId, publisherId),
        ne(models.githubRepositoryId, exceptRepositoryId),
        isNull(models.deletedAt),
        or(eq(models.slug, slug), sql`lower(${models.name}) = ${slug}`),
      ),
    )
    .limit(1)
  return row !== undefined
}

/**
 * Takes an address for the repository that it belongs to on GitHub. A model that was given this name on the site goes
 * back to its own repository's; a repository that held it was renamed or deleted, which we have not heard of yet.
 */
async function freePath(tx: Tx, publisher: Publisher, slug: string, repositoryId: number): Promise<void> {
  const losers = await tx
    .select({
      id: models.id,
      name: models.name,
      chosenSlug: models.chosenSlug,
      repositoryId: models.githubRepositoryId,
    })
    .from(models)
    .where(
      and(eq(models.publisherId, publisher.id), eq(models.slug, slug), ne(models.githubRepositoryId, repositoryId)),
    )
    .for('update')
  for (const loser of losers) {
    const own = loser.name.toLowerCase()
    const returns = loser.chosenSlug === slug && !(await isNameTaken(tx, publisher.id, own, loser.repositoryId))
    await tx
      .update(models)
      .set({ slug: returns ? own : `${slug}~${loser.repositoryId}`, chosenSlug: null })
      .where(eq(models.id, loser.id))
    if (returns)
      await recordChange(tx, loser.id, theRepository, {
        what: 'name',
        from: `${publisher.slug}/${slug}`,
        to: `${publisher.slug}/${own}`,
        reason: `A repository with the name ${slug} came, and the name is its own.`,
      })
    if (returns) await forgetName(tx, `${publisher.slug}/${own}`)
  }
  await indexModels(
    tx,
    losers.map(({ id }) => id),
  )
}

async function described(tx: Tx, id: string): Promise<Model> {
  await refreshDescription(tx, id)
  await indexModels(tx, [id])
  const [model] = await tx.select().from(models).where(eq(models.id, id))
  return model!
}

/** A live model's path wins over an old name. */
export async function forgetName(tx: Tx, path: string): Promise<void> {
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

/** A live model by its id. */
export async function findModelById(db: Tx, id: string): Promise<FoundModel | null> {
  const [row] = await db
    .select({ model: models, publisher: publishers })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .where(and(eq(models.id, id), isNull(models.deletedAt)))
  return row ? { ...row, movedTo: null } : null
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
      person(changedBy),
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
  by: By,
  reason: string,
): Promise<void> {
  if (model.defaultVersionId === toVersionId && model.defaultPolicy === policy) return
  await tx
    .update(models)
    .set({ defaultVersionId: toVersionId, defaultPolicy: policy, updatedAt: sql`now()` })
    .where(eq(models.id, model.id))
  const ids = [model.defaultVersionId, toVersionId].filter((id) => id !== null)
  const rows = await tx
    .select({ id: versions.id, number: versions.number })
    .from(versions)
    .where(inArray(versions.id, ids))
  const numberOf = (id: string | null) => rows.find((row) => row.id === id)?.number ?? null
  await recordChange(tx, model.id, by, {
    what: 'default-version',
    from: { version: numberOf(model.defaultVersionId), policy: model.defaultPolicy },
    to: { version: numberOf(toVersionId), policy },
    reason,
  })
  await refreshDescription(tx, model.id)
  await indexModels(tx, [model.id])
}

/**
 * The version that the policy `latest` chooses: the newest of the production branch that is ready and not yanked. Where
 * that branch has none, the newest of any branch or tag, so that a model that works is not without a default.
 */
export async function newestReadyVersion(tx: Tx, modelId: string) {
  const [row] = await tx
    .select({ version: versions })
    .from(versions)
    .innerJoin(models, eq(models.id, versions.modelId))
    .where(and(eq(versions.modelId, modelId), eq(versions.state, 'ready'), isNull(versions.yankedAt)))
    .orderBy(
      desc(sql`(${versions.ref} is null or ${versions.ref} = 'refs/heads/' || ${models.branch})`),
      desc(versions.number),
    )
    .limit(1)
  return row?.version ?? null
}

/** What a publisher may set on a model, with the words of the record. */
const settingWords = {
  visibility: 'visibility',
  branch: 'branch',
  branchRules: 'branch-rules',
  tagRules: 'tag-rules',
  viewersSeeVersions: 'viewers-see-versions',
  viewersSeeLogs: 'viewers-see-logs',
  viewersSeeFiles: 'viewers-see-files',
  substitutionPolicy: 'substitution-policy',
} as const satisfies Partial<Record<keyof Model, ChangedThing>>
export type ModelSettings = Partial<Pick<Model, keyof typeof settingWords>>

/** Changes what a publisher may set on a model, and notes each change. */
export async function updateModelSettings(db: Tx, id: string, settings: ModelSettings, by: By): Promise<void> {
  const wanted = withoutUndefined(settings) as ModelSettings
  if (Object.keys(wanted).length === 0) return
  await db.transaction(async (tx) => {
    const [before] = await tx.select().from(models).where(eq(models.id, id)).for('update')
    if (!before) return
    await tx
      .update(models)
      .set({ ...wanted, updatedAt: sql`now()` })
      .where(eq(models.id, id))
    for (const key of Object.keys(wanted) as (keyof ModelSettings)[])
      await recordChange(tx, id, by, { what: settingWords[key], from: before[key], to: wanted[key] })
    await indexModels(tx, [id])
  })
}

/** Writes what a publisher says of a model over what the repository says; null hands a value back to the repository. */
export async function editDescription(
  tx: Db,
  id: string,
  changes: { [K in keyof Edits]?: Edits[K] | null },
  by: By,
): Promise<void> {
  if (Object.values(changes).every((value) => value === undefined)) return
  await tx.transaction(async (tx) => {
    const [model] = await tx.select({ edited: models.edited }).from(models).where(eq(models.id, id)).for('update')
    if (!model) return
    const edited = Object.fromEntries(
      Object.entries({ ...model.edited, ...withoutUndefined(changes) }).filter(([, value]) => value !== null),
    ) as Edits
    await tx.update(models).set({ edited, updatedAt: sql`now()` }).where(eq(models.id, id))
    for (const key of Object.keys(withoutUndefined(changes)) as (keyof Edits)[])
      await recordChange(tx, id, by, {
        what: key === 'licence' ? 'license' : key,
        from: model.edited[key] ?? null,
        to: edited[key] ?? null,
      })
    await refreshDescription(tx, id)
    await indexModels(tx, [id])
  })
}

const withoutUndefined = (values: object) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

/** What a list shows of a model: not the README and the text of its licence, which may be hundreds of kilobytes. */
const listedColumns = {
  id: models.id,
  name: models.name,
  slug: models.slug,
  state: models.state,
  stateReason: models.stateReason,
  branch: models.branch,
  repositoryPrivate: models.repositoryPrivate,
  visibility: models.visibility,
  defaultPolicy: models.defaultPolicy,
  title: models.title,
  summary: models.summary,
  topics: models.topics,
  createdAt: models.createdAt,
  updatedAt: models.updatedAt,
}

export interface ListedModel {
  /** `licence` is null where none is known; its `spdx` where it is none of the known ones. */
  model: Pick<Model, keyof typeof listedColumns> & { licence: { spdx: string | null } | null }
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
  // One parameter, so that it is one statement for however many.
  const rows = await selectListed(db).where(and(isListed, sql`${models.id} = any(${sql.param([...ids])}::uuid[])`))
  const byId = new Map(rows.map((row) => [row.model.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

function selectListed(db: Tx) {
  return db
    .select({
      model: {
        ...listedColumns,
        licence: sql<{ spdx: string | null } | null>`case when jsonb_typeof(${models.licence}) = 'object'
          then jsonb_build_object('spdx', ${models.licence} -> 'spdx') end`,
      },
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
