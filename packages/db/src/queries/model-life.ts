import { and, count, countDistinct, eq, inArray, isNotNull, isNull, sql, sum } from 'drizzle-orm'
import type { Db, Tx } from '../client.ts'
import { blobs, files } from '../tables/files.ts'
import { modelNames, models, publishers } from '../tables/models.ts'
import { builds, versions } from '../tables/versions.ts'
import { cancelVersionsOf } from './installations.ts'
import { type By, recordChange } from './model-changes.ts'
import { changeModelState, forgetName, isNameTaken, type Model, movePath } from './models.ts'
import { indexModels } from './search-index.ts'

// Renaming, archiving, deleting and restoring a model.

/** For how long a deleted model can be restored. */
export const restoreDays = 14

/** A model cannot be changed as asked; the message is a sentence for the person who asked. */
export class ModelChangeError extends Error {}

/**
 * Gives a model another name in addresses, whatever its repository is called; null goes back to the repository's. Every
 * old address redirects for ever, until the same owner takes it. Returns the new name.
 */
export async function renameModel(db: Tx, id: string, name: string | null, by: By): Promise<string> {
  return db.transaction(async (tx) => {
    const model = await lockModel(tx, id)
    const owner = await ownerOf(tx, model)
    const own = model.name.toLowerCase()
    const slug = name?.toLowerCase() ?? own
    if (slug === model.slug) return slug
    if (await isNameTaken(tx, model.publisherId, slug, model.githubRepositoryId))
      throw new ModelChangeError(`${owner}/${slug} is the name of another model or of its repository.`)
    await movePath(tx, id, `${owner}/${model.slug}`, `${owner}/${slug}`, by)
    await tx
      .update(models)
      .set({ slug, chosenSlug: slug === own ? null : slug, updatedAt: sql`now()` })
      .where(eq(models.id, id))
    await indexModels(tx, [id])
    return slug
  })
}

/** Archives a model for a person, or for its repository; it is active again only when neither wants it archived. */
export async function archiveModel(db: Tx, id: string, archived: boolean, by: By): Promise<void> {
  await db.transaction(async (tx) => {
    // Versions are locked before their model, here as everywhere.
    if (archived) await cancelVersionsOf(tx, id, 'The model was archived.')
    const before = await lockModel(tx, id)
    const byPerson = by.kind === 'person' ? (archived ? by.login : null) : before.archivedBy
    const byRepository = by.kind === 'person' ? before.repositoryArchived : archived
    await tx.update(models).set({ archivedBy: byPerson, repositoryArchived: byRepository }).where(eq(models.id, id))
    if (byRepository || byPerson) {
      const reason = byRepository ? 'The repository is archived on GitHub.' : `Archived by ${byPerson}.`
      if (await changeModelState(tx, id, 'archived', reason))
        await recordChange(tx, id, by, { what: 'archive', from: false, to: true })
    } else if (before.state === 'archived') {
      const [built] = await tx.select({ id: versions.id }).from(versions).where(eq(versions.modelId, id)).limit(1)
      await changeModelState(tx, id, built ? 'active' : 'not_configured', null)
      await recordChange(tx, id, by, { what: 'archive', from: true, to: false })
    }
  })
}

/**
 * Deletes a model: from now on it answers like one that never was, and what it still built is cancelled. Its rows, images
 * and files are kept for `restoreDays`. Its old addresses lead to nothing and are free for the same owner.
 */
export async function deleteModel(db: Tx, id: string, by: By): Promise<void> {
  await db.transaction(async (tx) => {
    // Versions are locked before their model, here as everywhere.
    await cancelVersionsOf(tx, id, 'The model was deleted.')
    const [model] = await tx
      .select()
      .from(models)
      .where(and(eq(models.id, id), isNull(models.deletedAt)))
      .for('update')
    if (!model) return
    const owner = await ownerOf(tx, model)
    // Whoever opens the address of a public model that was deleted is told so.
    await tx
      .insert(modelNames)
      .values({ path: `${owner}/${model.slug}`, modelId: id })
      .onConflictDoUpdate({ target: modelNames.path, set: { modelId: id } })
    await tx
      .update(models)
      .set({
        deletedAt: sql`now()`,
        deletedBy: by.kind === 'person' ? by.login : null,
        slug: `${model.slug}~${model.githubRepositoryId}`,
      })
      .where(eq(models.id, id))
    await recordChange(tx, id, by, { what: 'delete', from: false, to: true })
  })
}

/** Brings back a model that was deleted here, under its name, or under its repository's where the name is taken. Returns its path. */
export async function restoreModel(db: Tx, id: string, by: By): Promise<string> {
  return db.transaction(async (tx) => {
    const [model] = await tx
      .select()
      .from(models)
      .where(and(eq(models.id, id), isNotNull(models.deletedBy), isRestorable))
      .for('update')
    if (!model) throw new ModelChangeError('There is no deleted model to restore here any more.')
    const owner = await ownerOf(tx, model)
    const names = [model.chosenSlug, model.name.toLowerCase()].filter((name) => name !== null)
    for (const slug of names) {
      if (await isNameTaken(tx, model.publisherId, slug, model.githubRepositoryId)) continue
      await tx
        .update(models)
        .set({
          slug,
          chosenSlug: slug === model.name.toLowerCase() ? null : slug,
          deletedAt: null,
          deletedBy: null,
          updatedAt: sql`now()`,
        })
        .where(eq(models.id, id))
      await forgetName(tx, `${owner}/${slug}`)
      await recordChange(tx, id, by, { what: 'delete', from: true, to: false })
      await indexModels(tx, [id])
      return `${owner}/${slug}`
    }
    throw new ModelChangeError('The name of this model was taken by another one since.')
  })
}

const isRestorable = sql`${models.deletedAt} > now() - ${restoreDays} * interval '1 day'`

/** Models of these repositories that were deleted here and can be restored. */
export async function listRestorable(db: Db, repositoryIds: number[]) {
  if (repositoryIds.length === 0) return []
  return db
    .select({ model: models, publisher: publishers })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .where(and(inArray(models.githubRepositoryId, repositoryIds), isNotNull(models.deletedBy), isRestorable))
    .orderBy(models.deletedAt)
}

/** A model that was deleted here by a person; null when it lives or never was. */
export async function findDeletedHere(tx: Tx, githubRepositoryId: number): Promise<Model | null> {
  const [row] = await tx
    .select()
    .from(models)
    .where(and(eq(models.githubRepositoryId, githubRepositoryId), isNotNull(models.deletedBy)))
  return row ?? null
}

/** Whether a model that everybody could open lay at this address until it was deleted, and when that was. */
export async function findTombstone(db: Tx, path: string): Promise<Date | null> {
  const [row] = await db
    .select({ deletedAt: models.deletedAt })
    .from(modelNames)
    .innerJoin(models, eq(models.id, modelNames.modelId))
    .where(
      and(
        eq(modelNames.path, path.toLowerCase()),
        isNotNull(models.deletedAt),
        eq(models.repositoryPrivate, false),
        eq(models.visibility, 'public'),
      ),
    )
  return row?.deletedAt ?? null
}

/** What deleting a model takes away. */
export async function countOfModel(db: Db, id: string) {
  const [built] = await db
    .select({
      versions: countDistinct(versions.id),
      images: count(sql`case when ${builds.imageDigest} is not null then 1 end`),
      imageBytes: sum(builds.sizeBytes).mapWith(Number),
      running: count(sql`case when ${builds.state} in ('queued', 'running') then 1 end`),
    })
    .from(versions)
    .leftJoin(builds, eq(builds.versionId, versions.id))
    .where(eq(versions.modelId, id))
  const [kept] = await db
    .select({ files: count(), fileBytes: sum(blobs.bytes).mapWith(Number) })
    .from(files)
    .innerJoin(blobs, eq(blobs.id, files.blobId))
    .where(eq(files.modelId, id))
  const [names] = await db.select({ names: count() }).from(modelNames).where(eq(modelNames.modelId, id))
  return {
    versions: built?.versions ?? 0,
    images: built?.images ?? 0,
    imageBytes: built?.imageBytes ?? 0,
    running: built?.running ?? 0,
    files: kept?.files ?? 0,
    fileBytes: kept?.fileBytes ?? 0,
    oldNames: names?.names ?? 0,
  }
}

/** The old addresses of a model, the newest first. */
export async function listOldNames(db: Db, id: string): Promise<string[]> {
  const rows = await db
    .select({ path: modelNames.path })
    .from(modelNames)
    .where(eq(modelNames.modelId, id))
    .orderBy(sql`${modelNames.createdAt} desc`)
    .limit(50)
  return rows.map((row) => row.path)
}

async function lockModel(tx: Tx, id: string): Promise<Model> {
  const [model] = await tx
    .select()
    .from(models)
    .where(and(eq(models.id, id), isNull(models.deletedAt)))
    .for('update')
  if (!model) throw new ModelChangeError('The model is gone.')
  return model
}

/** The owner's name, locked: of two models that want one name at once, the second is told that it is taken. */
async function ownerOf(tx: Tx, model: Model): Promise<string> {
  const [row] = await tx
    .select({ slug: publishers.slug })
    .from(publishers)
    .where(eq(publishers.id, model.publisherId))
    .for('update')
  if (!row) throw new Error(`publisher ${model.publisherId} is gone`)
  return row.slug
}
