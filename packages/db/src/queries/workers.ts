import { desc, eq, sql } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { builds } from '../tables/versions.ts'
import { type WorkerReport, workers } from '../tables/workers.ts'

export type { WorkerReport }
export type SeenWorker = typeof workers.$inferSelect

/** Notes that a worker lives and what it says of itself; workers that were silent for a day are forgotten. */
export async function reportWorker(db: Db, name: string, report: WorkerReport): Promise<void> {
  await db
    .insert(workers)
    .values({ name, report })
    .onConflictDoUpdate({ target: workers.name, set: { report, seenAt: sql`now()` } })
  await db.delete(workers).where(sql`${workers.seenAt} < now() - interval '1 day'`)
}

/** A worker that stops says so by leaving. */
export async function forgetWorker(db: Db, name: string): Promise<void> {
  await db.delete(workers).where(eq(workers.name, name))
}

/** Workers, the one seen last first, and how many builds wait and run. */
export async function listWorkers(db: Db): Promise<{ workers: SeenWorker[]; waiting: number; running: number }> {
  const seen = await db.select().from(workers).orderBy(desc(workers.seenAt))
  const [counts] = await db
    .select({
      waiting: sql<number>`count(*) filter (where ${builds.state} = 'queued')::int`,
      running: sql<number>`count(*) filter (where ${builds.state} = 'running')::int`,
    })
    .from(builds)
  return { workers: seen, waiting: counts?.waiting ?? 0, running: counts?.running ?? 0 }
}
