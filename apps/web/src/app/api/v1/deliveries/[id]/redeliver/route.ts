import { api, json } from '#src/api/route.ts'
import { deliveryJson, redeliver } from '#src/features/deliveries/deliveries.ts'

export const dynamic = 'force-dynamic'

export const POST = api<{ id: string }>(async ({ actor, params }) =>
  json(deliveryJson(await redeliver(actor, params.id), null), 202),
)
