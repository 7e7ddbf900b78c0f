import type { Database } from '../client.ts'

/** Whoever holds the lock and gives no sign of life for so long has lost it. */
const silentSeconds = 10

/**
 * Runs `work` while holding a lock of this build's reports, on a connection of its own; the lock goes with it. `work` asks
 * `held` right before it tells somebody what it has read: that rejects in a process that stood still until it lost the lock.
 */
export async function withReportLock(
  database: Database,
  buildId: string,
  work: (held: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await database.sql.begin(async (sql) => {
    await sql.unsafe(`set local idle_in_transaction_session_timeout = '${silentSeconds}s'`)
    await sql`select pg_advisory_xact_lock(hashtextextended(${`report ${buildId}`}, 0))`
    const held = async () => void (await sql`select 1`)
    // GitHub may take its time: that is not silence.
    const sign = setInterval(() => held().catch(() => clearInterval(sign)), (silentSeconds * 1000) / 4)
    try {
      await work(held)
    } finally {
      clearInterval(sign)
    }
  })
}
