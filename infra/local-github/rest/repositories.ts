import { z } from 'zod'
import { ensureUser, findAccount, isAdminOf, levelOf, mayCreateIn } from '../accounts.ts'
import { gitDir } from '../context.ts'
import { installationOf } from '../events.ts'
import { readBlob, readTree, resolveCommit } from '../git.ts'
import { canRead } from '../git-http.ts'
import { HttpError, page, type Request, type Router, readJson, sendEmpty, sendJson } from '../http.ts'
import { installOn, uninstallFrom } from '../installations.ts'
import { isLicenseFile } from '../licenses.ts'
import {
  changeRepository,
  createRepository,
  deleteRepository,
  setCollaborator,
  transferRepository,
} from '../repositories.ts'
import {
  fullRepository,
  minimalRepository,
  permissionFlags,
  permissionsOf,
  simpleLicense,
  simpleUser,
} from '../shapes.ts'
import type { Level, Repository } from '../store.ts'
import {
  type Api,
  callerPermissions,
  idOf,
  notFound,
  personOf,
  refusing,
  repositoryAndPerson,
  repositoryOf,
  userOf,
} from './api.ts'
import { contentFile } from './contents.ts'

const creation = z.object({
  name: z.string().min(1).max(100),
  private: z.boolean().optional(),
  description: z.string().max(350).nullish(),
})
const change = z.object({
  name: z.string().min(1).max(100).optional(),
  private: z.boolean().optional(),
  visibility: z.enum(['public', 'private']).optional(),
  archived: z.boolean().optional(),
  default_branch: z.string().min(1).max(255).optional(),
  description: z.string().max(350).nullish(),
  homepage: z.string().max(255).nullish(),
})
const topics = z.object({ names: z.array(z.string().regex(/^[a-z0-9][a-z0-9-]{0,49}$/)).max(20) })
const transfer = z.object({ new_owner: z.string(), new_name: z.string().optional() })
const permission = z.object({
  permission: z.enum(['pull', 'read', 'triage', 'push', 'write', 'maintain', 'admin']).default('push'),
})

/** Repositories: reading, making, changing, moving, deleting, and who may do what. */
export function repositoryRoutes(router: Router<Api>): void {
  const show = (api: Api, request: Request, repository: Repository) =>
    sendJson(request, 200, fullRepository(api.ctx, repository, callerPermissions(api, repository)))

  router.on('GET', '/repos/:owner/:repo', (api, request) => show(api, request, repositoryOf(api, request)))

  // Everything of a repository can be reached by its number too: that is where redirects after a rename lead.
  router.on('PATCH', '/repos/:owner/:repo', async (api, request) => {
    const { repository, person } = repositoryAndPerson(api, request, 'admin')
    const wanted = await readJson(request, change)
    const changed = await refusing(() =>
      changeRepository(api.ctx, repository, person, {
        name: wanted.name,
        private: wanted.visibility ? wanted.visibility === 'private' : wanted.private,
        archived: wanted.archived,
        defaultBranch: wanted.default_branch,
        description: wanted.description,
        homepage: wanted.homepage,
      }),
    )
    show(api, request, changed)
  })

  router.on('DELETE', '/repos/:owner/:repo', async (api, request) => {
    const { repository, person } = repositoryAndPerson(api, request, 'admin')
    await deleteRepository(api.ctx, repository, person)
    sendEmpty(request, 204)
  })

  router.on('POST', '/repos/:owner/:repo/transfer', async (api, request) => {
    const { repository, person } = repositoryAndPerson(api, request, 'admin')
    const wanted = await readJson(request, transfer)
    const to = findAccount(api.ctx, wanted.new_owner)
    // On GitHub another person has to accept; here the move happens at once.
    if (!to) throw new HttpError(422, 'The new owner does not exist.')
    const moved = await refusing(() => transferRepository(api.ctx, repository, to, person, wanted.new_name))
    sendJson(request, 202, minimalRepository(api.ctx, moved))
  })

  router.on('POST', '/user/repos', async (api, request) => {
    const person = personOf(api)
    const wanted = await readJson(request, creation)
    const made = await refusing(() => createRepository(api.ctx, person, person, wanted))
    sendJson(request, 201, fullRepository(api.ctx, made, permissionsOf(api.ctx, person, made)))
  })

  router.on('POST', '/orgs/:org/repos', async (api, request) => {
    const person = personOf(api)
    const owner = findAccount(api.ctx, request.params.org!)
    if (owner?.type !== 'Organization') throw notFound()
    if (!mayCreateIn(owner, person)) throw new HttpError(403, 'You need to be a member of this organization.')
    const wanted = await readJson(request, creation)
    const made = await refusing(() => createRepository(api.ctx, owner, person, wanted))
    sendJson(request, 201, fullRepository(api.ctx, made, permissionsOf(api.ctx, person, made)))
  })

  router.on('GET', '/user/repos', (api, request) => {
    const person = userOf(api)
    const own = api.ctx.store.repositories.all().filter((repository) => {
      const owner = api.ctx.store.accounts.get(repository.ownerId)!
      return (
        repository.announced &&
        (isAdminOf(owner, person) || owner.members[person.id] || repository.collaborators[person.id])
      )
    })
    sendJson(
      request,
      200,
      page(
        request,
        own.filter((repository) => canRead(api.ctx, api.caller, repository)),
      ).map((repository) => fullRepository(api.ctx, repository, callerPermissions(api, repository))),
    )
  })

  for (const path of ['/users/:login/repos', '/orgs/:login/repos']) {
    router.on('GET', path, (api, request) => {
      const account = findAccount(api.ctx, request.params.login!)
      if (!account) throw notFound()
      const visible = api.ctx.store.repositories
        .by('owner', account.id)
        .filter((repository) => repository.announced && canRead(api.ctx, api.caller, repository))
      sendJson(
        request,
        200,
        page(request, visible).map((repository) => minimalRepository(api.ctx, repository)),
      )
    })
  }

  router.on('GET', '/repos/:owner/:repo/topics', (api, request) => {
    sendJson(request, 200, { names: repositoryOf(api, request).topics })
  })

  router.on('PUT', '/repos/:owner/:repo/topics', async (api, request) => {
    const { repository, person } = repositoryAndPerson(api, request, 'admin')
    const { names } = await readJson(request, topics)
    const changed = await refusing(() => changeRepository(api.ctx, repository, person, { topics: [...new Set(names)] }))
    sendJson(request, 200, { names: changed.topics })
  })

  router.on('GET', '/repos/:owner/:repo/languages', (api, request) => {
    repositoryOf(api, request)
    sendJson(request, 200, {})
  })

  router.on('GET', '/repos/:owner/:repo/license', async (api, request) => {
    const repository = repositoryOf(api, request)
    const dir = gitDir(api.ctx, repository)
    const head = await resolveCommit(dir, request.url.searchParams.get('ref') ?? 'HEAD')
    const file = head && (await readTree(dir, head)).find((entry) => entry.type === 'blob' && isLicenseFile(entry.path))
    if (!file) throw notFound()
    const content = contentFile(api, repository, repository.defaultBranch, file, await readBlob(dir, file.sha))
    sendJson(request, 200, { ...content, license: simpleLicense(api.ctx, repository.license) })
  })

  collaboratorRoutes(router)
}

function collaboratorRoutes(router: Router<Api>): void {
  router.on('GET', '/repos/:owner/:repo/collaborators', (api, request) => {
    const repository = repositoryOf(api, request)
    if (api.caller.kind === 'nobody') throw new HttpError(401, 'Requires authentication')
    const { accounts } = api.ctx.store
    const owner = accounts.get(repository.ownerId)!
    const ids = [
      ...(owner.type === 'User' ? [owner.id] : Object.keys(owner.members).map(Number)),
      ...Object.keys(repository.collaborators).map(Number),
    ]
    const people = [...new Set(ids)].flatMap((id) => accounts.get(id) ?? [])
    sendJson(
      request,
      200,
      page(request, people).map((person) => ({
        ...simpleUser(api.ctx, person),
        permissions: permissionsOf(api.ctx, person, repository),
        role_name: levelOf(api.ctx, person, repository),
      })),
    )
  })

  router.on('GET', '/repos/:owner/:repo/collaborators/:login', (api, request) => {
    const repository = repositoryOf(api, request)
    const person = findAccount(api.ctx, request.params.login!)
    const owner = api.ctx.store.accounts.get(repository.ownerId)!
    const belongs =
      person && (isAdminOf(owner, person) || owner.members[person.id] || repository.collaborators[person.id])
    if (!belongs) throw notFound()
    sendEmpty(request, 204)
  })

  router.on('GET', '/repos/:owner/:repo/collaborators/:login/permission', (api, request) => {
    const repository = repositoryOf(api, request)
    if (api.caller.kind === 'nobody') throw new HttpError(401, 'Requires authentication')
    const person = findAccount(api.ctx, request.params.login!)
    if (person?.type !== 'User') throw notFound()
    const level = levelOf(api.ctx, person, repository)
    sendJson(request, 200, {
      permission: level,
      role_name: level,
      user: { ...simpleUser(api.ctx, person), permissions: permissionFlags(level), role_name: level },
    })
  })

  router.on('PUT', '/repos/:owner/:repo/collaborators/:login', async (api, request) => {
    const { repository, person } = repositoryAndPerson(api, request, 'admin')
    const wanted = (await readJson(request, permission)).permission
    const levels: Record<string, Level> = {
      pull: 'read',
      triage: 'read',
      read: 'read',
      push: 'write',
      write: 'write',
      maintain: 'write',
    }
    const other = ensureUser(api.ctx, request.params.login!)
    if (!other) throw new HttpError(422, 'Not a person.')
    if (other.id === repository.ownerId) throw new HttpError(422, 'Repository owner cannot be a collaborator.')
    // On GitHub the other person is invited first; on one machine they are simply in.
    setCollaborator(api.ctx, repository, other, levels[wanted] ?? 'admin', person)
    sendEmpty(request, 204)
  })

  router.on('DELETE', '/repos/:owner/:repo/collaborators/:login', (api, request) => {
    const repository = repositoryOf(api, request)
    const person = personOf(api)
    const other = findAccount(api.ctx, request.params.login!)
    if (!other) throw notFound()
    if (other.id !== person.id) repositoryAndPerson(api, request, 'admin')
    setCollaborator(api.ctx, repository, other, null, person)
    sendEmpty(request, 204)
  })

  // GitHub's way to let an app into a repository, or to take it out.
  for (const method of ['PUT', 'DELETE'] as const) {
    router.on(method, '/user/installations/:id/repositories/:repository', (api, request) => {
      const person = personOf(api)
      const { store } = api.ctx
      const repository = store.repositories.get(idOf(request, 'repository'))
      const installation = store.installations.get(idOf(request, 'id'))
      if (!repository?.announced || !installation || installation.accountId !== repository.ownerId) throw notFound()
      if (levelOf(api.ctx, person, repository) !== 'admin') throw notFound()
      if (method === 'PUT') installOn(api.ctx, repository, person)
      else uninstallFrom(api.ctx, repository, person)
      sendEmpty(request, 204)
    })
  }

  // Not GitHub's: there the first installation is made on a web page.
  router.on('PUT', '/local/repos/:owner/:repo/installation', (api, request) => {
    const { repository, person } = repositoryAndPerson(api, request, 'admin')
    installOn(api.ctx, repository, person)
    sendJson(request, 200, { installation_id: installationOf(api.ctx, repository)!.id })
  })
}
