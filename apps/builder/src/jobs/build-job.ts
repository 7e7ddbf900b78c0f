import {
  appendLines,
  endStep,
  failBuild,
  heartbeat,
  type Lease,
  publishBuild,
  recordBase,
  retryBuild,
  startStep,
  takeBuild,
} from '@modelport/db/queries/builds'
import { loadModelSource } from '@modelport/db/queries/models'
import { findVersionById, recordSource } from '@modelport/db/queries/versions'
import type { Failure } from '@modelport/schema/words'
import { BuildError, Cancelled, LeaseLost, PlatformError, PublisherError, TimedOut } from '../build/build-error.ts'
import { BuildLog } from '../build/build-log.ts'
import { type BuildContext, type BuildOutcome, type BuildRequest, runBuild } from '../build/run-build.ts'
import { openScratch } from '../build/scratch.ts'
import { unpackSource } from '../build/steps/fetch-source.ts'
import type { WorkerContext } from '../context.ts'
import { failPoint } from '../fail-point.ts'
import { openArchive } from '../github/source-archive.ts'
import { described } from '../log.ts'
import { keepLease } from './lease-keeper.ts'
import { endSkippedBuild } from './report-job.ts'

/** Platform failures are tried again after these many seconds, then they are final. */
const retrySeconds = [5, 30, 120]

/**
 * Runs one build: takes its lease, does the work, writes the outcome with the epoch that it was given. Running it twice
 * changes nothing: the second finds the build taken or done. Rejects only when the outcome could not be written.
 */
export async function runBuildJob(worker: WorkerContext, buildId: string): Promise<void> {
  const { db } = worker.database
  const build = await takeBuild(db, buildId, worker.name, worker.config.recovery.leaseSeconds)
  if (!build) return
  failPoint('taken')
  const lease: Lease = { buildId: build.id, epoch: build.epoch }
  const log = worker.log.child({ build: build.id, target: build.target, epoch: build.epoch })
  const keeper = keepLease(db, lease, worker.config.recovery.leaseSeconds, worker.stopping)
  const onCancel = (id: string) => id === build.id && keeper.beatNow()
  worker.cancellations.add(onCancel)
  const scratch = await openScratch(worker.config.home, build.id, build.epoch)
  try {
    const version = await findVersionById(db, build.versionId)
    const source = version && (await loadModelSource(db, version.modelId))
    if (!version || !source) throw new PlatformError('build/no-model', 'The model of this build is gone.')
    const request: BuildRequest = {
      buildId: build.id,
      epoch: build.epoch,
      versionId: version.id,
      versionNumber: version.number,
      modelId: source.model.id,
      modelPath: `${source.owner}/${source.model.name}`,
      publisherId: source.model.publisherId,
      target: build.target,
      commit: version.commit,
      useCache: build.useCache,
      substitutionPolicy: source.model.substitutionPolicy ?? worker.config.substitutionPolicy,
    }
    log.info({ model: request.modelPath, version: version.number }, 'build started')
    const installationId = source.suspendedAt ? null : source.model.installationId
    const buildLog = new BuildLog(async (lines) => {
      if ((await appendLines(db, lease, lines)) === null) throw new LeaseLost('the log was refused')
      if (lines.some((line) => line.step.startsWith('build:') && line.stream !== 'note')) failPoint('build:middle')
    }, build.target)
    const context = makeContext(worker, { request, lease, log: buildLog, signal: keeper.signal })
    context.fetchSource = async (commit) => {
      if (!installationId)
        throw new PublisherError(
          'source/no-installation',
          'The GitHub App may not see the repository (removed or suspended); give it access on GitHub and rebuild.',
          { step: 'fetch' },
        )
      const archive = await openArchive(
        worker.github,
        { installationId, repositoryId: source.model.githubRepositoryId, commit },
        keeper.signal,
      )
      failPoint('fetch:middle')
      return unpackSource(archive, scratch.dir)
    }
    const outcome = await runBuild(context, request)
    await publish(worker, { lease, request, outcome, log: buildLog, context })
    log.info({ outcome: outcome.kind }, 'build ended')
  } catch (error) {
    await recordFailure(worker, lease, build.epoch, keeper.signal, error)
    log.info(
      error instanceof PublisherError
        ? { code: error.code }
        : keeper.signal.aborted
          ? { why: String(keeper.signal.reason?.message ?? keeper.signal.reason) }
          : described(error),
      'build ended without an image',
    )
  } finally {
    keeper.stop()
    worker.cancellations.delete(onCancel)
    await scratch.remove()
    // Not awaited: a busy engine takes minutes to remove an image, and this worker's place is for the next build. What
    // is left when the process ends is the reaper's.
    worker.releaseImages({ buildId: build.id, epoch: build.epoch, target: build.target }).catch((error) => {
      log.warn(described(error), 'the passing name of an image stays for the reaper')
    })
  }
}

function makeContext(
  worker: WorkerContext,
  own: { request: BuildRequest; lease: Lease; log: BuildLog; signal: AbortSignal },
): BuildContext {
  const { db } = worker.database
  const { request, lease, log } = own
  const held = (written: boolean) => {
    if (!written) throw new LeaseLost('a write was refused')
  }
  return {
    log,
    signal: own.signal,
    async step(name, work) {
      own.signal.throwIfAborted()
      held(await startStep(db, lease, name))
      failPoint(`${name}:start`)
      const started = performance.now()
      try {
        const result = await work()
        failPoint(`${name}:end`)
        await log.endStep(name)
        await endStep(db, lease, name, { state: 'done', durationMs: Math.round(performance.now() - started) })
        return result
      } catch (error) {
        await log.endStep(name).catch(() => undefined)
        const place = error instanceof BuildError ? error.place : {}
        await endStep(db, lease, name, {
          state: own.signal.aborted ? 'cancelled' : 'failed',
          durationMs: Math.round(performance.now() - started),
          exitCode: place.exitCode ?? null,
          outOfMemory: place.outOfMemory ?? false,
        }).catch(() => undefined)
        throw error
      }
    },
    async stepStarted(name, command) {
      held(await startStep(db, lease, name, command))
      failPoint('build:start')
    },
    async stepEnded(name, end) {
      failPoint('build:end')
      await log.endStep(name)
      held(
        await endStep(db, lease, name, {
          state: end.exitCode === 0 ? 'done' : 'failed',
          durationMs: end.durationMs,
          exitCode: end.exitCode,
          outOfMemory: end.outOfMemory,
          reused: end.cached,
        }),
      )
    },
    fetchSource: () => Promise.reject(new Error('set by the job')),
    async parseConfig(bytes, policy) {
      const parsed = await worker.parseConfig(bytes, { catalogue: worker.catalogue, policy })
      failPoint('config:middle')
      return parsed
    },
    catalogue: worker.catalogue,
    ensureBase: (entry, onProgress) => worker.ensureBase(entry, onProgress, own.signal),
    driver: worker.driver,
    limits: { ...worker.config.limits, seconds: worker.config.limits.seconds[request.target] },
    egress: worker.config.egress,
    readSubstitutionRecord: (imageId) => worker.readSubstitutionRecord(imageId, lease, own.signal),
    inspectImage: (imageId) => worker.inspectImage(imageId, lease, own.signal),
    async pushImage(imageId) {
      // The tag is one for all who ever held this build. A worker that stood still until its lease ran out, and goes on
      // here, would move it off the published image before its next heartbeat.
      held((await heartbeat(db, lease, worker.config.recovery.leaseSeconds)) !== null)
      return worker.pushImage(imageId, request, own.signal)
    },
    async recordSource(found) {
      await recordSource(db, request.versionId, {
        config: found.config,
        warnings: found.warnings.map((w) => ({ code: w.code, sentence: w.sentence, line: w.line })),
        readme: found.readme,
        licence: found.licence,
        citation: found.citation,
        files: found.files,
      })
    },
    async recordBase(found) {
      failPoint('base:middle')
      held(
        await recordBase(db, lease, {
          base: { entry: found.entry.id, imageId: found.imageId, python: found.entry.python, cuda: found.entry.cuda },
          substitutions: found.substitutions,
          dockerfile: found.dockerfile,
        }),
      )
    },
  }
}

/** The last step: one transaction makes the build ready and moves the pointers. */
async function publish(
  worker: WorkerContext,
  done: { lease: Lease; request: BuildRequest; outcome: BuildOutcome; log: BuildLog; context: BuildContext },
): Promise<void> {
  const { db } = worker.database
  const { lease, request, outcome } = done
  if (outcome.kind === 'target-off') {
    await done.log.flush()
    if (!(await endSkippedBuild(worker, lease, request, lease.epoch > retrySeconds.length)))
      throw new LeaseLost('switching the target off was refused')
    return
  }
  const { image, sizeBytes, manifest, substitutions, layers } = outcome
  if (!(await startStep(db, lease, 'publish'))) throw new LeaseLost('publishing was refused')
  failPoint('publish:start')
  await done.log.note(
    'publish',
    `The ${request.target.toUpperCase()} image of version ${request.versionNumber} is ready.`,
  )
  failPoint('publish:middle')
  await done.log.endStep('publish')
  failPoint('publish:end')
  const record = {
    imageRepository: image.repository,
    imageTag: image.tag,
    imageDigest: image.digest,
    imagePushed: image.pushed,
    sizeBytes,
    manifest,
    substitutions,
    layers,
  }
  const published = await publishBuild(db, lease, record, () => failPoint('before-publish-commit'))
  if (!published) throw new LeaseLost('publishing was refused')
  failPoint('after-publish-commit')
}

/** Writes how a build ended without an image. A build that another worker holds by now is left alone. */
async function recordFailure(
  worker: WorkerContext,
  lease: Lease,
  starts: number,
  signal: AbortSignal,
  thrown: unknown,
): Promise<void> {
  const { db } = worker.database
  const error = signal.aborted ? signal.reason : thrown
  if (error instanceof LeaseLost) return
  if (error instanceof Cancelled) return void (await failBuild(db, lease, 'cancelled', failureOf(error, 'publisher')))
  if (error instanceof TimedOut) return void (await failBuild(db, lease, 'timed_out', failureOf(error, 'publisher')))
  if (error instanceof PublisherError) return void (await failBuild(db, lease, 'failed', failureOf(error, 'publisher')))
  if (signal.aborted) {
    // This worker is stopping: another takes the build up again at once.
    const failure = failureOf(
      new PlatformError('build/worker-stopped', 'The worker was stopped; the build starts again.'),
      'platform',
    )
    return void (await retryBuild(db, lease, failure, 0))
  }
  worker.log.error({ build: lease.buildId, ...described(error) }, 'a build failed on our side')
  const known =
    error instanceof PlatformError
      ? error
      : new PlatformError(
          'build/internal',
          'Something on our side failed; the operator’s log says what.',
          {},
          { cause: error },
        )
  const failure = failureOf(known, 'platform')
  const delay = retrySeconds[starts - 1]
  if (delay !== undefined) await retryBuild(db, lease, failure, delay)
  else await failBuild(db, lease, 'failed', failure)
}

function failureOf(error: BuildError, fault: Failure['fault']): Failure {
  return {
    code: error.code,
    fault,
    sentence: error.sentence.slice(0, 2000),
    step: error.place.step ?? null,
    file: error.place.file ?? null,
    line: error.place.line ?? null,
    exitCode: error.place.exitCode ?? null,
    outOfMemory: error.place.outOfMemory ?? false,
    also: (error.place.also ?? []).slice(0, 200),
  }
}
