import { ensureUser, findAccount, levelOf } from '../accounts.ts'
import { type Context, fullName } from '../context.ts'
import { HttpError, type Request, Router, readForm, redirect } from '../http.ts'
import { revokeAuthorization } from '../rest/app.ts'
import type { Repository } from '../store.ts'
import { appPages } from './app.ts'
import { checkPages } from './checks.ts'
import { html } from './html.ts'
import { installPages } from './install.ts'
import { checkedForm, layout, type Session, STYLE, sendPage, sessionOf, signIn, signOut } from './layout.ts'
import { manifestPages } from './manifest.ts'
import { repositoryPages } from './repository.ts'

/** All pages that people look at. */
export function pageRouter(): Router<Context> {
  const router = new Router<Context>()

  router.on('GET', '/assets/style.css', (_ctx, request) => {
    request.res.writeHead(200, { 'content-type': 'text/css; charset=utf-8', 'cache-control': 'max-age=3600' })
    request.res.end(STYLE)
  })
  // Accounts have no pictures here: one letter on a colour that belongs to the account.
  router.on('GET', '/avatars/u/:id', (ctx, request) => {
    const account = ctx.store.accounts.get(Number(request.params.id))
    const hue = ((account?.id ?? 0) * 137) % 360
    const letter = (account?.login ?? 'm').charAt(0).toUpperCase()
    request.res.writeHead(200, { 'content-type': 'image/svg+xml', 'cache-control': 'max-age=3600' })
    request.res.end(
      html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="hsl(${hue} 45% 38%)"/><text x="32" y="43" font-family="sans-serif" font-size="32" fill="#fff" text-anchor="middle">${letter}</text></svg>`
        .text,
    )
  })

  router.on('GET', '/', home)
  router.on('GET', '/login', (ctx, request) => {
    const session = sessionOf(ctx, request)
    sendPage(
      request,
      200,
      layout(
        ctx,
        session,
        'Sign in',
        html`
      <h1>Sign in</h1>
      <p>Type the name of any account; a new name makes a new account. No password is asked on this machine.</p>
      <form method="post" action="/login" class="card">
        <input type="hidden" name="csrf" value="${session.csrf}">
        <input type="hidden" name="return_to" value="${request.url.searchParams.get('return_to') ?? ''}">
        <label for="login">Account</label>
        <input id="login" name="login" value="${session.account?.login ?? ''}" required maxlength="39" autocapitalize="none" spellcheck="false" autocomplete="username">
        <div class="row"><button class="primary">Sign in</button></div>
      </form>
      ${
        session.account &&
        html`<form method="post" action="/logout"><input type="hidden" name="csrf" value="${session.csrf}"><button>Sign out</button></form>
        <form method="post" action="/settings/revoke"><input type="hidden" name="csrf" value="${session.csrf}"><button>Revoke ${ctx.config.appSlug}’s right to act for me</button></form>`
      }`,
      ),
    )
  })
  router.on('POST', '/login', async (ctx, request) => {
    const session = sessionOf(ctx, request)
    const form = checkedForm(session, await readForm(request))
    const account = ensureUser(ctx, (form.get('login') ?? '').trim())
    if (!account) throw new HttpError(422, 'This cannot be the name of a person.')
    signIn(ctx, request, session, account)
    redirect(request, ownPath(ctx, form.get('return_to')) ?? `/${account.login}`)
  })
  router.on('POST', '/logout', async (ctx, request) => {
    checkedForm(sessionOf(ctx, request), await readForm(request))
    signOut(ctx, request)
    redirect(request, '/')
  })
  router.on('POST', '/settings/revoke', async (ctx, request) => {
    const session = sessionOf(ctx, request)
    checkedForm(session, await readForm(request))
    if (session.account) revokeAuthorization(ctx, session.account)
    redirect(request, '/login')
  })

  appPages(router)
  installPages(router)
  checkPages(router)
  manifestPages(router)
  repositoryPages(router)
  router.on('GET', '/:owner', account)
  return router
}

// Only a path of ours: a sign-in that leads anywhere is a gift to those who fake pages.
function ownPath(ctx: Context, wanted: string | null): string | null {
  if (!wanted || !URL.canParse(wanted, ctx.url)) return null
  const url = new URL(wanted, ctx.url)
  return url.origin === new URL(ctx.url).origin ? url.pathname + url.search : null
}

/** Sends an error as a page. */
export function sendErrorPage(ctx: Context, request: Request, error: HttpError): void {
  const session: Session = { id: '', account: null, csrf: '' }
  const title = error.status === 404 ? 'Not found' : 'That did not work'
  sendPage(
    request,
    error.status,
    layout(ctx, session, title, html`<h1>${title}</h1><p>${error.message}</p><p><a href="/">To the start page</a></p>`),
  )
}

function home(ctx: Context, request: Request): void {
  const session = sessionOf(ctx, request)
  const visible = ctx.store.repositories
    .all()
    .filter((repository) => repository.announced && levelOf(ctx, session.account, repository) !== 'none')
    .sort((a, b) => (b.pushedAt ?? '').localeCompare(a.pushedAt ?? ''))
  const accounts = ctx.store.accounts.all().sort((a, b) => a.login.localeCompare(b.login))
  const host = new URL(ctx.url).host
  sendPage(
    request,
    200,
    layout(
      ctx,
      session,
      'Start',
      html`
    <h1>Local GitHub</h1>
    <p>Stands in for github.com on this machine: real git, the part of the API that ${ctx.config.appSlug} uses, sign-in and webhooks.</p>
    <h2>Push a repository</h2>
    <p>The first push makes the account, makes the repository and installs ${ctx.config.appSlug} on it. Any password will do.</p>
    <pre tabindex="0" aria-label="Command">git push ${ctx.url.split('://')[0]}://alice:anything@${host}/alice/my-model.git HEAD:main</pre>
    <h2>Repositories</h2>
    ${repositoryList(ctx, visible.slice(0, 100))}
    <h2>Accounts</h2>
    ${accounts.length === 0 ? html`<p class="dim">None yet.</p>` : html`<ul class="list">${accounts.slice(0, 200).map((a) => html`<li><a href="/${a.login}">${a.login}</a> <span class="dim">${a.type === 'User' ? 'person' : 'organisation'}</span></li>`)}</ul>`}`,
    ),
  )
}

function repositoryList(ctx: Context, repositories: Repository[]) {
  if (repositories.length === 0) return html`<p class="dim">None yet.</p>`
  return html`<ul class="list">${repositories.map(
    (repository) => html`<li><a href="/${fullName(ctx, repository)}">${fullName(ctx, repository)}</a>
      ${repository.private && html`<span class="tag">private</span>`} ${repository.archived && html`<span class="tag">archived</span>`}
      ${repository.description && html`<div>${repository.description}</div>`}
      <div class="dim">${repository.pushedAt ? `pushed ${repository.pushedAt}` : 'empty'}</div></li>`,
  )}</ul>`
}

function account(ctx: Context, request: Request): void {
  const session = sessionOf(ctx, request)
  const found = findAccount(ctx, request.params.owner!)
  if (!found) throw new HttpError(404, 'There is no such account.')
  const visible = ctx.store.repositories
    .by('owner', found.id)
    .filter((repository) => repository.announced && levelOf(ctx, session.account, repository) !== 'none')
  const members = Object.entries(found.members).flatMap(([id, role]) => {
    const member = ctx.store.accounts.get(Number(id))
    return member ? [{ member, role }] : []
  })
  sendPage(
    request,
    200,
    layout(
      ctx,
      session,
      found.login,
      html`
    <h1>${found.login}</h1>
    <p class="dim">${found.type === 'User' ? 'Person' : 'Organisation'}, since ${found.createdAt}</p>
    ${members.length > 0 && html`<h2>Members</h2><ul class="list">${members.map(({ member, role }) => html`<li><a href="/${member.login}">${member.login}</a> <span class="dim">${role}</span></li>`)}</ul>`}
    <h2>Repositories</h2>
    ${repositoryList(ctx, visible)}`,
    ),
  )
}
