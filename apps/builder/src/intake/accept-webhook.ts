import type { NewDelivery } from '@modelport/db/queries/deliveries'
import { isHandledEvent, webhookSchemas } from '@modelport/schema/webhooks'
import { z } from 'zod'
import { failPoint } from '../fail-point.ts'
import type { ReceivedWebhook } from '../github/app.ts'

const guidSchema = z.string().regex(/^[\w./-]{1,200}$/)
const eventSchema = z.string().regex(/^[a-z_]{1,60}$/)
/** What any payload may say of where it comes from. */
const Origin = z.object({
  action: z.string().max(60).nullish().catch(null),
  repository: z
    .object({ id: z.number().int(), full_name: z.string().max(300) })
    .nullish()
    .catch(null),
  installation: z.object({ id: z.number().int() }).nullish().catch(null),
})

/**
 * Stores one verified webhook in the inbox, once by its delivery id. What is not read is not kept: a payload is cut
 * down to its event's schema, and one that does not fit it is kept as an empty one, which the inbox closes with the reason.
 */
export async function acceptWebhook(
  store: (delivery: NewDelivery) => Promise<boolean>,
  webhook: ReceivedWebhook,
): Promise<boolean> {
  const guid = guidSchema.safeParse(webhook.guid)
  const event = eventSchema.safeParse(webhook.event)
  const origin = Origin.safeParse(webhook.payload)
  if (!guid.success || !event.success || !origin.success) return false
  const parsed = isHandledEvent(event.data) ? webhookSchemas[event.data].safeParse(webhook.payload) : null
  failPoint('before-insert')
  const isNew = await store({
    guid: guid.data,
    event: event.data,
    action: origin.data.action?.replaceAll('\0', '').toWellFormed() ?? null,
    bodySha256: webhook.bodySha256,
    repositoryId: origin.data.repository?.id ?? null,
    repositoryName: origin.data.repository?.full_name.replaceAll('\0', '').toWellFormed() ?? null,
    installationId: origin.data.installation?.id ?? null,
    payload: parsed?.success ? parsed.data : {},
  })
  failPoint('after-insert')
  return isNew
}
