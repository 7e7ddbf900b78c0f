import { type BuildState, buildChanges, type StepState, statesBefore, stepChanges } from '@modelport/schema/states'
import type { Failure, Substitution, Target } from '@modelport/schema/words'
import { and, asc, desc, eq, inArray, sql } from 'drizzle-orm'
import { type Db, idleSeconds, type Tx } from '../client.ts'
import { outbox } from '../tables/intake.ts'
import { builds, logLines, steps, versions } from '../tables/versions.ts'
import { type Build, notify, refreshVersion } from './versions.ts'

export type Step = typeof steps.$inferSelect
export type LogLine = typeof logLines.$inferSelect

/** What a worker holds while it may write: the build's id and the epoch that it was given. */
export interface Lease {
  buildId: string
  epoch: number
}

/** Seconds in database time after which a silent worker's build may be taken by another, unless the worker says otherwise. */
export const defaultLeaseSeconds = 15
/** A build that took this many workers down with it is not given to another. */
export const maxStarts = 4

/** Locks the version of a build. Every change of a build takes this lock first, so that both targets agree on an order. */
async function lockVersion(tx: Tx, buildId: string): Promise<string | null> {
  const [row] = await tx
    .select({ id: versions.id })
    .from(versions)
    .where(eq(versions.id, sql`(select version_id from builds where id = ${buildId})`))
    .for('update')
  return row?.id ?? null
}

const held = (lease: Lease) =>
  and(eq(builds.id, lease.buildId), eq(builds.epoch, lease.epoch), eq(builds.state, 'running'))

/**
 * Takes a build that waits, or whose worker fell silent. Returns null when it is not to be had: done, held by a live
 * worker, or not due yet. The new epoch fences the worker that had it before.
 */
export async function takeBuild(
  db: Db,
  buildId: string,
  worker: string,
  leaseSeconds = defaultLeaseSeconds,
): Promise<Build | null> {
  return db.transaction(async (tx) => {
    if (!(await lockVersion(tx, buildId))) return null
    await tx.select({ id: builds.id }).from(builds).where(eq(builds.id, buildId)).for('update')
    // By the clock: now() is when the transaction began, and it may have waited long for both rows.
    const [build] = await tx
      .update(builds)
      .set({
        state: 'running',
        epoch: sql`${builds.epoch} + 1`,
        leaseOwner: worker,
        leaseExpiresAt: sql`clock_timestamp() + ${leaseSeconds} * interval '1 second'`,
        startedAt: sql`coalesce(${builds.startedAt}, now())`,
        notBefore: null,
        failure: null,
      })
      .where(
        and(
          eq(builds.id, buildId),
          sql`(${builds.state} = 'queued' and coalesce(${builds.notBefore}, now()) <= clock_timestamp()
            or ${builds.state} = 'running' and ${builds.leaseExpiresAt} < clock_timestamp())`,
        ),
      )
      .returning()
    if (!build) return null
    // The steps of a worker that is gone did not end by themselves.
    await tx
      .update(steps)
      .set({ state: 'cancelled' })
      .where(and(eq(steps.buildId, buildId), eq(steps.state, 'running')))
    await tx.insert(outbox).values({ kind: 'report', buildId })
    await refreshVersion(tx, build.versionId)
    await notify(tx, { build: buildId, version: build.versionId })
    return build
  })
}

/** Prolongs a lease. Returns null when it is lost, else whether somebody asked to cancel. */
export async function heartbeat(
  db: Db,
  lease: Lease,
  leaseSeconds = defaultLeaseSeconds,
): Promise<{ cancelRequestedBy: string | null } | null> {
  const [row] = await db
    .update(builds)
    .set({ leaseExpiresAt: sql`now() + ${leaseSeconds} * interval '1 second'` })
    .where(held(lease))
    .returning({ at: builds.cancelRequestedAt, by: builds.cancelRequestedBy })
  return row ? { cancelRequestedBy: row.at ? (row.by ?? 'somebody') : null } : null
}

/** Starts a step. Returns false when the lease is lost. */
export async function startStep(db: Db, lease: Lease, name: string, command: string | null = null): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [build] = await tx.update(builds).set({ currentStep: name }).where(held(lease)).returning()
    if (!build) return false
    await tx
      .insert(steps)
      .values({
        ...lease,
        name,
        command,
        position: sql`(select coalesce(max(position), 0) + 1 from steps where build_id = ${lease.buildId} and epoch = ${lease.epoch})`,
      })
      .onConflictDoNothing()
    await notify(tx, { build: lease.buildId, version: build.versionId })
    return true
  })
}

/** Ends a step that is running. Returns false when the lease is lost or the step had ended. */
export async function endStep(
  db: Db,
  lease: Lease,
  name: string,
  end: {
    state: Exclude<StepState, 'running'>
    durationMs?: number
    exitCode?: number | null
    outOfMemory?: boolean
    reused?: boolean
  },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [build] = await tx.select().from(builds).where(held(lease)).for('share')
    if (!build) return false
    const rows = await tx
      .update(steps)
      .set({
        state: end.state,
        durationMs: end.durationMs ?? sql`(extract(epoch from now() - ${steps.startedAt}) * 1000)::int`,
        exitCode: end.exitCode ?? null,
        outOfMemory: end.outOfMemory ?? false,
        reused: end.reused ?? false,
      })
      .where(
        and(
          eq(steps.buildId, lease.buildId),
          eq(steps.epoch, lease.epoch),
          eq(steps.name, name),
          inArray(steps.state, statesBefore(stepChanges, end.state)),
        ),
      )
      .returning({ name: steps.name })
    await notify(tx, { build: lease.buildId, version: build.versionId })
    return rows.length > 0
  })
}

/** Appends lines to a build's log and gives them their final numbers. Returns the last number, or null when the lease is lost. */
export async function appendLines(
  db: Db,
  lease: Lease,
  lines: Pick<LogLine, 'step' | 'stream' | 'printedAt' | 'text'>[],
): Promise<number | null> {
  if (lines.length === 0) return 0
  return db.transaction(async (tx) => {
    const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line.text) + 1, 0)
    const [build] = await tx
      .update(builds)
      .set({ lineCount: sql`${builds.lineCount} + ${lines.length}`, logBytes: sql`${builds.logBytes} + ${bytes}` })
      .where(held(lease))
      .returning({ lineCount: builds.lineCount })
    if (!build) return null
    const first = build.lineCount - lines.length + 1
    // Postgres' text holds any character but NUL.
    await tx
      .insert(logLines)
      .values(lines.map((line, i) => ({ ...lease, ...line, text: line.text.replaceAll('\0', ''), number: first + i })))
    await notify(tx, { build: lease.buildId, lines: build.lineCount })
    return build.lineCount
  })
}

/** What a finished image leaves in its build's row. */
export interface BuildRecord {
  imageRepository: string
  imageTag: string | null
  imageDigest: string
  imagePushed: boolean
  sizeBytes: number
  manifest: unknown
  /** All of them: these take the place of what the base stage noted. */
  substitutions: Substitution[]
  layers: { kind: string; step: string | null; reused: boolean }[]
}

/**
 * Publishes: the build becomes ready, and with it perhaps the version and the default, in one transaction, which ends with
 * `beforeCommit`. False when the lease is lost.
 */
export async function publishBuild(
  db: Db,
  lease: Lease,
  record: BuildRecord,
  beforeCommit = () => {},
): Promise<boolean> {
  return endBuild(db, lease, 'ready', { ...record, failure: null }, beforeCommit)
}

/** Ends a build without an image. False when the lease is lost. */
export async function failBuild(
  db: Db,
  lease: Lease,
  state: 'failed' | 'timed_out' | 'cancelled',
  failure: Failure | null,
): Promise<boolean> {
  return endBuild(db, lease, state, { failure })
}

async function endBuild(
  db: Db,
  lease: Lease,
  to: BuildState,
  values: Partial<typeof builds.$inferInsert>,
  beforeCommit = () => {},
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const versionId = await lockVersion(tx, lease.buildId)
    if (!versionId) return false
    const rows = await tx
      .update(builds)
      .set({ ...values, state: to, finishedAt: sql`now()`, leaseExpiresAt: null, leaseOwner: null, currentStep: null })
      .where(and(held(lease), inArray(builds.state, statesBefore(buildChanges, to))))
      .returning({ id: builds.id })
    if (rows.length === 0) return false
    await tx
      .update(steps)
      .set({
        state: to === 'cancelled' ? 'cancelled' : to === 'ready' ? 'done' : 'failed',
        durationMs: sql`(extract(epoch from now() - ${steps.startedAt}) * 1000)::int`,
      })
      .where(and(eq(steps.buildId, lease.buildId), eq(steps.epoch, lease.epoch), eq(steps.state, 'running')))
    await tx.insert(outbox).values({ kind: 'report', buildId: lease.buildId })
    await tx.execute(sql`select pg_notify('modelport_outbox', '')`)
    await refreshVersion(tx, versionId)
    await notify(tx, { build: lease.buildId, version: versionId })
    beforeCommit()
    return true
  })
}

/** Puts a build back after a platform failure, to be tried again in `delaySeconds`. False when the lease is lost. */
export async function retryBuild(db: Db, lease: Lease, failure: Failure, delaySeconds: number): Promise<boolean> {
  return db.transaction(async (tx) => {
    const versionId = await lockVersion(tx, lease.buildId)
    const due = sql`now() + ${delaySeconds} * interval '1 second'`
    const rows = await tx
      .update(builds)
      .set({ state: 'queued', failure, leaseExpiresAt: null, leaseOwner: null, currentStep: null, notBefore: due })
      .where(held(lease))
      .returning({ id: builds.id })
    if (rows.length === 0 || !versionId) return false
    await tx
      .update(steps)
      .set({ state: 'failed' })
      .where(and(eq(steps.buildId, lease.buildId), eq(steps.epoch, lease.epoch), eq(steps.state, 'running')))
    await tx.insert(outbox).values({ kind: 'build', buildId: lease.buildId, notBefore: due })
    await refreshVersion(tx, versionId)
    await notify(tx, { build: lease.buildId, version: versionId })
    return true
  })
}

/**
 * The model config switches this build's target off: the build goes, and the version follows from the other alone.
 * Returns the check run that the caller must close, or null; undefined when the lease is lost.
 */
export async function switchTargetOff(db: Db, lease: Lease): Promise<{ checkRunId: number | null } | undefined> {
  return db.transaction(async (tx) => {
    const versionId = await lockVersion(tx, lease.buildId)
    const [gone] = await tx.delete(builds).where(held(lease)).returning({ checkRunId: builds.checkRunId })
    if (!gone || !versionId) return undefined
    await refreshVersion(tx, versionId)
    await notify(tx, { version: versionId })
    return { checkRunId: gone.checkRunId }
  })
}

/** Notes what the base stage settled. False when the lease is lost. */
export async function recordBase(
  db: Db,
  lease: Lease,
  values: { base: Build['base']; substitutions: Substitution[]; dockerfile: string },
): Promise<boolean> {
  const rows = await db.update(builds).set(values).where(held(lease)).returning({ id: builds.id })
  return rows.length > 0
}

const workerSessions = 'modelport-worker '
/** The name of a worker's sessions; PostgreSQL keeps 63 bytes. */
export const sessionsOf = (worker: string) => `${workerSessions}${worker}`.slice(0, 63)

/**
 * Ends all transactions of each worker of which one stood still for so many seconds: it was stopped, and each of its
 * sessions that waits for a row that another one holds would hold it as long in its turn. One that was stopped in the
 * middle of a statement counts as active, and no timeout of the server's ends it: it waits for the rest of the client's
 * messages, and holds back cancellations while it reads; of any other process of ours, such a session alone is ended, when
 * it stood still for `others` seconds. Returns how many were ended.
 */
export async function endSilentSessions(db: Db, seconds: number, others = idleSeconds): Promise<number> {
  const rows = await db.execute(sql`
    with sessions as (
      select pid, application_name as process, extract(epoch from now() - xact_start) as begun,
        extract(epoch from now() - state_change) as still, state like 'idle in transaction%' as idle,
        state = 'active' and wait_event_type = 'Client' as halfway
      from pg_stat_activity where datname = current_database() and application_name like 'modelport-%'),
    stopped as (
      select process from sessions
      where process like ${`${workerSessions}%`} and (idle or halfway) and still > ${seconds}::float8)
    select pg_terminate_backend(pid) from sessions
    where begun > ${seconds}::float8 and process in (select process from stopped) or halfway and still > ${others}::float8`)
  return rows.length
}

/**
 * Finds builds that nobody works on: running ones whose lease ran out, and queued ones that are due and have no message.
 * Each gets a new message in the outbox; one that ended too many workers is failed instead. Returns how many lost their
 * worker, and how many wait: most of those only stand in a long queue, and their second message is one too many.
 */
export async function sweepBuilds(db: Db): Promise<{ lost: number; waiting: number }> {
  const found = await db
    .select()
    .from(builds)
    .where(
      sql`${builds.state} = 'running' and ${builds.leaseExpiresAt} < now()
        or ${builds.state} = 'queued' and coalesce(${builds.notBefore}, ${builds.createdAt}) < now() - interval '30 seconds'
           and coalesce(${builds.leaseExpiresAt}, '-infinity') < now()`,
    )
    .limit(200)
  for (const build of found) {
    if (build.state === 'running' && build.epoch >= maxStarts) await quarantine(db, build)
    else
      await db.transaction(async (tx) => {
        // A queued build notes here when it was last swept, so that a long queue is not swept every round.
        if (build.state === 'queued')
          await tx
            .update(builds)
            .set({ leaseExpiresAt: sql`now() + interval '60 seconds'` })
            .where(and(eq(builds.id, build.id), eq(builds.state, 'queued')))
        await tx.execute(sql`insert into outbox (kind, build_id) select 'build', ${build.id}
          where not exists (select 1 from outbox where build_id = ${build.id} and kind = 'build')`)
      })
  }
  const lost = found.filter((build) => build.state === 'running').length
  return { lost, waiting: found.length - lost }
}

async function quarantine(db: Db, build: Build): Promise<void> {
  await db.transaction(async (tx) => {
    const versionId = await lockVersion(tx, build.id)
    const failure: Failure = {
      code: 'build/workers-lost',
      fault: 'platform',
      sentence: `This build ended ${build.epoch} workers in a row and is not tried again; rebuild it, or ask the operator to look at the worker's log.`,
      step: build.currentStep,
      file: null,
      line: null,
      exitCode: null,
      outOfMemory: false,
      also: [],
    }
    const rows = await tx
      .update(builds)
      .set({ state: 'failed', failure, finishedAt: sql`now()`, leaseExpiresAt: null, leaseOwner: null })
      .where(
        and(
          eq(builds.id, build.id),
          eq(builds.epoch, build.epoch),
          eq(builds.state, 'running'),
          sql`${builds.leaseExpiresAt} < now()`,
        ),
      )
      .returning({ id: builds.id })
    if (rows.length === 0 || !versionId) return
    await tx.insert(outbox).values({ kind: 'report', buildId: build.id })
    await refreshVersion(tx, versionId)
    await notify(tx, { build: build.id, version: versionId })
  })
}

/** Whether a worker holds this build at this epoch now; the reaper removes what belongs to any other. */
export async function isLiveLease(db: Db, lease: Lease): Promise<boolean> {
  const rows = await db
    .select({ id: builds.id })
    .from(builds)
    .where(and(held(lease), sql`${builds.leaseExpiresAt} > now()`))
  return rows.length > 0
}

export async function findBuild(db: Tx, id: string): Promise<Build | null> {
  const [row] = await db.select().from(builds).where(eq(builds.id, id))
  return row ?? null
}

/** The newest attempt of a target, or the attempt asked for. */
export async function findBuildOf(db: Db, versionId: string, target: Target, attempt?: number): Promise<Build | null> {
  const [row] = await db
    .select()
    .from(builds)
    .where(
      and(
        eq(builds.versionId, versionId),
        eq(builds.target, target),
        attempt ? eq(builds.attempt, attempt) : undefined,
      ),
    )
    .orderBy(desc(builds.attempt))
    .limit(1)
  return row ?? null
}

export async function listSteps(db: Db, buildId: string): Promise<Step[]> {
  return db.select().from(steps).where(eq(steps.buildId, buildId)).orderBy(asc(steps.epoch), asc(steps.position))
}

/** Log lines with numbers above `after`, in order, at most `limit`. */
export async function readLines(
  db: Db,
  buildId: string,
  { after = 0, limit = 1000, step }: { after?: number; limit?: number; step?: string } = {},
): Promise<LogLine[]> {
  const ofStep = step === undefined ? undefined : eq(logLines.step, step)
  return db
    .select()
    .from(logLines)
    .where(and(eq(logLines.buildId, buildId), sql`${logLines.number} > ${after}`, ofStep))
    .orderBy(asc(logLines.number))
    .limit(limit)
}

/** Notes that GitHub was told of a state, or with null for the check run that it will not take it. */
export async function recordReport(
  db: Db,
  buildId: string,
  checkRunId: number | null,
  reported: string,
): Promise<boolean> {
  const rows = await db
    .update(builds)
    .set({ checkReported: reported, ...(checkRunId === null ? {} : { checkRunId }) })
    .where(eq(builds.id, buildId))
    .returning({ id: builds.id })
  return rows.length > 0
}

/** What `recordReport` notes of a build's present state. */
export const reportedAs = (build: Pick<Build, 'state' | 'epoch'>) => `${build.state}@${build.epoch}`

/**
 * Finds builds of the last three days whose state GitHub was not told for `afterSeconds`, because the message was lost
 * with the queue or the call failed, and writes each a new message. Returns how many.
 */
export async function sweepReports(db: Db, afterSeconds: number): Promise<number> {
  const changed = sql`coalesce(b.finished_at, b.started_at, b.created_at)`
  const rows = await db.execute(sql`
    insert into outbox (kind, build_id)
    select 'report', b.id from builds b
      join versions v on v.id = b.version_id
      join models m on m.id = v.model_id
      join installations i on i.id = m.installation_id and i.suspended_at is null
    where b.check_reported is distinct from b.state || '@' || b.epoch::text
      and ${changed} < now() - ${afterSeconds} * interval '1 second'
      and ${changed} > now() - interval '3 days'
      and not exists (select 1 from outbox o where o.build_id = b.id and o.kind = 'report')
    order by ${changed} desc limit 200
    returning id`)
  return rows.length
}

/** The current epoch of each of these builds. */
export async function epochsOf(db: Db, ids: string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map()
  const rows = await db.select({ id: builds.id, epoch: builds.epoch }).from(builds).where(inArray(builds.id, ids))
  return new Map(rows.map((row) => [row.id, row.epoch]))
}
