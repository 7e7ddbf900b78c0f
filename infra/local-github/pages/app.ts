import { atLeast, isAdminOf, levelOf } from '../accounts.ts'
import type { Context } from '../context.ts'
import { succeeded } from '../deliveries.ts'
import { HttpError, type Request, type Router, readForm, redirect } from '../http.ts'
import { setSuspended, uninstall } from '../installations.ts'
import { APP_EVENTS, APP_PERMISSIONS } from '../shapes.ts'
import type { Account, Delivery } from '../store.ts'
import { html } from './html.ts'
import { checkedForm, layout, sendPage, sessionOf } from './layout.ts'

const SHOWN = 50

/** The app: where it is installed, and what was told to it. */
export function appPages(router: Router<Context>): void {
  router.on('GET', '/apps/:slug', appPage)
  router.on('GET', '/apps/:slug/deliveries/:id', deliveryPage)

  router.on('POST', '/apps/:slug/deliveries/:id/redeliver', async (ctx, request) => {
    const session = sessionOf(ctx, request)
    checkedForm(session, await readForm(request))
    ctx.deliveries.redeliver(deliveryOf(ctx, request, session.account))
    redirect(request, `/apps/${ctx.config.appSlug}`)
  })

  router.on('POST', '/apps/:slug/installations/:id', async (ctx, request) => {
    const session = sessionOf(ctx, request)
    const form = checkedForm(session, await readForm(request))
    const installation = ctx.store.installations.get(Number(request.params.id))
    const account = installation && ctx.store.accounts.get(installation.accountId)
    if (!installation || !account) throw new HttpError(404, 'There is no such installation.')
    if (!session.account || !isAdminOf(account, session.account))
      throw new HttpError(403, `Sign in as ${account.login} to do this.`)
    const action = form.get('action')
    if (action === 'suspend' || action === 'unsuspend')
      setSuspended(ctx, installation, session.account, action === 'suspend')
    else if (action === 'uninstall') uninstall(ctx, installation, session.account)
    else throw new HttpError(400, 'Unknown action.')
    redirect(request, `/apps/${ctx.config.appSlug}`)
  })
}

function checkSlug(ctx: Context, request: Request): void {
  if (request.params.slug !== ctx.config.appSlug) throw new HttpError(404, 'There is no such app.')
}

// A delivery carries names of a private repository, so it is for those who may see that repository.
function maySee(ctx: Context, person: Account | null, delivery: Delivery): boolean {
  const repository = delivery.repositoryId === null ? undefined : ctx.store.repositories.get(delivery.repositoryId)
  if (repository) return atLeast(levelOf(ctx, person, repository), 'read')
  const installation =
    delivery.installationId === null ? undefined : ctx.store.installations.get(delivery.installationId)
  const account = installation && ctx.store.accounts.get(installation.accountId)
  return account !== undefined && isAdminOf(account, person)
}

function deliveryOf(ctx: Context, request: Request, person: Account | null): Delivery {
  checkSlug(ctx, request)
  const delivery = ctx.store.deliveries.get(Number(request.params.id))
  if (!delivery || delivery.pending || !maySee(ctx, person, delivery))
    throw new HttpError(404, 'There is no such delivery.')
  return delivery
}

function appPage(ctx: Context, request: Request): void {
  checkSlug(ctx, request)
  const session = sessionOf(ctx, request)
  const slug = ctx.config.appSlug
  const deliveries = ctx.deliveries
    .list()
    .filter((delivery) => maySee(ctx, session.account, delivery))
    .slice(0, SHOWN)
  const installations = ctx.store.installations.all().slice(0, 200)
  const button = (action: string, words: string, to: string) =>
    html`<form method="post" action="${to}"><input type="hidden" name="csrf" value="${session.csrf}"><button name="action" value="${action}">${words}</button></form>`
  sendPage(
    request,
    200,
    layout(
      ctx,
      session,
      slug,
      html`
    <h1>${slug}</h1>
    <p>May: ${Object.entries(APP_PERMISSIONS)
      .map(([name, level]) => `${name} (${level})`)
      .join(', ')}. Hears of: ${APP_EVENTS.join(', ')}.</p>
    <p>Webhooks go to <code>${ctx.config.webhookUrl}</code>.</p>
    <h2>Installations</h2>
    ${installations.length === 0 && html`<p class="dim">None yet.</p>`}
    <ul class="list">${installations.map((installation) => {
      const account = ctx.store.accounts.get(installation.accountId)!
      const to = `/apps/${slug}/installations/${installation.id}`
      return html`<li id="installation-${installation.id}"><div class="row"><a href="/${account.login}">${account.login}</a>
        <span class="dim">${installation.repositoryIds.length} repositories${installation.suspendedAt && ', suspended'}</span>
        ${isAdminOf(account, session.account) && html`${installation.suspendedAt ? button('unsuspend', 'Let it work again', to) : button('suspend', 'Suspend', to)} ${button('uninstall', 'Uninstall', to)}`}</div></li>`
    })}</ul>
    <h2>Recent deliveries</h2>
    ${deliveries.length === 0 && html`<p class="dim">None that you may see.</p>`}
    <ul class="list">${deliveries.map(
      (delivery) => html`<li><div class="row">
      <span class="${succeeded(delivery) ? 'good' : 'bad'}"><span aria-hidden="true">${succeeded(delivery) ? '✓' : '✕'}</span> ${delivery.statusCode} ${delivery.status}</span>
      <a href="/apps/${slug}/deliveries/${delivery.id}">${delivery.event}${delivery.action && `.${delivery.action}`}</a>
      <span class="dim">${delivery.deliveredAt}${delivery.redelivery && ' · redelivery'} · <code>${delivery.guid}</code></span>
      ${button('redeliver', 'Redeliver', `/apps/${slug}/deliveries/${delivery.id}/redeliver`)}</div></li>`,
    )}</ul>`,
    ),
  )
}

async function deliveryPage(ctx: Context, request: Request): Promise<void> {
  const session = sessionOf(ctx, request)
  const delivery = deliveryOf(ctx, request, session.account)
  const body = await ctx.deliveries.payload(delivery).catch(() => Buffer.from('null'))
  const payload = JSON.stringify(JSON.parse(body.toString('utf8')), null, 2)
  const headers = (all: Record<string, string>) =>
    Object.entries(all)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n')
  sendPage(
    request,
    200,
    layout(
      ctx,
      session,
      `Delivery ${delivery.guid}`,
      html`
    <h1>${delivery.event}${delivery.action && `.${delivery.action}`}</h1>
    <p><a href="/apps/${ctx.config.appSlug}">All deliveries</a> · ${delivery.statusCode} ${delivery.status} · ${delivery.duration} s · ${delivery.deliveredAt}</p>
    <h2>Request</h2><pre tabindex="0">${headers(delivery.request.headers)}</pre>
    <pre tabindex="0">${payload.slice(0, 200_000)}</pre>
    <h2>Response</h2><pre tabindex="0">${headers(delivery.response.headers)}</pre><pre tabindex="0">${delivery.response.body}</pre>`,
    ),
  )
}
