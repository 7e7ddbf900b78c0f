import type { GithubClients } from '../github/github-client.ts'
import { described, type Logger } from '../log.ts'

/** Deliveries older than this cannot be sent again on github.com. */
const maxAgeMs = 3 * 86_400_000

/**
 * Asks GitHub for deliveries that never reached us and has them sent again; GitHub does not do so by itself. A delivery
 * keeps its id, so one that did reach us after all changes nothing. Returns how many were asked for.
 */
export async function recoverDeliveries(github: GithubClients, log: Logger): Promise<number> {
  const attempts = new Map<string, { id: number; reached: boolean }>()
  for await (const { data } of github.app.paginate.iterator('GET /app/hook/deliveries', { per_page: 100 })) {
    for (const attempt of data) {
      if (Date.now() - Date.parse(attempt.delivered_at) > maxAgeMs) continue
      const seen = attempts.get(attempt.guid)
      const reached = attempt.status_code >= 200 && attempt.status_code < 300
      attempts.set(attempt.guid, { id: seen?.id ?? attempt.id, reached: reached || (seen?.reached ?? false) })
    }
    const oldest = data.at(-1)
    if (!oldest || Date.now() - Date.parse(oldest.delivered_at) > maxAgeMs || attempts.size > 5000) break
  }
  let asked = 0
  for (const [guid, { id, reached }] of attempts) {
    if (reached) continue
    try {
      await github.app.request('POST /app/hook/deliveries/{delivery_id}/attempts', { delivery_id: id })
      log.info({ guid }, 'asked GitHub to send a delivery again')
      asked++
    } catch (error) {
      // One that GitHub will not send again must not hold up the others.
      log.warn({ guid, ...described(error) }, 'GitHub does not send a delivery again')
    }
  }
  return asked
}
