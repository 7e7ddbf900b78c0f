import { findModelById, setDefaultVersion } from '@modelport/db/queries/models'
import {
  cancelVersion,
  findVersionById,
  type Rebuild,
  rebuildVersion,
  yankVersion,
} from '@modelport/db/queries/versions'
import type { Target } from '@modelport/schema/words'
import type { RequestActor } from '#src/auth/actor.ts'
import { hidden, Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { openModel, openVersion } from '#src/features/models/open-model.ts'

// What publishers do with versions: the same for the API and for the buttons of the pages.

export async function rebuild(
  actor: RequestActor,
  owner: string,
  slug: string,
  number: number,
  options: { target?: Target; cache: boolean },
): Promise<Rebuild> {
  const { version, model } = await openVersion(actor, owner, slug, number, 'build')
  if (model.state === 'archived') throw new Refusal('conflict', 'This model is archived and makes no new builds.')
  return rebuildVersion(context().db, version.id, {
    target: options.target,
    useCache: options.cache,
    requestedBy: actor.user!.login,
  })
}

/** Returns how many builds it stopped or asked to stop. */
export async function cancel(actor: RequestActor, owner: string, slug: string, number: number): Promise<number> {
  const { version } = await openVersion(actor, owner, slug, number, 'build')
  return cancelVersion(context().db, version.id, actor.user!.login)
}

export async function yank(actor: RequestActor, owner: string, slug: string, number: number, reason: string | null) {
  const { version, model } = await openVersion(actor, owner, slug, number, 'publish')
  if (reason !== null && model.defaultPolicy === 'pinned' && model.defaultVersionId === version.id)
    throw new Refusal('conflict', `Version ${number} is pinned as the default. Choose another default first.`)
  await yankVersion(context().db, version.id, actor.user!.login, reason)
  return findVersionById(context().db, version.id)
}

export async function chooseDefault(
  actor: RequestActor,
  owner: string,
  slug: string,
  choice: { policy: 'latest' } | { policy: 'pinned'; version: number },
) {
  const { model } = await openModel(actor, owner, slug, 'publish')
  await setDefaultVersion(context().db, model.id, choice, actor.user!.login)
  const now = await findModelById(context().db, model.id)
  if (!now) throw hidden()
  return now
}
