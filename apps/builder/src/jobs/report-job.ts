import { findBuild, type Lease, recordReport, reportedAs, switchTargetOff } from '@modelport/db/queries/builds'
import { loadModelSource } from '@modelport/db/queries/models'
import { withReportLock } from '@modelport/db/queries/report-lock'
import { findVersionById } from '@modelport/db/queries/versions'
import type { BuildRequest } from '../build/run-build.ts'
import type { WorkerContext } from '../context.ts'
import { failPoint } from '../fail-point.ts'
import { githubStatus } from '../github/github-client.ts'
import { describeBuild, describeSkipped, writeCheckRun } from '../github/report-build.ts'
import { described } from '../log.ts'

/** Makes GitHub's check run equal to a build's row as it is now. Reporting twice changes nothing. */
export async function runReportJob(worker: WorkerContext, buildId: string): Promise<void> {
  const { db } = worker.database
  // One report of a build at a time: two would make two check runs.
  await withReportLock(worker.database, buildId, async (held) => {
    const build = await findBuild(db, buildId)
    const version = build && (await findVersionById(db, build.versionId))
    const source = version && (await loadModelSource(db, version.modelId))
    if (!build || !version || !source?.model.installationId || source.suspendedAt) return
    const reported = reportedAs(build)
    if (build.checkReported === reported) return
    failPoint('before-report')
    await held()
    const octokit = worker.github.installation(source.model.installationId)
    const where = {
      owner: source.owner,
      repo: source.model.name,
      commit: version.commit,
      externalId: build.id,
      checkRunId: build.checkRunId,
      detailsUrl: buildUrl(worker.config.siteUrl, `${source.owner}/${source.model.name}`, version.number, build.target),
    }
    try {
      const id = await writeCheckRun(octokit, where, describeBuild(version, build))
      failPoint('after-report-call')
      // Whoever took the build from this worker, while it stood still in the middle of the call, has found its target
      // switched off: the row is gone, and nobody would close the check run that was just made.
      if (!(await recordReport(db, build.id, id, reported)))
        await writeCheckRun(octokit, { ...where, checkRunId: id }, describeSkipped(build.target))
    } catch (error) {
      // The repository is gone, or the app may not write to it any more: there is nobody to tell.
      const status = githubStatus(error)
      if (isRefusal(status)) {
        worker.log.warn({ build: buildId, status }, 'GitHub does not take the report')
        await recordReport(db, build.id, null, reported)
        return
      }
      throw error
    }
  })
}

/**
 * The model config switches a target off: its check run says so and is closed, and then the build goes. Under the lock of
 * its reports and in this order, because without the row nobody would find a check run that stayed open. Throws when
 * GitHub does not answer, unless this is the `last` try. False when the lease is lost.
 */
export async function endSkippedBuild(
  worker: WorkerContext,
  lease: Lease,
  request: BuildRequest,
  last: boolean,
): Promise<boolean> {
  const { db } = worker.database
  let gone = false
  await withReportLock(worker.database, lease.buildId, async (held) => {
    const build = await findBuild(db, lease.buildId)
    if (build?.epoch !== lease.epoch) return
    await held()
    try {
      await closeSkippedCheck(worker, request, build.checkRunId)
    } catch (error) {
      if (!last && !isRefusal(githubStatus(error))) throw error
      worker.log.warn({ build: build.id, ...described(error) }, 'a check run stays open')
    }
    gone = (await switchTargetOff(db, lease)) !== undefined
  })
  return gone
}

async function closeSkippedCheck(
  worker: WorkerContext,
  request: BuildRequest,
  checkRunId: number | null,
): Promise<void> {
  const source = await loadModelSource(worker.database.db, request.modelId)
  if (!source?.model.installationId) return
  await writeCheckRun(
    worker.github.installation(source.model.installationId),
    {
      owner: source.owner,
      repo: source.model.name,
      commit: request.commit,
      externalId: request.buildId,
      checkRunId,
      detailsUrl: buildUrl(worker.config.siteUrl, request.modelPath, request.versionNumber, request.target),
    },
    describeSkipped(request.target),
  )
}

/** The repository is gone, or the app may not write to it: asking again would not help. */
const isRefusal = (status: number | null) => status !== null && [403, 404, 410, 422].includes(status)

function buildUrl(siteUrl: string, path: string, version: number, target: string): string {
  return `${siteUrl}/${path.toLowerCase()}@${version}/build?target=${target}`
}
