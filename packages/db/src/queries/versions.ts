import {
  isFinalBuildState,
  mayChange,
  type VersionState,
  versionChanges,
  versionStateOf,
} from '@modelport/schema/states'
import { type Target, targets } from '@modelport/schema/words'
import { and, asc, desc, eq, inArray, lt, ne, sql } from 'drizzle-orm'
import type { Db, Tx } from '../client.ts'
import { outbox } from '../tables/intake.ts'
import { models } from '../tables/models.ts'
import { builds, versions } from '../tables/versions.ts'
import { person, policy, recordChange } from './model-changes.ts'
import { moveDefaultVersion, newestReadyVersion } from './models.ts'
import { keepSource, type SnapshotFile } from './source.ts'

export type Version = typeof versions.$inferSelect
export type Build = typeof builds.$inferSelect

export interface NewVersion {
  modelId: string
  commit: string
  ref: string | null
  commitSubject: string
  authorName: string | null
  requestedBy: string | null
  trigger: 'push' | 'import' | 'rebuild'
  rebuildOf?: string | null
  useCache?: boolean
}

/** Whether a commit of a model has a version, whatever became of it. */
export async function hasVersionOf(db: Db, modelId: string, commit: string): Promise<boolean> {
  const rows = await db
    .select({ id: versions.id })
    .from(versions)
    .where(and(eq(versions.modelId, modelId), eq(versions.commit, commit)))
    .limit(1)
  return rows.length > 0
}

/**
 * Gives a commit its version: the next number, a queued build per target, and the messages that start them, all in
 * the caller's transaction. A commit that has its version already gets that one back and nothing new.
 */
export async function createVersion(tx: Tx, input: NewVersion): Promise<{ version: Version; created: boolean }> {
  // The lock makes numbers gapless and keeps two deliveries of one commit from racing.
  await tx.select({ id: models.id }).from(models).where(eq(models.id, input.modelId)).for('update')
  if (!input.rebuildOf) {
    const [existing] = await tx
      .select()
      .from(versions)
      .where(
        and(eq(versions.modelId, input.modelId), eq(versions.commit, input.commit), sql`${versions.rebuildOf} is null`),
      )
    if (existing) return { version: existing, created: false }
  }
  const [{ next }] = (await tx
    .select({ next: sql<number>`coalesce(max(${versions.number}), 0) + 1` })
    .from(versions)
    .where(eq(versions.modelId, input.modelId))) as [{ next: number }]
  const { useCache = true, ...values } = input
  const [version] = await tx
    .insert(versions)
    .values({ ...values, number: next, commitSubject: input.commitSubject.slice(0, 500) })
    .returning()
  await createBuilds(tx, version!.id, targets, useCache)
  await notify(tx, { version: version!.id })
  return { version: version!, created: true }
}

/** Adds the next attempt for each of `which`, and the messages that start and report it. */
async function createBuilds(tx: Tx, versionId: string, which: readonly Target[], useCache: boolean): Promise<Build[]> {
  const made: Build[] = []
  for (const target of which) {
    const [build] = await tx
      .insert(builds)
      .values({
        versionId,
        target,
        useCache,
        attempt: sql`(select coalesce(max(attempt), 0) + 1 from builds b where b.version_id = ${versionId} and b.target = ${target})`,
      })
      .returning()
    made.push(build!)
  }
  const messages = made.flatMap((b) => [
    { kind: 'report' as const, buildId: b.id },
    { kind: 'build' as const, buildId: b.id },
  ])
  if (messages.length > 0) await tx.insert(outbox).values(messages)
  await tx.execute(sql`select pg_notify('modelport_outbox', '')`)
  return made
}

/** Builds that wait for a worker, of older pushes to the same branch, give way to a newer push. Returns the versions that did. */
export async function supersedeQueued(tx: Tx, newer: Version): Promise<Version[]> {
  if (!newer.ref) return []
  const older = await tx
    .select()
    .from(versions)
    .where(
      and(
        eq(versions.modelId, newer.modelId),
        eq(versions.ref, newer.ref),
        eq(versions.state, 'queued'),
        lt(versions.number, newer.number),
      ),
    )
    .for('update')
  const gone: Version[] = []
  for (const version of older) {
    const rows = await tx
      .update(builds)
      .set({ state: 'superseded', finishedAt: sql`now()` })
      .where(and(eq(builds.versionId, version.id), eq(builds.state, 'queued')))
      .returning({ id: builds.id })
    if (rows.length === 0) continue
    await tx.insert(outbox).values(rows.map((b) => ({ kind: 'report' as const, buildId: b.id })))
    await tx
      .update(versions)
      .set({
        stateReason: `Version ${newer.number}, a newer push to the same branch, took its place before it started.`,
      })
      .where(eq(versions.id, version.id))
    await refreshVersion(tx, version.id)
    gone.push(version)
  }
  return gone
}

/** The newest attempt of each target, CPU first. */
export async function currentBuilds(tx: Tx, versionId: string): Promise<Build[]> {
  const all = await tx
    .select()
    .from(builds)
    .where(eq(builds.versionId, versionId))
    .orderBy(asc(builds.target), asc(builds.attempt))
  return targets.flatMap((target) => all.filter((b) => b.target === target).slice(-1))
}

/**
 * Makes the version's state follow from its builds. A version that became ready gets its manifest and, by the model's
 * policy, becomes the default: one pointer move in the caller's transaction. Locks version, then model, in this order everywhere.
 */
export async function refreshVersion(tx: Tx, versionId: string): Promise<VersionState | null> {
  const [version] = await tx.select().from(versions).where(eq(versions.id, versionId)).for('update')
  if (!version) return null
  const current = await currentBuilds(tx, versionId)
  const state = versionStateOf(current.map((b) => b.state))
  if (state === version.state) return state
  if (!mayChange(versionChanges, version.state, state))
    throw new Error(`version ${version.id} cannot change from ${version.state} to ${state}`)
  const finished = current.every((b) => isFinalBuildState(b.state))
  const inspected = current.filter((b) => b.state === 'ready')
  const manifest = inspected[0]?.manifest ?? null
  const warnings = [...version.warnings]
  if (inspected.length === 2 && JSON.stringify(inspected[0]!.manifest) !== JSON.stringify(inspected[1]!.manifest))
    warnings.push({
      code: 'manifest/targets-differ',
      sentence: 'The CPU and the GPU image describe different interfaces; the page shows the CPU image’s.',
      line: null,
    })
  await tx
    .update(versions)
    .set({ state, finishedAt: finished ? sql`now()` : null, ...(finished ? { manifest, warnings } : {}) })
    .where(and(eq(versions.id, versionId), eq(versions.state, version.state)))
  if (state === 'ready') await offerAsDefault(tx, version, `Version ${version.number} became ready.`)
  await notify(tx, { version: versionId })
  return state
}

/** Policy `latest`: a ready version takes the default's place when it is the one that the policy chooses now. */
async function offerAsDefault(tx: Tx, version: Version, reason: string): Promise<void> {
  const [model] = await tx.select().from(models).where(eq(models.id, version.modelId)).for('update')
  if (model?.defaultPolicy !== 'latest') return
  const best = await newestReadyVersion(tx, model.id)
  if (best?.id === version.id) await moveDefaultVersion(tx, model, version.id, 'latest', policy, reason)
}

/**
 * A commit that became a version on another branch or by a tag came to the production branch: from now on the version
 * counts as that branch's, and may become the default. Returns whether that changed anything.
 */
export async function adoptVersion(tx: Tx, version: Version, ref: string): Promise<boolean> {
  if (version.ref === ref) return false
  await tx.update(versions).set({ ref }).where(eq(versions.id, version.id))
  if (version.state === 'ready')
    await offerAsDefault(tx, version, `Version ${version.number} came to ${ref.replace(/^refs\/heads\//, '')}.`)
  await notify(tx, { version: version.id })
  return true
}

/** Stores what a build read in the repository. The first of the two builds to come writes; the second finds the same. */
export async function recordSource(
  db: Tx,
  versionId: string,
  source: Pick<Version, 'config' | 'warnings' | 'readme' | 'licence' | 'citation'> & { files: readonly SnapshotFile[] },
): Promise<void> {
  const { files, ...values } = source
  await db.transaction(async (tx) => {
    const rows = await tx
      .update(versions)
      .set(values)
      .where(and(eq(versions.id, versionId), sql`${versions.config} is null`))
      .returning({ id: versions.id })
    if (rows.length > 0) await keepSource(tx, versionId, files)
  })
}

/** What a rebuild did: further attempts in the same version, or a new version. */
export type Rebuild = { kind: 'attempt'; version: Version; targets: Target[] } | { kind: 'version'; version: Version }

/** A rebuild cannot be done; the message is a sentence for the person who asked. */
export class RebuildError extends Error {}

/**
 * Builds again (product decision 2): targets that have no ready image get a new attempt in the same version; a version
 * that has them all gets a new number with `rebuildOf`. A ready image is never replaced.
 */
export async function rebuildVersion(
  db: Tx,
  versionId: string,
  options: { target?: Target; useCache: boolean; requestedBy: string },
): Promise<Rebuild> {
  return db.transaction(async (tx) => {
    const [version] = await tx.select().from(versions).where(eq(versions.id, versionId)).for('update')
    if (!version) throw new RebuildError('The version is gone.')
    const current = await currentBuilds(tx, versionId)
    const asked = current.filter((b) => !options.target || b.target === options.target)
    if (asked.length === 0) throw new RebuildError(`Version ${version.number} has no ${options.target} target.`)
    const busy = asked.find((b) => !isFinalBuildState(b.state))
    if (busy)
      throw new RebuildError(`The ${busy.target} build of version ${version.number} is ${busy.state}; cancel it first.`)
    const without = asked.filter((b) => b.state !== 'ready')
    if (without.length > 0 && version.state !== 'expired') {
      await createBuilds(
        tx,
        versionId,
        without.map((b) => b.target),
        options.useCache,
      )
      await tx.update(versions).set({ stateReason: null }).where(eq(versions.id, versionId))
      await refreshVersion(tx, versionId)
      const [now] = await tx.select().from(versions).where(eq(versions.id, versionId))
      return { kind: 'attempt', version: now!, targets: without.map((b) => b.target) }
    }
    const made = await createVersion(tx, {
      modelId: version.modelId,
      commit: version.commit,
      ref: version.ref,
      commitSubject: version.commitSubject,
      authorName: version.authorName,
      requestedBy: options.requestedBy,
      trigger: 'rebuild',
      rebuildOf: version.id,
      useCache: options.useCache,
    })
    return { kind: 'version', version: made.version }
  })
}

/**
 * Cancels what a version still has to do. Waiting builds end at once; running ones are asked to stop, and their worker
 * ends them within seconds. Returns how many builds it concerned.
 */
export async function cancelVersion(db: Tx, versionId: string, by: string): Promise<number> {
  return db.transaction(async (tx) => {
    await tx.select({ id: versions.id }).from(versions).where(eq(versions.id, versionId)).for('update')
    const stopped = await tx
      .update(builds)
      .set({ state: 'cancelled', finishedAt: sql`now()`, cancelRequestedAt: sql`now()`, cancelRequestedBy: by })
      .where(and(eq(builds.versionId, versionId), eq(builds.state, 'queued')))
      .returning({ id: builds.id })
    const asked = await tx
      .update(builds)
      .set({ cancelRequestedAt: sql`now()`, cancelRequestedBy: by })
      .where(
        and(eq(builds.versionId, versionId), eq(builds.state, 'running'), sql`${builds.cancelRequestedAt} is null`),
      )
      .returning({ id: builds.id })
    if (stopped.length > 0) {
      await tx.insert(outbox).values(stopped.map((b) => ({ kind: 'report' as const, buildId: b.id })))
      await tx.execute(sql`select pg_notify('modelport_outbox', '')`)
    }
    if (stopped.length + asked.length > 0)
      await tx
        .update(versions)
        .set({ stateReason: `Cancelled by ${by}.` })
        .where(eq(versions.id, versionId))
    await refreshVersion(tx, versionId)
    for (const build of asked) await notify(tx, { cancel: build.id })
    return stopped.length + asked.length
  })
}

/** Takes a version out of offer, with a reason, or puts it back (`reason` null). A yanked default is replaced by the policy's choice. */
export async function yankVersion(db: Db, versionId: string, by: string, reason: string | null): Promise<void> {
  await db.transaction(async (tx) => {
    const [version] = await tx
      .update(versions)
      .set(
        reason === null
          ? { yankedAt: null, yankedBy: null, yankReason: null }
          : { yankedAt: sql`now()`, yankedBy: by, yankReason: reason },
      )
      .where(eq(versions.id, versionId))
      .returning()
    if (!version) return
    await recordChange(tx, version.modelId, person(by), {
      what: 'yank',
      from: { version: version.number, yanked: reason === null },
      to: { version: version.number, yanked: reason !== null },
      reason,
    })
    const [model] = await tx.select().from(models).where(eq(models.id, version.modelId)).for('update')
    if (model?.defaultPolicy !== 'latest') return
    const best = await newestReadyVersion(tx, model.id)
    const why =
      reason === null
        ? `Version ${version.number} is offered again.`
        : `Version ${version.number} was yanked: ${reason}`
    await moveDefaultVersion(tx, model, best?.id ?? null, 'latest', person(by), why)
  })
}

export async function findVersion(db: Tx, modelId: string, number: number): Promise<Version | null> {
  const [row] = await db
    .select()
    .from(versions)
    .where(and(eq(versions.modelId, modelId), eq(versions.number, number)))
  return row ?? null
}

/** The newest version of a commit. */
export async function findVersionOfCommit(db: Tx, modelId: string, commit: string): Promise<Version | null> {
  const [row] = await db
    .select()
    .from(versions)
    .where(and(eq(versions.modelId, modelId), eq(versions.commit, commit)))
    .orderBy(desc(versions.number))
    .limit(1)
  return row ?? null
}

export async function findVersionById(db: Tx, id: string): Promise<Version | null> {
  const [row] = await db.select().from(versions).where(eq(versions.id, id))
  return row ?? null
}

/** Newest first; `before` is the number of the last one seen; `readyOnly` is what viewers get. */
export async function listVersions(
  db: Db,
  modelId: string,
  {
    before,
    limit = 30,
    readyOnly = false,
    state,
    ref,
  }: { before?: number | null; limit?: number; readyOnly?: boolean; state?: VersionState; ref?: string } = {},
): Promise<{ version: Version; builds: Build[] }[]> {
  const page = await db
    .select()
    .from(versions)
    .where(
      and(
        eq(versions.modelId, modelId),
        before ? lt(versions.number, before) : undefined,
        readyOnly ? and(eq(versions.state, 'ready'), sql`${versions.yankedAt} is null`) : undefined,
        state ? eq(versions.state, state) : undefined,
        ref ? eq(versions.ref, ref) : undefined,
      ),
    )
    .orderBy(desc(versions.number))
    .limit(limit)
  if (page.length === 0) return []
  const all = await db
    .select()
    .from(builds)
    .where(
      inArray(
        builds.versionId,
        page.map((v) => v.id),
      ),
    )
    .orderBy(asc(builds.attempt))
  return page.map((version) => ({
    version,
    builds: targets.flatMap((t) => all.filter((b) => b.versionId === version.id && b.target === t).slice(-1)),
  }))
}

/** The states and refs that versions of a model have, for a choice among them. */
export async function versionChoices(db: Db, modelId: string): Promise<{ states: VersionState[]; refs: string[] }> {
  const rows = await db
    .selectDistinct({ state: versions.state, ref: versions.ref })
    .from(versions)
    .where(eq(versions.modelId, modelId))
    .limit(500)
  return {
    states: [...new Set(rows.map((row) => row.state))].sort(),
    refs: [...new Set(rows.flatMap((row) => row.ref ?? []))].sort(),
  }
}

/** How many builds wait before this one. */
export async function queuePlace(db: Db, build: Build): Promise<number> {
  const [row] = await db
    .select({ ahead: sql<number>`count(*)::int` })
    .from(builds)
    .where(and(eq(builds.state, 'queued'), ne(builds.id, build.id), lt(builds.createdAt, build.createdAt)))
  return row?.ahead ?? 0
}

/** What is told on the channel `modelport`: a version or build changed, a log grew, a build was asked to stop. */
export interface News {
  version?: string
  build?: string
  lines?: number
  cancel?: string
}

/** Tells the web and worker processes, when the transaction commits. */
export async function notify(tx: Tx, news: News): Promise<void> {
  await tx.execute(sql`select pg_notify('modelport', ${JSON.stringify(news)})`)
}
