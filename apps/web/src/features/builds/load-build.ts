import { findBuildOf, listSteps, readLines, type Step } from '@modelport/db/queries/builds'
import { listAttempts, newestVersion, stepLines } from '@modelport/db/queries/pages'
import { type Build, queuePlace, type Version } from '@modelport/db/queries/versions'
import { isFinalBuildState } from '@modelport/schema/states'
import { type Target, targets } from '@modelport/schema/words'
import { notFound, redirect } from 'next/navigation'
import { context } from '#src/context.ts'
import { type JsonLine, jsonLine } from '#src/features/builds/log-response.ts'
import { loadModelView, type ModelView } from '#src/features/models/load-model-view.ts'

export interface BuildView {
  view: ModelView
  version: Version
  /** The newest attempt of each target, CPU first. */
  current: Build[]
  attempts: Build[]
  build: Build
  steps: Step[]
  /** Which lines each step printed. */
  ranges: { epoch: number; step: string; first: number; last: number }[]
  /** The lines that the page comes with; the rest follows when it is looked at. */
  lines: JsonLine[]
  failedLine: number | null
  /** Builds that wait before this one; null when it does not wait. */
  ahead: number | null
}

/** A log up to this length comes whole with the page. */
const wholeLog = 2000

export async function loadBuild(
  params: Promise<{ owner: string; model: string }>,
  search: { target?: string; attempt?: string },
): Promise<BuildView> {
  const query = search.target ? `?target=${encodeURIComponent(search.target)}` : ''
  const view = await loadModelView(params, { action: 'see-logs' })
  const { db } = context()
  if (!view.pinned) {
    const newest = await newestVersion(db, view.model.id)
    if (!newest) notFound()
    redirect(`${view.path}@${newest.number}/build${query}`)
  }
  const version = view.version!
  const current = view.builds
  const target = targets.find((t) => t === search.target) ?? interesting(current)
  const attempt = /^[1-9]\d{0,5}$/.test(search.attempt ?? '') ? Number(search.attempt) : undefined
  const build = target ? await findBuildOf(db, version.id, target, attempt) : null
  if (!build) notFound()
  const [steps, ranges, attempts] = await Promise.all([
    listSteps(db, build.id),
    stepLines(db, build.id),
    listAttempts(db, version.id),
  ])
  const fromEnd = build.state !== 'ready' && build.lineCount > wholeLog
  const lines = await readLines(db, build.id, {
    after: fromEnd ? Math.floor((build.lineCount - 1000) / 1000) * 1000 : 0,
    limit: wholeLog,
  })
  return {
    view,
    version,
    current,
    attempts: attempts.filter((a) => a.target === build.target),
    build,
    steps: steps.filter((step) => step.epoch === build.epoch || !isFinalBuildState(build.state)),
    ranges,
    lines: lines.map(jsonLine),
    failedLine: await findFailedLine(build, ranges),
    ahead: build.state === 'queued' ? await queuePlace(db, build) : null,
  }
}

/** The target that a visitor without a choice wants to see: one that failed, else one that runs, else the first. */
function interesting(builds: Build[]): Target | null {
  const pick =
    builds.find((b) => b.state === 'failed' || b.state === 'timed_out') ??
    builds.find((b) => b.state === 'running') ??
    builds[0]
  return pick?.target ?? null
}

const errorWords =
  /(?:^|[\s:[])(?:error|fatal|traceback|exception|e:)(?:[\s:\]!]|$)|\b\w+Error:|command not found|no such file|permission denied|killed/i

/** The first line of the failed step's end that reads like an error, else its last line. */
async function findFailedLine(build: Build, ranges: BuildView['ranges']): Promise<number | null> {
  if (build.state !== 'failed' && build.state !== 'timed_out') return null
  const range = ranges.filter((r) => r.step === build.failure?.step).pop() ?? ranges[ranges.length - 1]
  if (!range) return null
  const tail = await readLines(context().db, build.id, {
    after: Math.max(range.first - 1, range.last - 300),
    limit: 300,
  })
  const own = tail.filter((line) => line.step === range.step)
  return (own.find((line) => errorWords.test(line.text)) ?? own[own.length - 1])?.number ?? null
}
