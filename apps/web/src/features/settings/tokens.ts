import {
  type ApiToken,
  createApiToken,
  listApiTokens,
  revokeApiToken,
  type TokenScope,
  tokenScopes,
} from '@modelport/db/queries/people'
import type { TokenRequest } from '@modelport/schema/api'
import type { z } from 'zod'
import type { RequestActor } from '#src/auth/actor.ts'
import { hidden, Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'

/** Tokens belong to a person; a token may look after others only with the scope `admin`. */
function owner(actor: RequestActor): { id: string; scopes: readonly TokenScope[] } {
  if (!actor.user) throw new Refusal('sign-in', 'Sign in to manage API tokens.')
  if (actor.scopes && !actor.scopes.includes('admin'))
    throw new Refusal('forbidden', 'This token lacks the scope `admin`.')
  return { id: actor.user.id, scopes: actor.scopes ?? tokenScopes }
}

export async function tokensOf(actor: RequestActor): Promise<ApiToken[]> {
  return listApiTokens(context().db, owner(actor).id)
}

export async function makeToken(actor: RequestActor, wish: z.infer<typeof TokenRequest>) {
  const { id, scopes } = owner(actor)
  const wanted = wish.scopes ?? [...scopes]
  const beyond = wanted.filter((scope) => !scopes.includes(scope))
  if (beyond.length > 0)
    throw new Refusal('forbidden', `A token cannot make one with wider scopes: ${beyond.join(', ')}.`)
  const expiresAt = wish.expiresInDays ? new Date(Date.now() + wish.expiresInDays * 86_400_000) : null
  return createApiToken(context().db, id, { name: wish.name, scopes: wanted, expiresAt })
}

export async function dropToken(actor: RequestActor, id: string): Promise<void> {
  const { id: userId } = owner(actor)
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
  if (!isId || !(await revokeApiToken(context().db, userId, id))) throw hidden()
}

export function tokenJson(token: ApiToken) {
  return {
    id: token.id,
    name: token.name,
    prefix: token.prefix,
    scopes: token.scopes,
    createdAt: token.createdAt.toISOString(),
    lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
    expiresAt: token.expiresAt?.toISOString() ?? null,
  }
}
