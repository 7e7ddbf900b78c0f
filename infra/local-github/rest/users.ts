import { z } from 'zod'
import { createOrganization, ensureUser, findAccount, isAdminOf, levelOf } from '../accounts.ts'
import { HttpError, page, type Router, readJson, sendEmpty, sendJson } from '../http.ts'
import { renameAccount } from '../repositories.ts'
import {
  fullOrganization,
  fullRepository,
  installationShape,
  permissionsOf,
  privateUser,
  publicUser,
  simpleOrganization,
  simpleUser,
} from '../shapes.ts'
import type { Account, Installation } from '../store.ts'
import { type Api, idOf, notFound, personOf, refusing, userOf } from './api.ts'

const organization = z.object({ login: z.string(), admin: z.string(), profile_name: z.string().max(255).optional() })
const user = z.object({ login: z.string(), email: z.string().max(255).nullish() })
const rename = z.object({ login: z.string() })
const membership = z.object({ role: z.enum(['admin', 'member']).default('member') })

/** People and organisations, and what a signed-in person sees through the app. */
export function userRoutes(router: Router<Api>): void {
  router.on('GET', '/user', (api, request) => {
    sendJson(request, 200, privateUser(api.ctx, userOf(api)))
  })

  router.on('GET', '/user/emails', (api, request) => {
    const { email } = userOf(api)
    sendJson(request, 200, email ? [{ email, primary: true, verified: true, visibility: 'private' }] : [])
  })

  router.on('GET', '/user/orgs', (api, request) => {
    const person = userOf(api)
    const mine = api.ctx.store.accounts.all().filter((account) => account.members[person.id])
    sendJson(
      request,
      200,
      page(request, mine).map((account) => simpleOrganization(api.ctx, account)),
    )
  })

  router.on('GET', '/user/installations', (api, request) => {
    const person = userOf(api)
    const mine = api.ctx.store.installations.all().filter((installation) => mayAccess(api, person, installation))
    sendJson(request, 200, {
      total_count: mine.length,
      installations: page(request, mine).map((installation) => installationShape(api.ctx, installation)),
    })
  })

  router.on('GET', '/user/installations/:id/repositories', (api, request) => {
    const person = userOf(api)
    const installation = api.ctx.store.installations.get(idOf(request, 'id'))
    if (!installation || !mayAccess(api, person, installation)) throw notFound()
    const visible = repositoriesFor(api, person, installation)
    sendJson(request, 200, {
      total_count: visible.length,
      repository_selection: 'selected',
      repositories: page(request, visible).map((repository) =>
        fullRepository(api.ctx, repository, permissionsOf(api.ctx, person, repository)),
      ),
    })
  })

  router.on('GET', '/users/:login', (api, request) => {
    const account = findAccount(api.ctx, request.params.login!)
    if (!account) throw notFound()
    sendJson(request, 200, publicUser(api.ctx, account))
  })

  router.on('GET', '/user/:id', (api, request) => {
    const account = api.ctx.store.accounts.get(idOf(request, 'id'))
    if (!account) throw notFound()
    sendJson(request, 200, publicUser(api.ctx, account))
  })

  organizationRoutes(router)

  // A GitHub Enterprise Server's administrators make accounts like this; on this machine anyone may.
  router.on('POST', '/admin/users', async (api, request) => {
    const wanted = await readJson(request, user)
    if (findAccount(api.ctx, wanted.login)) throw new HttpError(422, 'login is already taken')
    const made = ensureUser(api.ctx, wanted.login)
    if (!made) throw new HttpError(422, 'login is not valid')
    if (wanted.email !== undefined) api.ctx.store.accounts.put({ ...made, email: wanted.email })
    sendJson(request, 201, simpleUser(api.ctx, made))
  })

  for (const path of ['/admin/users/:login', '/admin/organizations/:login']) {
    router.on('PATCH', path, async (api, request) => {
      const account = findAccount(api.ctx, request.params.login!)
      if (!account) throw notFound()
      const { login } = await readJson(request, rename)
      const renamed = await refusing(() => renameAccount(api.ctx, account, login))
      sendJson(request, 202, {
        message: 'Job queued to rename the account. It may take a few minutes to complete.',
        url: `${api.ctx.url}/api/v3/user/${renamed.id}`,
      })
    })
  }

  router.on('POST', '/admin/organizations', async (api, request) => {
    const wanted = await readJson(request, organization)
    const admin = ensureUser(api.ctx, wanted.admin)
    const made = admin && createOrganization(api.ctx, wanted.login, admin, wanted.profile_name ?? null)
    if (!made) throw new HttpError(422, 'login is not valid or already taken, or admin is not a person')
    sendJson(request, 201, simpleOrganization(api.ctx, made))
  })
}

function organizationRoutes(router: Router<Api>): void {
  const orgOf = (api: Api, login: string): Account => {
    const org = findAccount(api.ctx, login)
    if (org?.type !== 'Organization') throw notFound()
    return org
  }
  const membershipShape = (api: Api, org: Account, person: Account) => ({
    url: `${api.ctx.url}/api/v3/orgs/${org.login}/memberships/${person.login}`,
    state: 'active',
    role: org.members[person.id],
    organization_url: `${api.ctx.url}/api/v3/orgs/${org.login}`,
    organization: simpleOrganization(api.ctx, org),
    user: simpleUser(api.ctx, person),
  })

  router.on('GET', '/orgs/:org', (api, request) => {
    sendJson(request, 200, fullOrganization(api.ctx, orgOf(api, request.params.org!)))
  })

  router.on('GET', '/orgs/:org/members', (api, request) => {
    const org = orgOf(api, request.params.org!)
    const people = Object.keys(org.members).flatMap((id) => api.ctx.store.accounts.get(Number(id)) ?? [])
    sendJson(
      request,
      200,
      page(request, people).map((person) => simpleUser(api.ctx, person)),
    )
  })

  router.on('GET', '/orgs/:org/memberships/:login', (api, request) => {
    const org = orgOf(api, request.params.org!)
    const person = findAccount(api.ctx, request.params.login!)
    if (!person || !org.members[person.id]) throw notFound()
    sendJson(request, 200, membershipShape(api, org, person))
  })

  router.on('PUT', '/orgs/:org/memberships/:login', async (api, request) => {
    const org = orgOf(api, request.params.org!)
    if (!isAdminOf(org, personOf(api))) throw new HttpError(403, 'You must be an admin of this organization.')
    const { role } = await readJson(request, membership)
    const person = ensureUser(api.ctx, request.params.login!)
    if (!person) throw new HttpError(422, 'Not a person.')
    const changed = api.ctx.store.accounts.put({ ...org, members: { ...org.members, [person.id]: role } })
    sendJson(request, 200, membershipShape(api, changed, person))
  })

  for (const path of ['/orgs/:org/memberships/:login', '/orgs/:org/members/:login']) {
    router.on('DELETE', path, (api, request) => {
      const org = orgOf(api, request.params.org!)
      const person = findAccount(api.ctx, request.params.login!)
      if (!person || !org.members[person.id]) throw notFound()
      const asking = personOf(api)
      if (!isAdminOf(org, asking) && asking.id !== person.id)
        throw new HttpError(403, 'You must be an admin of this organization.')
      const { [String(person.id)]: _gone, ...members } = org.members
      api.ctx.store.accounts.put({ ...org, members })
      sendEmpty(request, 204)
    })
  }
}

function mayAccess(api: Api, person: Account, installation: Installation): boolean {
  const account = api.ctx.store.accounts.get(installation.accountId)
  if (!account) return false
  return isAdminOf(account, person) || repositoriesFor(api, person, installation).length > 0
}

// GitHub lists what the person has a role on, not every public repository that they could read.
function repositoriesFor(api: Api, person: Account, installation: Installation) {
  return installation.repositoryIds
    .flatMap((id) => api.ctx.store.repositories.get(id) ?? [])
    .filter((repository) => levelOf(api.ctx, person, { ...repository, private: true }) !== 'none')
}
