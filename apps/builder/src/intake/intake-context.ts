import type { Tx } from '@modelport/db/client'
import type { Decision, Delivery } from '@modelport/db/queries/deliveries'
import type { GithubClients } from '../github/github-client.ts'

/** What a handler of one delivery may use. Everything it writes goes through `tx`, with the delivery's own row. */
export interface Intake {
  tx: Tx
  delivery: Delivery
  github: GithubClients
  importOnPush: 'configured' | 'all'
}

export const nothing = (reason: string, modelId: string | null = null): Decision => ({
  decision: 'nothing',
  reason,
  modelId,
})
export const synced = (reason: string, modelId: string | null = null): Decision => ({
  decision: 'synced',
  reason,
  modelId,
})
