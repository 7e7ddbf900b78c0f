import type { Database } from '@modelport/db/client'
import { epochsOf } from '@modelport/db/queries/builds'
import { type OutboxMessage, relayOutbox } from '@modelport/db/queries/outbox'
import { described, type Logger } from '../log.ts'
import { pause } from '../process.ts'
import type { Jobs } from './queue.ts'

/**
 * Sends the outbox' messages to the queue until `signal` aborts: at once when one is written, and every second besides.
 * While the queue is down they stay where they are.
 */
export async function relayRegularly(deps: {
  database: Database
  jobs: Jobs
  log: Logger
  signal: AbortSignal
}): Promise<void> {
  let told = new AbortController()
  const listening = await deps.database.sql.listen('modelport_outbox', () => told.abort())
  deps.signal.addEventListener('abort', () => told.abort(), { once: true })
  let down = false
  while (!deps.signal.aborted) {
    // Before the look: what is told during it is looked for at once.
    told = new AbortController()
    let sent = 0
    try {
      sent = await relayOutbox(deps.database.db, (messages) => send(deps, messages))
      if (down) deps.log.info('the queue answers again')
      down = false
    } catch (error) {
      if (!down)
        deps.log.warn(described(error), 'the queue or the database does not answer; messages wait in the outbox')
      down = true
    }
    if (sent > 0) continue
    if (!deps.signal.aborted) await pause(1000, told.signal)
  }
  await listening.unlisten().catch(() => undefined)
}

/** A job's key holds the epoch: while one waits there is no second, and one that died with its worker is no obstacle. */
async function send(deps: { database: Database; jobs: Jobs }, messages: OutboxMessage[]): Promise<void> {
  const epochs = await epochsOf(
    deps.database.db,
    messages.map((m) => m.buildId),
  )
  const builds = messages.filter((m) => m.kind === 'build')
  const reports = messages.filter((m) => m.kind === 'report')
  if (builds.length > 0)
    await deps.jobs.add(
      'builds',
      builds.map(({ buildId }) => ({ key: `build-${buildId}-${epochs.get(buildId) ?? 0}`, data: { buildId } })),
    )
  // Each change is reported for itself; the report reads the row, so one more than needed does no harm.
  if (reports.length > 0)
    await deps.jobs.add(
      'reports',
      reports.map(({ id, buildId }) => ({ key: `report-${buildId}-${id}`, data: { buildId } })),
    )
}
