import type { Model } from '@modelport/db/queries/models'
import { findOwner } from '@modelport/db/queries/pages'
import {
  findApiToken,
  findPermission,
  findSession,
  type Permission,
  recordPermission,
  type Session,
  type TokenScope,
  type User,
} from '@modelport/db/queries/people'
import type { Actor } from '#src/auth/can.ts'
import { sessionCookie } from '#src/auth/cookies.ts'
import { context } from '#src/context.ts'

/** For how long GitHub's answer about a person and a repository is believed, when no webhook says otherwise. */
const believedFor = 5 * 60_000

export interface RequestActor extends Actor {
  session: Session | null
  /** How the request was signed; a cookie is sent by the browser unasked, so its changes need a same-origin check. */
  by: 'cookie' | 'token' | 'nobody'
}

export const nobody: RequestActor = {
  user: null,
  scopes: null,
  session: null,
  by: 'nobody',
  permissionOn: async () => 'none',
}

export async function actorOfSession(secret: string | undefined): Promise<RequestActor> {
  if (!secret) return nobody
  const found = await findSession(context().db, secret)
  return found ? { ...person(found.user, null), session: found.session, by: 'cookie' } : nobody
}

/** Null when the request carries a token that is not good; a request without any is `nobody`. */
export async function actorOfRequest(request: Request): Promise<RequestActor | null> {
  const authorization = request.headers.get('authorization')
  if (authorization) {
    const secret = /^Bearer\s+(\S+)$/i.exec(authorization)?.[1]
    return secret ? actorOfApiToken(secret) : null
  }
  return actorOfSession(readCookie(request, sessionCookie(context().config)))
}

/** Null for a token that is not good. */
export async function actorOfApiToken(secret: string): Promise<RequestActor | null> {
  if (!/^mp_[A-Za-z0-9_-]{20,100}$/.test(secret)) return null
  const found = await findApiToken(context().db, secret)
  return found ? { ...person(found.user, found.token.scopes as TokenScope[]), session: null, by: 'token' } : null
}

function person(user: User, scopes: TokenScope[] | null): Actor {
  // Asked once per request: a page asks about several actions on the same model.
  const asked = new Map<string, Promise<Permission | 'unknown'>>()
  return {
    user,
    scopes,
    permissionOn(model) {
      const answer = asked.get(model.id) ?? askPermission(user, model)
      asked.set(model.id, answer)
      return answer
    },
  }
}

async function askPermission(user: User, model: Model): Promise<Permission | 'unknown'> {
  const { db, github } = context()
  const known = await findPermission(db, user.id, model.id)
  if (known && Date.now() - known.checkedAt.getTime() < believedFor) return known.permission
  try {
    const owner = await findOwner(db, model.publisherId)
    const permission = await github.permissionOf(
      { owner, name: model.name, installationId: model.installationId },
      user.login,
    )
    await recordPermission(db, user.id, model.id, permission)
    return permission
  } catch (error) {
    console.error(`The permission of ${user.login} on model ${model.id} could not be asked.`, error)
    return 'unknown'
  }
}

export function readCookie(request: Request, name: string): string | undefined {
  for (const part of (request.headers.get('cookie') ?? '').split(';')) {
    const [key, ...value] = part.trim().split('=')
    if (key === name) return value.join('=')
  }
  return undefined
}
