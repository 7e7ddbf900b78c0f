import { type Context, now } from './context.ts'
import { emitCheckRun, emitCheckSuite } from './events.ts'
import { suiteFor } from './pushes.ts'
import { latestRuns } from './shapes.ts'
import type { Account, Annotation, CheckRun, CheckSuite, Repository } from './store.ts'

export interface CheckOutput {
  title?: string | null
  summary?: string | null
  text?: string | null
  annotations?: Annotation[]
}

export interface CheckChange {
  name?: string
  status?: CheckRun['status']
  conclusion?: string | null
  detailsUrl?: string | null
  externalId?: string | null
  startedAt?: string | null
  completedAt?: string | null
  output?: CheckOutput
  actions?: CheckRun['actions']
}

/** The account that acts when the app acts. */
export function botOf(ctx: Context): Account {
  return {
    // Beyond every number that the store gives.
    id: 1_000_000_000 + ctx.config.appId,
    login: `${ctx.config.appSlug}[bot]`,
    type: 'User',
    name: null,
    email: null,
    createdAt: '2026-01-01T00:00:00Z',
    members: {},
  }
}

/** Begins a check run on a commit. */
export function createCheckRun(
  ctx: Context,
  repository: Repository,
  headSha: string,
  change: CheckChange & { name: string },
): CheckRun {
  const suite = suiteFor(ctx, repository, headSha, null)
  const empty: CheckRun = {
    id: ctx.store.nextId(),
    repositoryId: repository.id,
    suiteId: suite.id,
    headSha,
    name: change.name,
    status: 'queued',
    conclusion: null,
    detailsUrl: null,
    externalId: null,
    startedAt: now(),
    completedAt: null,
    title: null,
    summary: null,
    text: null,
    annotations: [],
    actions: [],
  }
  const run = ctx.store.checkRuns.put(changed(empty, change))
  void emitCheckRun(ctx, repository, botOf(ctx), run, 'created')
  if (run.status === 'completed') tellCompleted(ctx, repository, run)
  return run
}

/** Changes a check run; annotations are added to those that are there. */
export function updateCheckRun(ctx: Context, repository: Repository, before: CheckRun, change: CheckChange): CheckRun {
  const after = ctx.store.checkRuns.put(changed(before, change))
  const suite = ctx.store.checkSuites.get(after.suiteId)!
  ctx.store.checkSuites.put({ ...suite, updatedAt: now() })
  if (after.status === 'completed' && before.status !== 'completed') tellCompleted(ctx, repository, after)
  return after
}

function tellCompleted(ctx: Context, repository: Repository, run: CheckRun): void {
  void emitCheckRun(ctx, repository, botOf(ctx), run, 'completed')
  const suite = ctx.store.checkSuites.get(run.suiteId)!
  const runs = latestRuns(ctx.store.checkRuns.by('suite', suite.id))
  if (runs.every((other) => other.status === 'completed')) {
    void emitCheckSuite(ctx, repository, botOf(ctx), suite, 'completed')
  }
}

function changed(run: CheckRun, change: CheckChange): CheckRun {
  const conclusion = change.conclusion === undefined ? run.conclusion : change.conclusion
  // GitHub's rule: a conclusion completes the run, whatever the status says; a new status without one reopens it.
  const reopened = change.status !== undefined && change.status !== 'completed' && change.conclusion === undefined
  const status = change.conclusion ? 'completed' : (change.status ?? run.status)
  const given = <T>(value: T | undefined, old: T): T => (value === undefined ? old : value)
  return {
    ...run,
    name: change.name ?? run.name,
    status,
    conclusion: reopened ? null : conclusion,
    detailsUrl: given(change.detailsUrl, run.detailsUrl),
    externalId: given(change.externalId, run.externalId),
    startedAt: given(change.startedAt, run.startedAt),
    completedAt: status === 'completed' ? (change.completedAt ?? run.completedAt ?? now()) : null,
    title: given(change.output?.title, run.title),
    summary: given(change.output?.summary, run.summary),
    text: given(change.output?.text, run.text),
    annotations: [...run.annotations, ...(change.output?.annotations ?? [])],
    actions: change.actions ?? run.actions,
  }
}

/** Asks the app to run a check again, as the Re-run button does. */
export function rerequestCheckRun(ctx: Context, repository: Repository, run: CheckRun, person: Account): void {
  void emitCheckRun(ctx, repository, person, run, 'rerequested')
}

/** Asks the app to run all checks of a commit again. */
export function rerequestCheckSuite(ctx: Context, repository: Repository, suite: CheckSuite, person: Account): void {
  void emitCheckSuite(ctx, repository, person, suite, 'rerequested')
}
