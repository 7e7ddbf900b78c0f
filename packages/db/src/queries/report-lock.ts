import type { Database } from '../client.ts'

/** Runs `work` while holding a lock of this build's reports, on a connection of its own; the lock goes with it. */
export async function withReportLock(database: Database, buildId: string, work: () => Promise<void>): Promise<void> {
  await database.sql.begin(async (sql) => {
    // Nothing but this lock hangs on the transaction, while GitHub takes its time.
    await sql`set local idle_in_transaction_session_timeout = '120s'`
    await sql`select pg_advisory_xact_lock(hashtextextended(${`report ${buildId}`}, 0))`
    await work()
  })
}
