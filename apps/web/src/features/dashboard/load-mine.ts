import { listRestorable } from '@modelport/db/queries/model-life'
import { listModelsByRepositories } from '@modelport/db/queries/models'
import { listFailures, listUnfinished } from '@modelport/db/queries/pages'
import { redirect } from 'next/navigation'
import type { RequestActor } from '#src/auth/actor.ts'
import { GithubUnavailable, type InstalledRepository } from '#src/auth/github.ts'
import { currentActor, githubTokenOf } from '#src/auth/session.ts'
import { context } from '#src/context.ts'

/** The signed-in person; everybody else is sent to sign in and back. */
export async function requireSignIn(here: string): Promise<RequestActor> {
  const actor = await currentActor()
  if (!actor.session) redirect(`/login?next=${encodeURIComponent(here)}`)
  return actor
}

/** The repositories that the person and the app both see; null when GitHub does not answer. */
export async function myRepositories(actor: RequestActor, here: string): Promise<InstalledRepository[] | null> {
  try {
    const token = actor.session ? await githubTokenOf(actor.session) : null
    if (token) return await context().github.listRepositories(token)
  } catch (error) {
    if (!(error instanceof GithubUnavailable)) throw error
    console.error('Somebody’s repositories could not be listed.', error)
    return null
  }
  // GitHub no longer accepts this session: outside of the `try`, because a redirect is thrown.
  redirect(`/login?next=${encodeURIComponent(here)}`)
}

export async function loadDashboard(actor: RequestActor) {
  const { db } = context()
  const repositories = await myRepositories(actor, '/dashboard')
  const models = repositories
    ? await listModelsByRepositories(
        db,
        repositories.map((r) => r.id),
      )
    : []
  const ids = models.map((m) => m.model.id)
  const [running, failures] = await Promise.all([listUnfinished(db, ids), listFailures(db, ids)])
  const mine = repositories?.filter((repository) => repository.mayAdminister).map((repository) => repository.id)
  const restorable = await listRestorable(db, mine ?? [])
  return { repositories, models, running, failures, restorable }
}
