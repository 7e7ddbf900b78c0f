/**
 * Every state of a model, version, build and step, and every change that is legal.
 * The queries in `packages/db` refuse a change that is not listed here.
 */

export const modelStates = ['not_configured', 'active', 'archived'] as const
export type ModelState = (typeof modelStates)[number]

export const versionStates = [
  'queued',
  'building',
  'ready',
  'partial',
  'failed',
  'cancelled',
  'superseded',
  'expired',
] as const
export type VersionState = (typeof versionStates)[number]

export const buildStates = ['queued', 'running', 'ready', 'failed', 'timed_out', 'cancelled', 'superseded'] as const
export type BuildState = (typeof buildStates)[number]

export const stepStates = ['running', 'done', 'failed', 'cancelled'] as const
export type StepState = (typeof stepStates)[number]

export const uploadStates = ['uploading', 'verifying', 'complete', 'failed', 'cancelled', 'expired'] as const
export type UploadState = (typeof uploadStates)[number]

/** `from -> allowed to`. A state never changes to itself, except a running build that a new worker takes over. */
export const modelChanges: Record<ModelState, readonly ModelState[]> = {
  not_configured: ['active', 'archived'],
  active: ['not_configured', 'archived'],
  archived: ['active', 'not_configured'],
}

export const versionChanges: Record<VersionState, readonly VersionState[]> = {
  queued: ['building', 'ready', 'partial', 'failed', 'cancelled', 'superseded'],
  building: ['queued', 'ready', 'partial', 'failed', 'cancelled', 'superseded'],
  ready: ['expired'],
  // A target without an image may be tried again in the same version (product decision 2).
  partial: ['queued', 'building', 'expired'],
  failed: ['queued', 'building'],
  cancelled: ['queued', 'building'],
  superseded: ['queued', 'building'],
  expired: [],
}

export const buildChanges: Record<BuildState, readonly BuildState[]> = {
  queued: ['running', 'failed', 'cancelled', 'superseded'],
  // running -> queued: a platform failure that is tried again; running -> running: a lease that ran out and was taken over.
  running: ['running', 'queued', 'ready', 'failed', 'timed_out', 'cancelled', 'superseded'],
  ready: [],
  failed: [],
  timed_out: [],
  cancelled: [],
  superseded: [],
}

export const stepChanges: Record<StepState, readonly StepState[]> = {
  running: ['done', 'failed', 'cancelled'],
  done: [],
  failed: [],
  cancelled: [],
}

export const uploadChanges: Record<UploadState, readonly UploadState[]> = {
  uploading: ['verifying', 'failed', 'cancelled', 'expired'],
  // verifying -> uploading: parts turned out to be missing; verifying -> verifying: a lease that ran out and was taken over.
  verifying: ['verifying', 'uploading', 'complete', 'failed', 'cancelled'],
  complete: [],
  failed: [],
  cancelled: [],
  expired: [],
}

/** Whether `changes` lists the change `from -> to`. */
export function mayChange<S extends string>(changes: Record<S, readonly S[]>, from: S, to: S): boolean {
  return changes[from].includes(to)
}

/** The states from which `to` can be reached, for the `where` of the update that makes the change. */
export function statesBefore<S extends string>(changes: Record<S, readonly S[]>, to: S): S[] {
  return (Object.keys(changes) as S[]).filter((from) => changes[from].includes(to))
}

export function isFinalBuildState(state: BuildState): boolean {
  return buildChanges[state].length === 0
}

/**
 * The state of a version, from the newest build of each target that its config switches on.
 * An empty list means that the builds are not known yet.
 */
export function versionStateOf(builds: readonly BuildState[]): VersionState {
  if (builds.length === 0 || builds.every((b) => b === 'queued')) return 'queued'
  if (builds.some((b) => b === 'queued' || b === 'running')) return 'building'
  const ready = builds.filter((b) => b === 'ready').length
  if (ready === builds.length) return 'ready'
  if (ready > 0) return 'partial'
  if (builds.some((b) => b === 'failed' || b === 'timed_out')) return 'failed'
  if (builds.some((b) => b === 'superseded')) return 'superseded'
  return 'cancelled'
}
