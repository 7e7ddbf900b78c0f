import { type Delivery, findDelivery, listDeliveries, reopenDelivery } from '@modelport/db/queries/deliveries'
import { type FoundModel, findModelByRepository } from '@modelport/db/queries/models'
import { findPublisherById, versionNumbers } from '@modelport/db/queries/pages'
import { z } from 'zod'
import type { RequestActor } from '#src/auth/actor.ts'
import type { Action } from '#src/auth/can.ts'
import { hidden, Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { demand } from '#src/features/models/open-model.ts'

export type ShownDelivery = Omit<Delivery, 'payload'> & { versionNumber: number | null }

export async function deliveriesOf(repositoryId: number, before: Date | null, limit: number): Promise<ShownDelivery[]> {
  const { db } = context()
  const rows = await listDeliveries(db, { repositoryId, before, limit })
  const numbers = await versionNumbers(
    db,
    rows.flatMap((row) => row.versionId ?? []),
  )
  return rows.map((row) => ({ ...row, versionNumber: row.versionId ? (numbers.get(row.versionId) ?? null) : null }))
}

/** A delivery, for somebody who may do `action` with the model of its repository. */
export async function openDelivery(
  actor: RequestActor,
  id: string,
  action: Action,
): Promise<{ delivery: Delivery } & FoundModel> {
  const { db } = context()
  const delivery = isUuid(id) ? await findDelivery(db, id) : null
  const model = delivery?.repositoryId ? await findModelByRepository(db, delivery.repositoryId) : null
  if (!delivery || !model) throw hidden()
  const found = { model, publisher: await findPublisherById(db, model.publisherId), movedTo: null }
  await demand(actor, action, found)
  return { delivery, ...found }
}

/** A delivery to look at. An import that has no model yet is seen by whoever asked for it. */
export async function seeDelivery(actor: RequestActor, id: string): Promise<Delivery> {
  const delivery = isUuid(id) ? await findDelivery(context().db, id) : null
  const model = delivery?.repositoryId ? await findModelByRepository(context().db, delivery.repositoryId) : null
  if (delivery && !model && delivery.event === 'import') {
    const by = ImportPayload.safeParse(delivery.payload)
    if (by.success && by.data.requestedById === actor.user?.githubId) return delivery
  }
  return (await openDelivery(actor, id, 'see-versions')).delivery
}

const ImportPayload = z.object({ requestedById: z.number() })
const isUuid = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

export async function redeliver(actor: RequestActor, id: string): Promise<Delivery> {
  const { delivery } = await openDelivery(actor, id, 'build')
  if (delivery.state === 'received') throw new Refusal('conflict', 'This delivery is being worked already.')
  await reopenDelivery(context().db, id)
  const now = await findDelivery(context().db, id)
  if (!now) throw hidden()
  return now
}

export async function versionNumberOf({ versionId }: Pick<Delivery, 'versionId'>): Promise<number | null> {
  return versionId ? ((await versionNumbers(context().db, [versionId])).get(versionId) ?? null) : null
}

export function deliveryJson(delivery: Omit<Delivery, 'payload'>, versionNumber: number | null) {
  return {
    id: delivery.id,
    guid: delivery.guid,
    event: delivery.event,
    action: delivery.action,
    repository: delivery.repositoryName,
    status: delivery.state,
    decision: delivery.decision,
    reason: delivery.reason,
    tries: delivery.tries,
    version: versionNumber,
    receivedAt: delivery.receivedAt.toISOString(),
    workedAt: delivery.workedAt?.toISOString() ?? null,
  }
}
