import { pino } from 'pino'
import { expect, it } from 'vitest'
import type { GithubClients } from '../github/github-client.ts'
import { recoverDeliveries } from './recover-deliveries.ts'

interface Attempt {
  id: number
  guid: string
  status_code: number
  delivered_at: string
}
const now = new Date().toISOString()

/** GitHub with these deliveries, newest first; it refuses to send `refused` again. */
function githubWith(list: Attempt[], refused: number[] = []) {
  const asked: number[] = []
  const app = {
    paginate: {
      iterator: async function* () {
        yield { data: list }
      },
    },
    async request(_route: string, { delivery_id }: { delivery_id: number }) {
      if (refused.includes(delivery_id)) throw Object.assign(new Error('too old'), { status: 422 })
      asked.push(delivery_id)
    },
  }
  return { github: { app } as unknown as GithubClients, asked }
}
const log = pino({ level: 'silent' })

it('asks once for each delivery that never arrived, and for none that arrived in a later attempt', async () => {
  const { github, asked } = githubWith([
    { id: 4, guid: 'a', status_code: 200, delivered_at: now },
    { id: 3, guid: 'b', status_code: 502, delivered_at: now },
    { id: 2, guid: 'b', status_code: 502, delivered_at: now },
    { id: 1, guid: 'a', status_code: 502, delivered_at: now },
  ])
  expect(await recoverDeliveries(github, log)).toBe(1)
  expect(asked).toEqual([3])
})

it('goes on after one that GitHub will not send again, and leaves alone what is older than three days', async () => {
  const old = new Date(Date.now() - 4 * 86_400_000).toISOString()
  const { github, asked } = githubWith(
    [
      { id: 3, guid: 'refused', status_code: 502, delivered_at: now },
      { id: 2, guid: 'wanted', status_code: 502, delivered_at: now },
      { id: 1, guid: 'old', status_code: 502, delivered_at: old },
    ],
    [3],
  )
  expect(await recoverDeliveries(github, log)).toBe(1)
  expect(asked).toEqual([2])
})
