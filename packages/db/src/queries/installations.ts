import { and, asc, eq, inArray, isNull, ne, sql } from 'drizzle-orm'
import type { Db, Tx } from '../client.ts'
import { installations, models, publishers } from '../tables/models.ts'
import { versions } from '../tables/versions.ts'
import { recordChange, repository } from './model-changes.ts'
import type { Model } from './models.ts'
import { indexModels } from './search-index.ts'
import { cancelVersion } from './versions.ts'

export async function modelsOfInstallation(tx: Tx, installationId: number): Promise<Model[]> {
  return tx.select().from(models).where(eq(models.installationId, installationId))
}

/** Models whose branch GitHub can be asked about, those of one installation together. */
export async function modelsToReconcile(db: Db) {
  return db
    .select({
      id: models.id,
      githubRepositoryId: models.githubRepositoryId,
      installationId: installations.id,
      owner: publishers.login,
      name: models.name,
      branch: models.branch,
    })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .innerJoin(installations, eq(installations.id, models.installationId))
    .where(
      and(
        ne(models.state, 'archived'),
        isNull(models.deletedAt),
        isNull(installations.suspendedAt),
        isNull(installations.deletedAt),
      ),
    )
    .orderBy(asc(installations.id), asc(models.id))
}

/** Cancels whatever a model still builds, with the reason. */
export async function cancelVersionsOf(tx: Tx, modelId: string, reason: string): Promise<void> {
  const open = await tx
    .select({ id: versions.id, state: versions.state })
    .from(versions)
    .where(eq(versions.modelId, modelId))
    .then((rows) => rows.filter((v) => v.state === 'queued' || v.state === 'building').map((v) => v.id))
  for (const id of open) await cancelVersion(tx, id, 'GitHub')
  if (open.length > 0) await tx.update(versions).set({ stateReason: reason }).where(inArray(versions.id, open))
}

/** The app may no longer see the repository: the model stays, without the means to build. */
export async function detachModel(tx: Tx, modelId: string): Promise<void> {
  await tx.update(models).set({ installationId: null, updatedAt: sql`now()` }).where(eq(models.id, modelId))
  await indexModels(tx, [modelId])
}

/** The repository became private: the model is hidden with it. */
export async function closeRepository(tx: Tx, modelId: string): Promise<void> {
  const rows = await tx
    .update(models)
    .set({ repositoryPrivate: true, updatedAt: sql`now()` })
    .where(and(eq(models.id, modelId), eq(models.repositoryPrivate, false)))
    .returning({ id: models.id })
  if (rows.length > 0)
    await recordChange(tx, modelId, repository, { what: 'repository-visibility', from: 'public', to: 'private' })
}
