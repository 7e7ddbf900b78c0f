import { atLeast, levelOf } from '../accounts.ts'
import { rerequestCheckRun, rerequestCheckSuite } from '../checks.ts'
import { type Context, fullName, gitDir } from '../context.ts'
import { readChanges, readCommit, resolveCommit } from '../git.ts'
import { HttpError, type Request, type Router, readForm, redirect } from '../http.ts'
import { latestRuns } from '../shapes.ts'
import type { CheckRun, Repository } from '../store.ts'
import { repositoryOfPage } from './find.ts'
import { html } from './html.ts'
import { checkedForm, layout, type Session, sendPage, sessionOf } from './layout.ts'

const SHOWN_CHANGES = 500

/** A commit with its checks, and one check run with its annotations. */
export function checkPages(router: Router<Context>): void {
  router.on('GET', '/:owner/:repo/commit/:sha', commitPage)
  router.on('GET', '/:owner/:repo/runs/:id', runPage)
  router.on('POST', '/:owner/:repo/runs/:id/rerequest', async (ctx, request) => {
    const { repository, session } = await writer(ctx, request)
    const run = runOf(ctx, request, repository)
    rerequestCheckRun(ctx, repository, run, session.account!)
    redirect(request, `/${fullName(ctx, repository)}/runs/${run.id}`)
  })
  router.on('POST', '/:owner/:repo/suites/:id/rerequest', async (ctx, request) => {
    const { repository, session } = await writer(ctx, request)
    const suite = ctx.store.checkSuites.get(Number(request.params.id))
    if (suite?.repositoryId !== repository.id) throw new HttpError(404, 'There is no such check suite.')
    rerequestCheckSuite(ctx, repository, suite, session.account!)
    redirect(request, `/${fullName(ctx, repository)}/commit/${suite.headSha}`)
  })
}

async function writer(ctx: Context, request: Request): Promise<{ repository: Repository; session: Session }> {
  const session = sessionOf(ctx, request)
  checkedForm(session, await readForm(request))
  const repository = repositoryOfPage(ctx, request, session)
  if (!atLeast(levelOf(ctx, session.account, repository), 'write')) {
    throw new HttpError(403, 'Only those who may push can ask for another run. Sign in as one.')
  }
  return { repository, session }
}

function runOf(ctx: Context, request: Request, repository: Repository): CheckRun {
  const run = ctx.store.checkRuns.get(Number(request.params.id))
  if (run?.repositoryId !== repository.id) throw new HttpError(404, 'There is no such check run.')
  return run
}

function outcome(run: CheckRun) {
  const words = run.status === 'completed' ? (run.conclusion ?? 'completed') : run.status.replace('_', ' ')
  const tone =
    run.status !== 'completed'
      ? 'wait'
      : run.conclusion === 'success'
        ? 'good'
        : run.conclusion === 'failure' || run.conclusion === 'timed_out'
          ? 'bad'
          : 'dim'
  const sign = { good: '✓', bad: '✕', wait: '…', dim: '–' }[tone]
  return html`<span class="${tone}"><span aria-hidden="true">${sign}</span> ${words.replace('_', ' ')}</span>`
}

async function commitPage(ctx: Context, request: Request): Promise<void> {
  const session = sessionOf(ctx, request)
  const repository = repositoryOfPage(ctx, request, session)
  const name = fullName(ctx, repository)
  const dir = gitDir(ctx, repository)
  const sha = await resolveCommit(dir, request.params.sha!)
  const commit = sha && (await readCommit(dir, sha))
  if (!commit) throw new HttpError(404, 'There is no such commit.')
  const changes = await readChanges(dir, commit.parents[0] ?? null, commit.sha)
  const suite = ctx.store.checkSuites.by('commit', `${repository.id}@${commit.sha}`)[0]
  const runs = latestRuns(ctx.store.checkRuns.by('commit', `${repository.id}@${commit.sha}`))
  const [subject, ...rest] = commit.message.split('\n')
  const mayWrite = atLeast(levelOf(ctx, session.account, repository), 'write')
  sendPage(
    request,
    200,
    layout(
      ctx,
      session,
      `${subject} · ${name}`,
      html`
    <h1>${subject || '(no message)'}</h1>
    ${rest.join('\n').trim() && html`<pre class="wrap">${rest.join('\n').trim()}</pre>`}
    <p class="dim">${commit.author.name}, ${commit.author.date}, in <a href="/${name}">${name}</a> · <code>${commit.sha}</code></p>
    ${commit.parents.length > 0 && html`<p class="dim">Parent ${commit.parents.map((parent) => html`<a href="/${name}/commit/${parent}"><code>${parent.slice(0, 7)}</code></a> `)}</p>`}
    <h2>Checks</h2>
    ${runs.length === 0 ? html`<p class="dim">None yet.</p>` : html`<ul class="list">${runs.map((run) => html`<li><a href="/${name}/runs/${run.id}">${run.name}</a> ${outcome(run)} <div>${run.title}</div></li>`)}</ul>`}
    ${suite && mayWrite && html`<form method="post" action="/${name}/suites/${suite.id}/rerequest"><input type="hidden" name="csrf" value="${session.csrf}"><p><button>Re-run all checks</button></p></form>`}
    <h2>${changes.length} changed ${changes.length === 1 ? 'file' : 'files'}</h2>
    <ul class="list">${changes.slice(0, SHOWN_CHANGES).map((change) => html`<li>${change.path} <span class="dim">${change.status}</span> <span class="good">+${change.additions}</span> <span class="bad">−${change.deletions}</span></li>`)}</ul>`,
    ),
  )
}

function runPage(ctx: Context, request: Request): void {
  const session = sessionOf(ctx, request)
  const repository = repositoryOfPage(ctx, request, session)
  const name = fullName(ctx, repository)
  const run = runOf(ctx, request, repository)
  const mayWrite = atLeast(levelOf(ctx, session.account, repository), 'write')
  const path = (text: string) => text.split('/').map(encodeURIComponent).join('/')
  const lines = (first: number, last: number) => (first === last ? `${first}` : `${first}-${last}`)
  sendPage(
    request,
    200,
    layout(
      ctx,
      session,
      `${run.name} · ${name}`,
      html`
    <h1>${run.name}: ${outcome(run)}</h1>
    <p class="dim"><a href="/${name}">${name}</a> · commit <a href="/${name}/commit/${run.headSha}"><code>${run.headSha.slice(0, 7)}</code></a>
      ${run.completedAt && html`· ended ${run.completedAt}`}</p>
    ${run.detailsUrl && html`<p><a href="${run.detailsUrl}" rel="noreferrer">Details on ${ctx.config.appSlug}</a></p>`}
    ${run.title && html`<h2>${run.title}</h2>`}
    ${run.summary && html`<pre class="wrap">${run.summary}</pre>`}
    ${run.text && html`<pre class="wrap">${run.text}</pre>`}
    ${
      run.annotations.length > 0 &&
      html`<h2>Annotations</h2>
      <ul class="list">${run.annotations.map(
        (
          a,
        ) => html`<li><strong class="${a.annotation_level === 'failure' ? 'bad' : a.annotation_level === 'warning' ? 'wait' : 'dim'}">${a.annotation_level}</strong>
        <a href="/${name}/blob/${run.headSha}/${path(a.path)}"><code>${a.path}:${lines(a.start_line, a.end_line)}</code></a> ${a.title}<div>${a.message}</div></li>`,
      )}</ul>`
    }
    ${
      mayWrite
        ? html`<form method="post" action="/${name}/runs/${run.id}/rerequest"><input type="hidden" name="csrf" value="${session.csrf}"><p><button class="primary">Re-run</button></p></form>`
        : html`<p class="dim">Sign in as someone who may push to re-run this check.</p>`
    }`,
    ),
  )
}
