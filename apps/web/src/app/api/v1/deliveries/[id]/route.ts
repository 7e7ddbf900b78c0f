import { versionNumbers } from '@modelport/db/queries/pages'
import { api, json } from '#src/api/route.ts'
import { context } from '#src/context.ts'
import { deliveryJson, seeDelivery } from '#src/features/deliveries/deliveries.ts'

export const dynamic = 'force-dynamic'

export const GET = api<{ id: string }>(async ({ actor, params }) => {
  const delivery = await seeDelivery(actor, params.id)
  const numbers = await versionNumbers(context().db, delivery.versionId ? [delivery.versionId] : [])
  return json(deliveryJson(delivery, [...numbers.values()][0] ?? null))
})
