import { api, json } from '#src/api/route.ts'
import { deliveryJson, seeDelivery, versionNumberOf } from '#src/features/deliveries/deliveries.ts'

export const dynamic = 'force-dynamic'

export const GET = api<{ id: string }>(async ({ actor, params }) => {
  const delivery = await seeDelivery(actor, params.id)
  return json(deliveryJson(delivery, await versionNumberOf(delivery)))
})
