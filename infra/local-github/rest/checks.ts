import { z } from 'zod'
import {
  botOf,
  type CheckChange,
  createCheckRun,
  rerequestCheckRun,
  rerequestCheckSuite,
  updateCheckRun,
} from '../checks.ts'
import { fullName, gitDir } from '../context.ts'
import { readCommit } from '../git.ts'
import { HttpError, page, type Request, type Router, readJson, sendJson } from '../http.ts'
import { checkRunShape, checkSuiteShape, latestRuns, minimalRepository, simpleCommit } from '../shapes.ts'
import type { CheckRun, CheckSuite, Repository } from '../store.ts'
import { type Api, commitOf, idOf, notFound, onlyInstallation, repositoryOf } from './api.ts'

const MAX_ANNOTATIONS = 50
const longText = z.string().max(65_535)
const time = z.iso.datetime({ offset: true })

const annotation = z
  .object({
    path: z.string().min(1),
    start_line: z.number().int().min(0),
    end_line: z.number().int().min(0),
    start_column: z.number().int().nullish(),
    end_column: z.number().int().nullish(),
    annotation_level: z.enum(['notice', 'warning', 'failure']),
    message: z.string().min(1).max(65_536),
    title: z.string().max(255).nullish(),
    raw_details: z.string().max(65_536).nullish(),
  })
  .refine((a) => a.end_line >= a.start_line, 'end_line is before start_line')
  .refine((a) => a.start_line === a.end_line || (a.start_column == null && a.end_column == null), {
    message: 'columns are for annotations of one line only',
  })
  .transform((a) => ({
    ...a,
    start_column: a.start_column ?? null,
    end_column: a.end_column ?? null,
    title: a.title ?? null,
    raw_details: a.raw_details ?? null,
  }))

const conclusion = z.enum(['action_required', 'cancelled', 'failure', 'neutral', 'success', 'skipped', 'timed_out'])
const output = z.object({
  title: z.string().optional(),
  summary: longText.optional(),
  text: longText.nullish(),
  annotations: z.array(annotation).max(MAX_ANNOTATIONS, 'No more than 50 annotations per request').optional(),
  images: z.array(z.unknown()).optional(),
})
const fields = {
  details_url: z.url({ protocol: /^https?$/ }).nullish(),
  external_id: z.string().max(1024).nullish(),
  status: z.enum(['queued', 'in_progress', 'completed']).optional(),
  conclusion: conclusion.nullish(),
  started_at: time.optional(),
  completed_at: time.nullish(),
  output: output.optional(),
  actions: z
    .array(z.object({ label: z.string().max(20), description: z.string().max(40), identifier: z.string().max(20) }))
    .max(3)
    .optional(),
}
const needsConclusion = (run: { status?: string; conclusion?: string | null }) =>
  run.status !== 'completed' || Boolean(run.conclusion)
const creation = z
  .object({ ...fields, name: z.string().min(1).max(255), head_sha: z.string() })
  .refine(needsConclusion, { message: 'conclusion is required when status is completed', path: ['conclusion'] })
const update = z.object({ ...fields, name: z.string().min(1).max(255).optional() })

/** Check runs and suites: only the app writes them, and anyone who may read the repository reads them. */
export function checkRoutes(router: Router<Api>): void {
  const runs = '/repos/:owner/:repo/check-runs'
  const suites = '/repos/:owner/:repo/check-suites'

  router.on('POST', runs, async (api, request) => {
    const repository = repositoryOf(api, request)
    onlyInstallation(api, repository, 'checks', 'write')
    const wanted = await readJson(request, creation)
    if (!/^[0-9a-f]{40}$/.test(wanted.head_sha)) throw new HttpError(422, `No commit found for SHA: ${wanted.head_sha}`)
    const sha = await commitOf(api, repository, wanted.head_sha)
    const run = createCheckRun(api.ctx, repository, sha, { ...changeOf(wanted), name: wanted.name })
    sendJson(request, 201, checkRunShape(api.ctx, run))
  })

  router.on('GET', `${runs}/:id`, (api, request) => {
    const repository = repositoryOf(api, request)
    sendJson(request, 200, checkRunShape(api.ctx, runOf(api, request, repository)))
  })

  router.on('PATCH', `${runs}/:id`, async (api, request) => {
    const repository = repositoryOf(api, request)
    onlyInstallation(api, repository, 'checks', 'write')
    const run = runOf(api, request, repository)
    const wanted = await readJson(request, update)
    if (wanted.status === 'completed' && !wanted.conclusion && !run.conclusion) {
      throw new HttpError(422, 'conclusion is required when status is completed')
    }
    sendJson(request, 200, checkRunShape(api.ctx, updateCheckRun(api.ctx, repository, run, changeOf(wanted))))
  })

  router.on('GET', `${runs}/:id/annotations`, (api, request) => {
    const repository = repositoryOf(api, request)
    const run = runOf(api, request, repository)
    const blob = `${api.ctx.url}/${fullName(api.ctx, repository)}/blob/${run.headSha}/`
    sendJson(
      request,
      200,
      page(request, run.annotations).map((a) => ({
        ...a,
        blob_href: `${blob}${a.path.split('/').map(encodeURIComponent).join('/')}`,
      })),
    )
  })

  router.on('POST', `${runs}/:id/rerequest`, (api, request) => {
    const repository = repositoryOf(api, request)
    const person = rerequester(api, repository)
    rerequestCheckRun(api.ctx, repository, runOf(api, request, repository), person)
    sendJson(request, 201, {})
  })

  router.on('GET', `${suites}/:id`, async (api, request) => {
    const repository = repositoryOf(api, request)
    sendJson(request, 200, await fullSuite(api, repository, suiteOf(api, request, repository)))
  })

  router.on('GET', `${suites}/:id/check-runs`, (api, request) => {
    const repository = repositoryOf(api, request)
    sendRuns(api, request, api.ctx.store.checkRuns.by('suite', suiteOf(api, request, repository).id))
  })

  router.on('POST', `${suites}/:id/rerequest`, (api, request) => {
    const repository = repositoryOf(api, request)
    const person = rerequester(api, repository)
    rerequestCheckSuite(api.ctx, repository, suiteOf(api, request, repository), person)
    sendJson(request, 201, {})
  })

  router.on('GET', '/repos/:owner/:repo/commits/*ref/check-runs', async (api, request) => {
    const repository = repositoryOf(api, request)
    const sha = await commitOf(api, repository, request.params.ref!)
    sendRuns(api, request, api.ctx.store.checkRuns.by('commit', `${repository.id}@${sha}`))
  })

  router.on('GET', '/repos/:owner/:repo/commits/*ref/check-suites', async (api, request) => {
    const repository = repositoryOf(api, request)
    const sha = await commitOf(api, repository, request.params.ref!)
    const found = api.ctx.store.checkSuites.by('commit', `${repository.id}@${sha}`)
    const shown = page(request, found)
    sendJson(request, 200, {
      total_count: found.length,
      check_suites: await Promise.all(shown.map((suite) => fullSuite(api, repository, suite))),
    })
  })
}

function changeOf(wanted: z.output<typeof update>): CheckChange {
  return {
    name: wanted.name,
    status: wanted.status,
    conclusion: wanted.conclusion,
    detailsUrl: wanted.details_url,
    externalId: wanted.external_id,
    startedAt: wanted.started_at,
    completedAt: wanted.completed_at,
    output: wanted.output,
    actions: wanted.actions,
  }
}

function sendRuns(api: Api, request: Request, all: CheckRun[]): void {
  const query = request.url.searchParams
  const chosen = (query.get('filter') === 'all' ? [...all].sort((a, b) => b.id - a.id) : latestRuns(all)).filter(
    (run) =>
      (!query.has('check_name') || run.name === query.get('check_name')) &&
      (!query.has('status') || run.status === query.get('status')) &&
      (!query.has('app_id') || query.get('app_id') === String(api.ctx.config.appId)),
  )
  sendJson(request, 200, {
    total_count: chosen.length,
    check_runs: page(request, chosen).map((run) => checkRunShape(api.ctx, run)),
  })
}

async function fullSuite(api: Api, repository: Repository, suite: CheckSuite) {
  const commit = await readCommit(gitDir(api.ctx, repository), suite.headSha)
  return {
    ...checkSuiteShape(api.ctx, suite),
    head_commit: simpleCommit(commit!),
    repository: minimalRepository(api.ctx, repository),
  }
}

function runOf(api: Api, request: Request, repository: Repository): CheckRun {
  const run = api.ctx.store.checkRuns.get(idOf(request, 'id'))
  if (run?.repositoryId !== repository.id) throw notFound()
  return run
}

function suiteOf(api: Api, request: Request, repository: Repository): CheckSuite {
  const suite = api.ctx.store.checkSuites.get(idOf(request, 'id'))
  if (suite?.repositoryId !== repository.id) throw notFound()
  return suite
}

// The app asks with its token; a person who may push has the button, and here the same call.
function rerequester(api: Api, repository: Repository) {
  if (api.caller.kind === 'person') return api.caller.account
  onlyInstallation(api, repository, 'checks', 'write')
  return botOf(api.ctx)
}
