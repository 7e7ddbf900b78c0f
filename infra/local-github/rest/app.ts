import { z } from 'zod'
import { findAccount, findRepository } from '../accounts.ts'
import { findGrant, grantId, newToken, sameSecret } from '../auth.ts'
import { now } from '../context.ts'
import { hookConfig } from '../deliveries.ts'
import { emitAuthorizationRevoked, installationOf } from '../events.ts'
import { HttpError, page, type Router, readJson, sendEmpty, sendJson } from '../http.ts'
import { setSuspended, uninstall } from '../installations.ts'
import { APP_PERMISSIONS, appShape, fullRepository, installationShape, permissionFlags, simpleUser } from '../shapes.ts'
import type { Installation } from '../store.ts'
import { type Api, idOf, notAccessible, notFound, onlyApp } from './api.ts'

const tokenRequest = z.object({
  repositories: z.array(z.string()).max(500).optional(),
  repository_ids: z.array(z.number().int()).max(500).optional(),
  permissions: z.record(z.string(), z.enum(['read', 'write'])).optional(),
})
const accessToken = z.object({ access_token: z.string().min(1) })

/** The app, its installations and their tokens. */
export function appRoutes(router: Router<Api>): void {
  router.on('GET', '/app', (api, request) => {
    onlyApp(api)
    sendJson(request, 200, { ...appShape(api.ctx), installations_count: api.ctx.store.installations.size })
  })

  // The app of this machine exists already, so every manifest makes the same one; the code proves that a person agreed.
  router.on('POST', '/app-manifests/:code/conversions', (api, request) => {
    const { ctx } = api
    const grant = findGrant(ctx, request.params.code!, 'manifest')
    if (!grant) throw notFound()
    ctx.store.grants.put({ ...grant, used: true })
    sendJson(request, 201, {
      ...appShape(ctx),
      client_secret: ctx.config.clientSecret,
      webhook_secret: ctx.config.webhookSecret,
      pem: ctx.config.privateKey,
    })
  })

  router.on('GET', '/apps/:slug', (api, request) => {
    if (request.params.slug !== api.ctx.config.appSlug) throw notFound()
    sendJson(request, 200, appShape(api.ctx))
  })

  router.on('GET', '/app/installations', (api, request) => {
    onlyApp(api)
    const shown = page(request, api.ctx.store.installations.all())
    sendJson(
      request,
      200,
      shown.map((installation) => installationShape(api.ctx, installation)),
    )
  })

  router.on('GET', '/app/installations/:id', (api, request) => {
    onlyApp(api)
    sendJson(request, 200, installationShape(api.ctx, installationFor(api, idOf(request, 'id'))))
  })

  router.on('DELETE', '/app/installations/:id', (api, request) => {
    onlyApp(api)
    const installation = installationFor(api, idOf(request, 'id'))
    uninstall(api.ctx, installation, api.ctx.store.accounts.get(installation.accountId)!)
    sendEmpty(request, 204)
  })

  for (const [method, suspended] of [
    ['PUT', true],
    ['DELETE', false],
  ] as const) {
    router.on(method, '/app/installations/:id/suspended', (api, request) => {
      onlyApp(api)
      const installation = installationFor(api, idOf(request, 'id'))
      setSuspended(api.ctx, installation, api.ctx.store.accounts.get(installation.accountId)!, suspended)
      sendEmpty(request, 204)
    })
  }

  router.on('POST', '/app/installations/:id/access_tokens', async (api, request) => {
    onlyApp(api)
    const { ctx } = api
    const installation = installationFor(api, idOf(request, 'id'))
    if (installation.suspendedAt) throw new HttpError(403, 'This installation has been suspended')
    const wanted = await readJson(request, tokenRequest)
    const repositoryIds = narrowed(api, installation, wanted)
    for (const [name, level] of Object.entries(wanted.permissions ?? {})) {
      const own = (APP_PERMISSIONS as Record<string, string>)[name]
      if (!own || (level === 'write' && own !== 'write')) {
        throw new HttpError(422, 'The permissions requested are not granted to this installation.')
      }
    }
    const permissions = wanted.permissions ?? { ...APP_PERMISSIONS }
    const token = newToken('ghs')
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z')
    forgetExpired(api)
    ctx.store.grants.put({
      id: grantId(token),
      kind: 'installation',
      expiresAt,
      accountId: null,
      installationId: installation.id,
      repositoryIds,
      permissions,
      redirectUri: null,
      codeChallenge: null,
      family: '',
      used: false,
    })
    const repositories = (repositoryIds ?? []).flatMap((id) => ctx.store.repositories.get(id) ?? [])
    sendJson(request, 201, {
      token,
      expires_at: expiresAt,
      permissions,
      repository_selection: 'selected',
      ...(repositoryIds
        ? { repositories: repositories.map((repository) => fullRepository(ctx, repository, permissionFlags('read'))) }
        : {}),
    })
  })

  router.on('DELETE', '/installation/token', (api, request) => {
    if (api.caller.kind !== 'installation') throw notAccessible()
    api.ctx.store.grants.delete(api.caller.grant.id)
    sendEmpty(request, 204)
  })

  router.on('GET', '/installation/repositories', (api, request) => {
    const { ctx, caller } = api
    if (caller.kind !== 'installation') throw notAccessible()
    const ids = caller.grant.repositoryIds ?? caller.installation.repositoryIds
    const repositories = ids
      .filter((id) => caller.installation.repositoryIds.includes(id))
      .flatMap((id) => ctx.store.repositories.get(id) ?? [])
    const shown = page(request, repositories)
    sendJson(request, 200, {
      total_count: repositories.length,
      repository_selection: 'selected',
      repositories: shown.map((repository) => fullRepository(ctx, repository, permissionFlags('read'))),
    })
  })

  // These three are asked by the app as itself, and answer only for what it is installed on.
  router.on('GET', '/repos/:owner/:repo/installation', (api, request) => {
    onlyApp(api)
    const repository = findRepository(api.ctx, request.params.owner!, request.params.repo!)
    const installation = repository && installationOf(api.ctx, repository)
    if (!installation) throw notFound()
    sendJson(request, 200, installationShape(api.ctx, installation))
  })
  for (const [path, type] of [
    ['/users/:login/installation', 'User'],
    ['/orgs/:login/installation', 'Organization'],
  ] as const) {
    router.on('GET', path, (api, request) => {
      onlyApp(api)
      const account = findAccount(api.ctx, request.params.login!)
      const installation = account?.type === type && api.ctx.store.installations.by('account', account.id)[0]
      if (!installation) throw notFound()
      sendJson(request, 200, installationShape(api.ctx, installation))
    })
  }

  router.on('GET', '/app/hook/config', (api, request) => {
    onlyApp(api)
    sendJson(request, 200, hookConfig(api.ctx.config))
  })

  router.on('POST', '/applications/:client/token', async (api, request) => {
    const { ctx } = api
    onlyClient(api, request.params.client!)
    const { access_token: token } = await readJson(request, accessToken)
    const grant = ctx.store.grants.get(grantId(token))
    const account =
      grant?.kind === 'user' && Date.parse(grant.expiresAt) > Date.now() && ctx.store.accounts.get(grant.accountId!)
    if (!grant || !account) throw notFound()
    sendJson(request, 200, {
      id: 1,
      url: `${ctx.url}/api/v3/authorizations/1`,
      app: { name: appShape(ctx).name, url: ctx.url, client_id: ctx.config.clientId },
      token,
      hashed_token: grant.id,
      token_last_eight: token.slice(-8),
      note: null,
      note_url: null,
      created_at: account.createdAt,
      updated_at: account.createdAt,
      scopes: [],
      fingerprint: null,
      expires_at: grant.expiresAt,
      user: simpleUser(ctx, account),
    })
  })

  router.on('DELETE', '/applications/:client/token', async (api, request) => {
    onlyClient(api, request.params.client!)
    const { access_token: token } = await readJson(request, accessToken)
    api.ctx.store.grants.delete(grantId(token))
    sendEmpty(request, 204)
  })

  router.on('DELETE', '/applications/:client/grant', async (api, request) => {
    onlyClient(api, request.params.client!)
    const { access_token: token } = await readJson(request, accessToken)
    const account = api.ctx.store.accounts.get(api.ctx.store.grants.get(grantId(token))?.accountId ?? -1)
    if (!account) throw new HttpError(422, 'Validation Failed')
    revokeAuthorization(api.ctx, account)
    sendEmpty(request, 204)
  })
}

/** Takes every token away that acts for a person through the app, and tells the app. */
export function revokeAuthorization(ctx: Api['ctx'], account: Parameters<typeof emitAuthorizationRevoked>[1]): void {
  for (const grant of ctx.store.grants.all()) if (grant.accountId === account.id) ctx.store.grants.delete(grant.id)
  void emitAuthorizationRevoked(ctx, account)
}

function onlyClient(api: Api, clientId: string): void {
  if (api.caller.kind !== 'client' || !sameSecret(clientId, api.ctx.config.clientId)) throw notFound()
}

function installationFor(api: Api, id: number): Installation {
  const installation = api.ctx.store.installations.get(id)
  if (!installation) throw notFound()
  return installation
}

function narrowed(api: Api, installation: Installation, wanted: z.output<typeof tokenRequest>): number[] | null {
  if (!wanted.repositories && !wanted.repository_ids) return null
  const covered = installation.repositoryIds.flatMap((id) => api.ctx.store.repositories.get(id) ?? [])
  const chosen = [
    ...(wanted.repositories ?? []).map((name) => covered.find((r) => r.name.toLowerCase() === name.toLowerCase())),
    ...(wanted.repository_ids ?? []).map((id) => covered.find((r) => r.id === id)),
  ]
  if (chosen.some((repository) => !repository)) {
    throw new HttpError(
      422,
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    )
  }
  return [...new Set(chosen.map((repository) => repository!.id))]
}

// Tokens live an hour, so looking them all through once per new token keeps the table small.
function forgetExpired(api: Api): void {
  const time = now()
  for (const grant of api.ctx.store.grants.all()) if (grant.expiresAt < time) api.ctx.store.grants.delete(grant.id)
}
