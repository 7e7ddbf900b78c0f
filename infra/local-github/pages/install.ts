import { levelOf } from '../accounts.ts'
import { type Context, fullName } from '../context.ts'
import { installationOf } from '../events.ts'
import { HttpError, type Request, type Router, readForm, redirect } from '../http.ts'
import { installOn, uninstallFrom } from '../installations.ts'
import type { Account, Repository } from '../store.ts'
import { html } from './html.ts'
import { checkedForm, layout, sendPage, sessionOf } from './layout.ts'

/** Where a person chooses the repositories that the app may see; the app's own pages link here. */
export function installPages(router: Router<Context>): void {
  // The first is github.com's address, the second an Enterprise Server's, the third where a change of mind leads.
  for (const path of [
    '/apps/:slug/installations/new',
    '/github-apps/:slug/installations/new',
    '/settings/installations/:id',
  ]) {
    router.on('GET', path, choose)
    router.on('POST', path, install)
  }
}

function administeredBy(ctx: Context, person: Account): Repository[] {
  return ctx.store.repositories
    .all()
    .filter((repository) => repository.announced && levelOf(ctx, person, repository) === 'admin')
    .sort((a, b) => fullName(ctx, a).localeCompare(fullName(ctx, b)))
}

function check(ctx: Context, request: Request): void {
  const { slug, id } = request.params
  if (slug !== undefined && slug !== ctx.config.appSlug) throw new HttpError(404, 'There is no such app.')
  if (id !== undefined && !ctx.store.installations.get(Number(id))) {
    throw new HttpError(404, 'There is no such installation.')
  }
}

function choose(ctx: Context, request: Request): void {
  check(ctx, request)
  const session = sessionOf(ctx, request)
  const slug = ctx.config.appSlug
  const here = request.url.pathname + request.url.search
  if (!session.account) {
    redirect(request, `/login?return_to=${encodeURIComponent(here)}`)
    return
  }
  const repositories = administeredBy(ctx, session.account)
  const page = html`
    <h1>Repositories for ${slug}</h1>
    <p>${slug} reads the files of the repositories that you choose, and reports on their commits. You administer these as
      <strong>${session.account.login}</strong>; a repository that you push for the first time is chosen by itself.</p>
    ${
      repositories.length === 0
        ? html`<p class="dim">You have no repositories yet.</p>`
        : html`<form method="post" action="${here}">
      <input type="hidden" name="csrf" value="${session.csrf}">
      <fieldset><legend>Repositories</legend>
      ${repositories.map(
        (repository) => html`<label class="choice"><input type="checkbox" name="repository" value="${repository.id}"
          ${installationOf(ctx, repository) && html`checked`}> ${fullName(ctx, repository)} ${repository.private && html`<span class="tag">private</span>`}</label>`,
      )}
      </fieldset>
      <p><button class="primary">Save</button></p>
    </form>`
    }`
  sendPage(
    request,
    200,
    layout(ctx, session, `Repositories for ${slug}`, page),
    ctx.config.setupUrl ? new URL(ctx.config.setupUrl).origin : '',
  )
}

async function install(ctx: Context, request: Request): Promise<void> {
  check(ctx, request)
  const session = sessionOf(ctx, request)
  const form = checkedForm(session, await readForm(request))
  const person = session.account
  if (!person) throw new HttpError(403, 'Sign in first.')
  const chosen = new Set(form.getAll('repository').map(Number))
  const before = ctx.store.installations.size
  const touched: number[] = []
  for (const repository of administeredBy(ctx, person)) {
    const installed = installationOf(ctx, repository)
    if (chosen.has(repository.id) === Boolean(installed)) continue
    if (installed) {
      touched.push(installed.id)
      uninstallFrom(ctx, repository, person)
    } else {
      touched.push(installOn(ctx, repository, person).id)
    }
  }
  if (!ctx.config.setupUrl) return redirect(request, request.url.pathname)
  const back = new URL(ctx.config.setupUrl)
  const id = touched[0] ?? ctx.store.installations.by('account', person.id)[0]?.id
  if (id !== undefined) back.searchParams.set('installation_id', String(id))
  back.searchParams.set('setup_action', ctx.store.installations.size > before ? 'install' : 'update')
  const state = request.url.searchParams.get('state')
  if (state !== null) back.searchParams.set('state', state)
  redirect(request, back.href)
}
