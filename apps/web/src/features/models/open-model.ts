import { type FoundModel, findModel } from '@modelport/db/queries/models'
import { findPermission } from '@modelport/db/queries/people'
import { findVersion, type Version } from '@modelport/db/queries/versions'
import type { RequestActor } from '#src/auth/actor.ts'
import { type Action, can } from '#src/auth/can.ts'
import { hidden, Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { couldBePath } from '#src/features/models/model-path.ts'

const nobodysModel = '00000000-0000-0000-0000-000000000000'

/** Finds a model for somebody who wants to do `action` with it. Throws the `Refusal` that fits when they may not. */
export async function openModel(
  actor: RequestActor,
  owner: string,
  slug: string,
  action: Action = 'see',
): Promise<FoundModel> {
  const found = couldBePath(owner, slug) ? await findModel(context().db, owner, slug) : null
  if (!found) {
    // What is hidden costs a look at the person's rights; what is missing costs one too, so that time does not tell them apart.
    if (actor.user) await findPermission(context().db, actor.user.id, nobodysModel)
    throw hidden()
  }
  await demand(actor, action, found)
  return found
}

/** `/owner/model`, where its pages begin. */
export const pathOf = ({ model, publisher }: FoundModel) => `/${publisher.slug}/${model.slug}`

export async function demand(actor: RequestActor, action: Action, { model, publisher }: FoundModel): Promise<void> {
  const decision = await can(actor, action, model)
  if (decision === 'allow') return
  if (decision === 'unavailable')
    throw new Refusal('unavailable', 'GitHub could not be asked what you may do here. Try again in a minute.')
  if (decision === 'forbid')
    throw new Refusal(
      'forbidden',
      `You may see ${publisher.slug}/${model.slug}, but not do this. People with write access to the repository on GitHub, or a token with a wider scope, can.`,
    )
  // A change asked for without signing in gets the hint to sign in, once the model itself may be seen.
  if (!actor.user && !action.startsWith('see') && (await can(actor, 'see', model)) === 'allow')
    throw new Refusal('sign-in', 'Sign in to do this.')
  throw hidden()
}

/** A version that this person may see: ready and not yanked ones with the model, others with its Versions page. */
export async function openVersion(
  actor: RequestActor,
  owner: string,
  slug: string,
  number: number,
  action: Action = 'see',
): Promise<FoundModel & { version: Version }> {
  const found = await openModel(actor, owner, slug, action)
  const version = await findVersion(context().db, found.model.id, number)
  if (!version) throw hidden()
  // A yanked version keeps its address: links to it must be able to say why it is no longer offered.
  if (version.state !== 'ready' && version.state !== 'expired') await demandQuietly(actor, found)
  return { ...found, version }
}

async function demandQuietly(actor: RequestActor, found: FoundModel): Promise<void> {
  for (const action of ['see-versions', 'see-logs'] as const)
    if ((await can(actor, action, found.model)) === 'allow') return
  await demand(actor, 'see-versions', found)
}
