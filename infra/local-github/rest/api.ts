import { atLeast, findMoved, findRepository, levelOf } from '../accounts.ts'
import type { Caller } from '../auth.ts'
import { type Context, gitDir } from '../context.ts'
import { installationOf } from '../events.ts'
import { resolveCommit } from '../git.ts'
import { canRead, covers } from '../git-http.ts'
import { HttpError, type Request } from '../http.ts'
import { Refused } from '../repositories.ts'
import { APP_PERMISSIONS, permissionFlags } from '../shapes.ts'
import type { Account, Level, Repository } from '../store.ts'

/** What a REST handler is handed besides the request. */
export interface Api {
  ctx: Context
  caller: Caller
}

/** Not found, or not for this caller to know of. */
export function notFound(): HttpError {
  return new HttpError(404, 'Not Found')
}

/** What an app is told when its permissions do not reach. */
export function notAccessible(): HttpError {
  return new HttpError(403, 'Resource not accessible by integration')
}

/** The repository that a path names, if the caller may read it; a former name answers with a redirect. */
export function repositoryOf(api: Api, request: Request): Repository {
  const { owner = '', repo = '' } = request.params
  const found = findRepository(api.ctx, owner, repo)
  if (found) {
    if (!canRead(api.ctx, api.caller, found)) throw notFound()
    return found
  }
  const moved = findMoved(api.ctx, owner, repo)
  if (!moved || !canRead(api.ctx, api.caller, moved)) throw notFound()
  const rest = request.url.pathname.replace(/^\/api\/v3\/repos\/[^/]+\/[^/]+/, '')
  const url = `${api.ctx.url}/api/v3/repositories/${moved.id}${rest}${request.url.search}`
  throw new HttpError(request.method === 'GET' ? 301 : 307, 'Moved Permanently', { url }, { location: url })
}

/** The person who is asking with full rights of their own; a token of the app is not enough. */
export function personOf(api: Api): Account {
  if (api.caller.kind === 'person') return api.caller.account
  if (api.caller.kind === 'nobody') throw new HttpError(401, 'Requires authentication')
  throw notAccessible()
}

/** The person who is asking, by password or through the app. */
export function userOf(api: Api): Account {
  if (api.caller.kind === 'person' || api.caller.kind === 'user-token') return api.caller.account
  if (api.caller.kind === 'nobody') throw new HttpError(401, 'Requires authentication')
  throw notAccessible()
}

/** The repository and the person, who must have this level on it. */
export function repositoryAndPerson(
  api: Api,
  request: Request,
  level: Level,
): { repository: Repository; person: Account } {
  const repository = repositoryOf(api, request)
  const person = personOf(api)
  if (!atLeast(levelOf(api.ctx, person, repository), level)) {
    throw new HttpError(403, `Must have ${level} rights to Repository.`)
  }
  return { repository, person }
}

/** Refuses everyone but the app itself. */
export function onlyApp(api: Api): void {
  if (api.caller.kind !== 'app') throw new HttpError(401, 'A JSON web token could not be decoded')
}

/** Refuses everyone but an installation that covers the repository and holds this permission. */
export function onlyInstallation(
  api: Api,
  repository: Repository,
  permission: keyof typeof APP_PERMISSIONS,
  level: 'read' | 'write',
): void {
  const { caller } = api
  if (caller.kind === 'nobody') throw new HttpError(401, 'Requires authentication')
  if (caller.kind !== 'installation') throw new HttpError(403, 'You must authenticate via a GitHub App.')
  const given = (caller.grant.permissions ?? APP_PERMISSIONS)[permission]
  if (!covers(caller, repository) || !given || (level === 'write' && given !== 'write')) throw notAccessible()
}

/** The five permission flags of whoever asks; null for nobody. */
export function callerPermissions(api: Api, repository: Repository): Record<string, boolean> | null {
  const { caller, ctx } = api
  if (caller.kind === 'person' || caller.kind === 'user-token')
    return permissionFlags(levelOf(ctx, caller.account, repository))
  if (caller.kind === 'installation') return permissionFlags(installationOf(ctx, repository) ? 'read' : 'none')
  return null
}

/** The commit that a ref names, or 422 as the commits API answers. */
export async function commitOf(api: Api, repository: Repository, ref: string): Promise<string> {
  const sha = await resolveCommit(gitDir(api.ctx, repository), ref)
  if (!sha) throw new HttpError(422, `No commit found for SHA: ${ref}`)
  return sha
}

/** Runs a change of settings, and answers a refusal with 422. */
export async function refusing<T>(change: () => Promise<T> | T): Promise<T> {
  try {
    return await change()
  } catch (error) {
    if (error instanceof Refused) {
      throw new HttpError(
        error.message.startsWith('Repository was archived') ? 403 : 422,
        'Repository change failed.',
        {
          errors: [{ resource: 'Repository', code: 'custom', field: 'name', message: error.message }],
        },
      )
    }
    throw error
  }
}

/** Parses a numeric path part. */
export function idOf(request: Request, name: string): number {
  const id = Number(request.params[name])
  if (!Number.isSafeInteger(id) || id <= 0) throw notFound()
  return id
}
