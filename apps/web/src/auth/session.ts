import { closeSession, refreshSession, type Session } from '@modelport/db/queries/people'
import { cookies } from 'next/headers'
import { cache } from 'react'
import { actorOfSession, type RequestActor } from '#src/auth/actor.ts'
import { sessionCookie } from '#src/auth/cookies.ts'
import { GithubUnavailable, SignInRefused, Tokens } from '#src/auth/github.ts'
import { seal, unseal } from '#src/auth/seal.ts'
import { context } from '#src/context.ts'

/** Who asks for the page that is being rendered. */
export const currentActor = cache(async (): Promise<RequestActor> => {
  const secret = (await cookies()).get(sessionCookie(context().config))?.value
  return actorOfSession(secret)
})

/**
 * The person's GitHub token, renewed when it runs out within a minute. Null when GitHub no longer accepts the session,
 * which then ends: the person signs in again.
 */
export async function githubTokenOf(session: Session): Promise<string | null> {
  const { db, secrets, github } = context()
  const open = (sealed: string) => {
    const text = unseal(secrets.key, sealed)
    const parsed = text ? Tokens.safeParse(JSON.parse(text)) : null
    return parsed?.success ? parsed.data : null
  }
  const stale = (at: Date | null) => at !== null && at.getTime() < Date.now() + 60_000
  if (!stale(session.accessExpiresAt)) return open(session.githubTokens)?.access ?? null
  try {
    const fresh = await refreshSession(db, session.id, async (current) => {
      // Another request may have renewed it while this one waited for the lock.
      if (!stale(current.accessExpiresAt)) return null
      const tokens = open(current.githubTokens)
      if (!tokens?.refresh) throw new SignInRefused('This session cannot be renewed.')
      return sealTokens(await github.refreshTokens(tokens.refresh))
    })
    return fresh ? (open(fresh.githubTokens)?.access ?? null) : null
  } catch (error) {
    if (error instanceof GithubUnavailable) throw error
    await closeSession(db, session.id)
    return null
  }
}

export function sealTokens(tokens: Tokens): { sealed: string; accessExpiresAt: Date | null } {
  return {
    sealed: seal(context().secrets.key, JSON.stringify(tokens)),
    accessExpiresAt: tokens.accessExpiresAt ? new Date(tokens.accessExpiresAt) : null,
  }
}
