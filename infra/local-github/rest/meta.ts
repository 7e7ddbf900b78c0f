import { z } from 'zod'
import { deliveryMode, ENTERPRISE_VERSION } from '../deliveries.ts'
import { type Router, readJson, sendEmpty, sendJson } from '../http.ts'
import type { Api } from './api.ts'

/** The rate that is told, and never enforced: a test machine makes more calls than a GitHub would allow. */
export const RATE_LIMIT = 15_000

const apiFault = z.object({
  path: z.string().max(500).default(''),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).nullable().default(null),
  status: z.number().int().min(400).max(599).nullable().default(null),
  delayMs: z.number().int().min(0).max(120_000).default(0),
  remaining: z.number().int().min(1).max(1_000_000).default(1),
})

/** What the server tells of itself, and how tests make it misbehave. */
export function metaRoutes(router: Router<Api>): void {
  router.on('GET', '/meta', (_api, request) => {
    sendJson(request, 200, { verifiable_password_authentication: true, installed_version: ENTERPRISE_VERSION })
  })

  router.on('GET', '/rate_limit', (_api, request) => {
    const rate = rateNow(0)
    sendJson(request, 200, { resources: { core: rate, search: rate, graphql: rate }, rate })
  })

  router.on('GET', '/local/deliveries/mode', (api, request) => sendJson(request, 200, api.ctx.deliveries.mode))

  router.on('PUT', '/local/deliveries/mode', async (api, request) => {
    api.ctx.deliveries.setMode(await readJson(request, deliveryMode))
    sendJson(request, 200, api.ctx.deliveries.mode)
  })

  router.on('POST', '/local/deliveries/settle', async (api, request) => {
    await api.ctx.deliveries.settled()
    sendEmpty(request, 204)
  })

  router.on('GET', '/local/api-faults', (api, request) => sendJson(request, 200, api.ctx.apiFaults))

  router.on('PUT', '/local/api-faults', async (api, request) => {
    const faults = await readJson(request, z.array(apiFault).max(100))
    api.ctx.apiFaults.splice(0, api.ctx.apiFaults.length, ...faults)
    sendJson(request, 200, api.ctx.apiFaults)
  })
}

/** The rate limit after so many calls in this hour. */
export function rateNow(used: number): { limit: number; used: number; remaining: number; reset: number } {
  const hour = 3600
  return {
    limit: RATE_LIMIT,
    used: Math.min(used, RATE_LIMIT),
    // Never zero, because clients rightly stop there and nothing stops them here.
    remaining: Math.max(1, RATE_LIMIT - used),
    reset: (Math.floor(Date.now() / 1000 / hour) + 1) * hour,
  }
}
