import { BuildError, Cancelled, PlatformError, PublisherError, TimedOut } from '../build/build-error.ts'
import type { BuildImageRequest } from './build-driver.ts'
import type { StepEnd } from './run-step.ts'

/** What a step's log says in place of its output when a cached layer took its place. */
export const reusedNote = 'Nothing changed since an earlier build of this publisher: its layer is used again.'

/**
 * Runs a build with a signal that the caller or the time limit of its steps aborts, and turns whatever it throws into a
 * `BuildError`.
 */
export async function withTimeLimit<Result>(
  request: BuildImageRequest,
  work: (stop: AbortSignal, deadlineAt: number) => Promise<Result>,
): Promise<Result> {
  // Our own controller and timer: a signal of `AbortSignal.timeout` that only `AbortSignal.any` holds may be collected.
  const stopping = new AbortController()
  const onAbort = () => stopping.abort(request.signal.reason)
  request.signal.addEventListener('abort', onAbort, { once: true })
  if (request.signal.aborted) onAbort()
  const milliseconds = request.limits.seconds * 1000
  const timer = setTimeout(() => stopping.abort(new Error('time limit')), milliseconds)
  try {
    return await work(stopping.signal, Date.now() + milliseconds)
  } catch (error) {
    throw asBuildError(error, request, stopping.signal)
  } finally {
    clearTimeout(timer)
    request.signal.removeEventListener('abort', onAbort)
  }
}

/** Throws what a step's end means for its build, or nothing when it ended well. */
export function throwUnlessGood(end: StepEnd, request: BuildImageRequest, number: number): void {
  const { limits } = request
  const place = { step: `build:${number}`, exitCode: end.exitCode, outOfMemory: end.outOfMemory }
  if (end.killed === 'log') {
    const sentence = `Build step ${number} printed more than ${megabytes(limits.logBytes)} and was stopped.`
    throw new PublisherError('build/log-too-long', sentence, place)
  }
  if (end.killed === 'disk') {
    const sentence = `Build step ${number} wrote more than ${megabytes(limits.diskBytes)} and was stopped.`
    throw new PublisherError('build/disk-limit', sentence, place)
  }
  if (end.killed === 'engine-disk') {
    throw new PlatformError('build/engine-disk-full', 'The disk of the container engine is nearly full.', place)
  }
  if (end.killed === 'stop') {
    if (request.signal.aborted) throw cancelled(request)
    throw timedOut(request, place)
  }
  if (end.exitCode === 0) return
  // 124 is the deadline inside the container, which fires when this process was held up.
  if (end.exitCode === 124 && end.durationMs > limits.seconds * 1000) throw timedOut(request, place)
  if (end.outOfMemory) {
    const sentence = `Build step ${number} ran out of memory (${megabytes(limits.memoryBytes)}).`
    throw new PublisherError('build/out-of-memory', sentence, place)
  }
  throw new PublisherError('build/step-failed', `Build step ${number} ended with exit code ${end.exitCode}.`, place)
}

function asBuildError(error: unknown, request: BuildImageRequest, stop: AbortSignal): BuildError {
  if (error instanceof BuildError) return error
  if (request.signal.aborted) return cancelled(request)
  if (stop.aborted) return timedOut(request, {})
  const replaced = projectFolderReplaced(error)
  if (replaced) return replaced
  return new PlatformError(
    'build/engine-failed',
    'The container engine failed while it made the image.',
    {},
    { cause: error },
  )
}

/**
 * A step may remove or replace the folder that every later container starts in; the engine then cannot start one and says
 * so in words of its own (`mkdir /model: not a directory`, `chdir to cwd ("/model") ...`). Null for any other error.
 */
export function projectFolderReplaced(error: unknown): PublisherError | null {
  const said = error instanceof Error ? error.message : ''
  if (!/(mkdir|chdir to cwd|cwd)\b[^\n]*\/model\b/.test(said)) return null
  return new PublisherError(
    'build/project-folder-replaced',
    'A build step removed or replaced the project’s folder /model, in which everything after it starts; leave the folder in place.',
    {},
    { cause: error },
  )
}

function cancelled(request: BuildImageRequest): Cancelled {
  return new Cancelled('build/cancelled', 'The build was cancelled.', {}, { cause: request.signal.reason })
}

function timedOut(request: BuildImageRequest, place: ConstructorParameters<typeof TimedOut>[2]): TimedOut {
  const minutes = request.limits.seconds / 60
  const limit = minutes >= 1 ? `${Math.round(minutes)} minutes` : `${request.limits.seconds} seconds`
  return new TimedOut('build/timed-out', `The build steps took longer than ${limit} together.`, place)
}

function megabytes(bytes: number): string {
  return bytes >= 2 ** 30 ? `${Number((bytes / 2 ** 30).toFixed(1))} GB` : `${Math.round(bytes / 2 ** 20)} MB`
}
