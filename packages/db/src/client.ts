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

/** A statement of more parameters is one of many lengths, as an insert of many rows is, and not kept. */
const keptParameters = 32

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
      // A plan for any words would not know how common these are; compiling one costs more than our statements take.
      plan_cache_mode: 'force_custom_plan',
      jit: 'off',
      // Starting helpers costs more than most statements take, and the other cores have other visitors.
      max_parallel_workers_per_gather: 0,
      idle_in_transaction_session_timeout: idleSeconds * 1000,
    },
  })
  return { db: drizzle(keeping(sql), { schema: tables }), sql, close: () => sql.end({ timeout: 5 }) }
}

/**
 * The driver as drizzle is to use it: each connection keeps the statements that it has parsed, which saves the second time
 * a round trip and half of what the statement costs both sides. Drizzle asks for that only of statements with a name.
 */
function keeping<T extends postgres.Sql | postgres.TransactionSql>(sql: T): T {
  return new Proxy(sql, {
    get(target, key) {
      const value = Reflect.get(target, key)
      if (key === 'unsafe')
        return (text: string, values: postgres.ParameterOrJSON<never>[] = [], options?: postgres.UnsafeQueryOptions) =>
          target.unsafe(text, values, { ...options, prepare: values.length <= keptParameters })
      if (key === 'begin' || key === 'savepoint')
        return (work: (inner: postgres.TransactionSql) => unknown) =>
          (value as (work: (inner: postgres.TransactionSql) => unknown) => unknown)((inner) => work(keeping(inner)))
      return value
    },
  })
}

/** Whether an error is Postgres' unique violation (SQLSTATE 23505). */
export function isUniqueViolation(error: unknown): boolean {
  const cause = error instanceof Error && error.cause ? error.cause : error
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === '23505'
}
