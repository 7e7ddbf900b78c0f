import type { Build, Version } from '@modelport/db/queries/versions'
import type { Octokit } from '@octokit/rest'

/** GitHub takes at most this many annotations in one request, and this many characters of text. */
const maxAnnotations = 50
const maxText = 65_535

export interface Annotation {
  path: string
  start_line: number
  end_line: number
  annotation_level: 'failure' | 'warning' | 'notice'
  message: string
  title?: string
}

/** What a check run says of a build, as plain values. */
export interface CheckRunReport {
  name: string
  status: 'queued' | 'in_progress' | 'completed'
  conclusion: 'success' | 'failure' | 'timed_out' | 'cancelled' | 'skipped' | null
  title: string
  summary: string
  annotations: Annotation[]
}

const target = (build: Pick<Build, 'target'>) => build.target.toUpperCase()

/** Says what a build's row says: pure. `policyNote` is the sentence about the default version. */
export function describeBuild(
  version: Pick<Version, 'number' | 'warnings'>,
  build: Pick<Build, 'target' | 'state' | 'failure' | 'sizeBytes' | 'imageDigest' | 'currentStep' | 'substitutions'>,
): CheckRunReport {
  const name = `runway / ${build.target}`
  const warnings: Annotation[] = [
    ...version.warnings
      .filter((w) => w.line !== null)
      .map((w) => annotation('runway.yml', w.line!, 'warning', w.sentence, w.code)),
    ...build.substitutions
      .filter((s) => s.file !== null && s.line !== null)
      .map((s) =>
        annotation(s.file!, s.line!, 'warning', `${s.kind} ${s.wanted} → ${s.got}: ${s.why}`, 'substitution'),
      ),
  ]
  const open = (status: 'queued' | 'in_progress', title: string): CheckRunReport => ({
    name,
    status,
    conclusion: null,
    title,
    summary: title,
    annotations: [],
  })
  const closed = (
    conclusion: NonNullable<CheckRunReport['conclusion']>,
    title: string,
    summary = title,
  ): CheckRunReport => ({
    name,
    status: 'completed',
    conclusion,
    title: title.slice(0, 255),
    summary: summary.slice(0, maxText),
    annotations: warnings,
  })
  switch (build.state) {
    case 'queued':
      return open('queued', `Version ${version.number} waits for a worker`)
    case 'running':
      return open('in_progress', `Version ${version.number} is building`)
    case 'ready':
      return closed(
        'success',
        `Version ${version.number}: the ${target(build)} image is ready`,
        `The ${target(build)} image holds ${Math.round((build.sizeBytes ?? 0) / 2 ** 20)} MB.\n\nDigest: \`${build.imageDigest}\``,
      )
    case 'cancelled':
      return closed('cancelled', build.failure?.sentence ?? 'Cancelled.')
    case 'superseded':
      return closed('skipped', 'A newer push to the same branch took its place.')
    default: {
      const failure = build.failure
      const place = failure?.step ? ` in step ${failure.step}` : ''
      const report = closed(
        build.state === 'timed_out' ? 'timed_out' : 'failure',
        `Version ${version.number} failed${place}`,
        [
          failure?.sentence,
          ...(failure?.also ?? []).map((a) => `- ${a.sentence}`),
          failure && `Code: \`${failure.code}\``,
        ]
          .filter(Boolean)
          .join('\n\n'),
      )
      const found = failure
        ? [{ sentence: failure.sentence, file: failure.file, line: failure.line }, ...failure.also]
        : []
      report.annotations = [
        ...found
          .filter((f) => f.file !== null)
          .map((f) => annotation(f.file!, f.line ?? 1, 'failure', f.sentence, failure!.code)),
        ...warnings,
      ]
      return report
    }
  }
}

/** Says of a target that `runway.yml` switches off that it is not built. */
export function describeSkipped(target: Build['target']): CheckRunReport {
  return {
    name: `runway / ${target}`,
    status: 'completed',
    conclusion: 'skipped',
    title: 'Not built',
    summary: `\`runway.yml\` switches the ${target.toUpperCase()} target off.`,
    annotations: [],
  }
}

function annotation(
  path: string,
  line: number,
  level: Annotation['annotation_level'],
  message: string,
  title: string,
): Annotation {
  return {
    path,
    start_line: line,
    end_line: line,
    annotation_level: level,
    message: message.slice(0, 60_000),
    title: title.slice(0, 255),
  }
}

/**
 * Makes GitHub's check run equal to a report and returns its id. The run is found by its external id when an earlier
 * try made it and could not say so, so a crash between the two makes no second one.
 */
export async function writeCheckRun(
  octokit: Octokit,
  where: {
    owner: string
    repo: string
    commit: string
    externalId: string
    checkRunId: number | null
    detailsUrl: string
  },
  report: CheckRunReport,
): Promise<number> {
  const { owner, repo } = where
  const { annotations } = report
  const body = {
    owner,
    repo,
    name: report.name,
    details_url: where.detailsUrl,
    external_id: where.externalId,
    ...(report.conclusion ? { conclusion: report.conclusion } : { status: report.status }),
    output: { title: report.title, summary: report.summary, annotations: annotations.slice(0, maxAnnotations) },
  }
  const known = where.checkRunId ?? (await findCheckRun(octokit, where, report.name))
  const id = known
    ? (await octokit.rest.checks.update({ ...body, check_run_id: known })).data.id
    : (await octokit.rest.checks.create({ ...body, head_sha: where.commit })).data.id
  for (let from = maxAnnotations; from < annotations.length; from += maxAnnotations) {
    const output = {
      title: report.title,
      summary: report.summary,
      annotations: annotations.slice(from, from + maxAnnotations),
    }
    await octokit.rest.checks.update({ owner, repo, check_run_id: id, output })
  }
  return id
}

async function findCheckRun(
  octokit: Octokit,
  where: { owner: string; repo: string; commit: string; externalId: string },
  name: string,
): Promise<number | null> {
  const { data } = await octokit.rest.checks.listForRef({
    owner: where.owner,
    repo: where.repo,
    ref: where.commit,
    check_name: name,
    filter: 'all',
    per_page: 100,
  })
  return data.check_runs.find((run) => run.external_id === where.externalId)?.id ?? null
}
