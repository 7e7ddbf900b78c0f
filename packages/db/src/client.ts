import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import * as tables from './tables/index.ts'

export type Db = PostgresJsDatabase<typeof tables>
/** A transaction handle, or the database itself. */
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0] | Db

export interface Database {
  db: Db
  /** The driver below, for LISTEN and for shutting down. */
  sql: postgres.Sql
  close(): Promise<void>
}

/**
 * Opens a pool of at most `max` connections. Connects on first use; statements end after 30 s, and a transaction in which
 * nothing happens for `idleSeconds` is taken for one of a process that was stopped: its locks would hold up all others.
 */
export function openDatabase(url: string, { max = 10, name = 'modelport', idleSeconds = 120 } = {}): Database {
  const sql = postgres(url, {
    max,
    onnotice: () => {},
    connect_timeout: 10,
    idle_timeout: 60,
    connection: {
      application_name: name,
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: idleSeconds * 1000,
    },
  })
  return { db: drizzle(sql, { schema: tables }), sql, close: () => sql.end({ timeout: 5 }) }
}

/** Whether an error is Postgres' unique violation (SQLSTATE 23505). */
export function isUniqueViolation(error: unknown): boolean {
  const cause = error instanceof Error && error.cause ? error.cause : error
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === '23505'
}
