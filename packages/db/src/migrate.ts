import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { indexMissingModels } from './queries/search-index.ts'
import * as tables from './tables/index.ts'

/** Brings the database at `url` to the newest schema. Safe to call from several processes at once. */
export async function migrate(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    // One migrator at a time: the lock is held by this connection and goes with it.
    await sql`select pg_advisory_lock(727001)`
    await applyMigrations(drizzle(sql), { migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)) })
    // The words of a model are cut in TypeScript, so that no migration in SQL can fill the directory.
    await indexMissingModels(drizzle(sql, { schema: tables }))
  } finally {
    await sql.end({ timeout: 5 })
  }
}
