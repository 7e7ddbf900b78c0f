import { z } from 'zod'
import { grantId, newToken } from '../auth.ts'
import type { Context } from '../context.ts'
import { HttpError, type Request, type Router, readForm, redirect } from '../http.ts'
import { html } from './html.ts'
import { checkedForm, layout, sendPage, sessionOf } from './layout.ts'

const CODE_MS = 3600_000

const Manifest = z.object({
  name: z.string().min(1).max(34),
  url: z.url({ protocol: /^https?$/ }),
  redirect_url: z.url({ protocol: /^https?$/ }),
  hook_attributes: z.object({ url: z.url({ protocol: /^https?$/ }) }),
  default_permissions: z.record(z.string(), z.enum(['read', 'write'])),
  default_events: z.array(z.string()),
})

/** Where a site's form asks GitHub to make an app of a manifest: a page that changes nothing, and the button that agrees. */
export function manifestPages(router: Router<Context>): void {
  router.on('POST', '/settings/apps/new', confirm)
  router.on('POST', '/organizations/:org/settings/apps/new', confirm)
  router.on('POST', '/settings/apps/create', create)
}

/** Paths to which pages of other sites may send a form, as on GitHub. */
export function takesForeignForms(path: string): boolean {
  return /^(\/organizations\/[^/]+)?\/settings\/apps\/new$/.test(path)
}

function readManifest(text: string | null): z.output<typeof Manifest> {
  try {
    return Manifest.parse(JSON.parse(text ?? ''))
  } catch {
    throw new HttpError(422, 'The manifest of the app is not valid.')
  }
}

async function confirm(ctx: Context, request: Request): Promise<void> {
  const session = sessionOf(ctx, request)
  const text = (await readForm(request)).get('manifest')
  const manifest = readManifest(text)
  const page = session.account
    ? html`<h1>Create GitHub App ${manifest.name}</h1>
    <p>It may: ${Object.entries(manifest.default_permissions)
      .map(([name, level]) => `${name} (${level})`)
      .join(', ')}. It hears of: ${manifest.default_events.join(', ')}.</p>
    <p>Webhooks go to <code>${manifest.hook_attributes.url}</code>.</p>
    <p class="dim">This machine has one app, ${ctx.config.appSlug}: you get its keys.</p>
    <form method="post" action="/settings/apps/create">
      <input type="hidden" name="csrf" value="${session.csrf}">
      <input type="hidden" name="manifest" value="${text}">
      <input type="hidden" name="state" value="${request.url.searchParams.get('state') ?? ''}">
      <button class="primary">Create GitHub App</button>
    </form>`
    : html`<h1>Sign in first</h1><p><a href="/login">Sign in</a>, then go back and send the form again.</p>`
  sendPage(request, 200, layout(ctx, session, manifest.name, page), new URL(manifest.redirect_url).origin)
}

async function create(ctx: Context, request: Request): Promise<void> {
  const session = sessionOf(ctx, request)
  const form = checkedForm(session, await readForm(request))
  if (!session.account) throw new HttpError(403, 'Sign in first.')
  const back = new URL(readManifest(form.get('manifest')).redirect_url)
  const code = newToken('code')
  ctx.store.grants.put({
    id: grantId(code),
    kind: 'manifest',
    expiresAt: new Date(Date.now() + CODE_MS).toISOString(),
    accountId: session.account.id,
    installationId: null,
    repositoryIds: null,
    permissions: null,
    redirectUri: null,
    codeChallenge: null,
    family: '',
    used: false,
  })
  back.searchParams.set('code', code)
  const state = form.get('state')
  if (state) back.searchParams.set('state', state)
  redirect(request, back.href)
}
