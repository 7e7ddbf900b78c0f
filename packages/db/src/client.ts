import { setTimeout as sleep } from 'node:timers/promises'
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

/** How long a transaction may stand still in a process that does not say otherwise. */
export const idleSeconds = 120

/** A statement of more parameters is one of many lengths, as an insert of many rows is, and not kept. */
const keptParameters = 32

/**
 * Opens a pool of at most `max` connections. Connects on first use; statements end after 30 s, and a transaction in which
 * nothing happens for `idle` seconds is taken for one of a process that was stopped: its locks would hold up all others.
 */
export function openDatabase(url: string, { max = 10, name = 'modelport', idle = idleSeconds } = {}): Database {
  const driver = postgres(url, {
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
      idle_in_transaction_session_timeout: idle * 1000,
    },
  })
  const sql = keeping(driver)
  return { db: drizzle(sql, { schema: tables }), sql, close: () => driver.end({ timeout: 5 }) }
}

/**
 * The driver as we use it: each connection keeps the statements that it has parsed, which saves the second time a round
 * trip and half of what the statement costs both sides (Drizzle asks for that only of statements with a name), and a
 * transaction ends with its connection. `over` tells why a transaction is over.
 */
function keeping<T extends postgres.Sql | postgres.TransactionSql>(sql: T, over: () => Error | null = () => null): T {
  const open = () => {
    const why = over()
    if (why) throw why
  }
  return new Proxy(sql, {
    apply(target, self, args) {
      open()
      return Reflect.apply(target, self, args)
    },
    get(target, key) {
      const value = Reflect.get(target, key)
      if (key === 'unsafe')
        return (
          text: string,
          values: postgres.ParameterOrJSON<never>[] = [],
          options?: postgres.UnsafeQueryOptions,
        ) => {
          open()
          return target.unsafe(text, values, { ...options, prepare: values.length <= keptParameters })
        }
      if (key === 'begin') return (work: Work) => transaction(value as Begin, work)
      if (key === 'savepoint') return (work: Work) => (value as Begin)((inner) => untilOver(inner, work, over))
      return value
    },
  })
}

type Work = (sql: postgres.TransactionSql) => Promise<unknown>
type Begin = (work: Work) => Promise<unknown>

/**
 * A transaction whose connection may be lost, to a restart of the database, say. The driver rejects it then, but would run
 * what `work` still sends on the next connection, outside of any transaction, and end the process over its own rollback
 * (https://github.com/porsager/postgres/issues/1208, 1155): so nothing is sent any more, and it never hears how `work` ends.
 */
function transaction(begin: Begin, work: Work): Promise<unknown> {
  let over: Error | null = null
  const running = begin((inner) => untilOver(inner, work, () => over))
  running.catch((error) => {
    over = error
  })
  return running
}

/** Settles as `work` does, but not once the transaction is over. */
async function untilOver(inner: postgres.TransactionSql, work: Work, over: () => Error | null): Promise<unknown> {
  const never = new Promise(() => undefined)
  try {
    const value = await work(keeping(inner, over))
    return over() ? never : value
  } catch (error) {
    // The connection's end is told after that of its statement.
    if (isLostConnection(error)) await sleep(1000)
    if (over()) return never
    throw error
  }
}

/** The driver's word for it, or the server's: it shuts down, or the session was silent for too long. */
const lostConnection = /^(CONNECTION_(CLOSED|DESTROYED|ENDED)|57P0[1-5]|25P03)$/

const isLostConnection = (error: unknown) => lostConnection.test(codeOf(error) ?? '')

/** Whether an error is Postgres' unique violation (SQLSTATE 23505). */
export const isUniqueViolation = (error: unknown) => codeOf(error) === '23505'

/** The SQLSTATE of a statement that failed, or the driver's code; null for any other error. */
export function codeOf(error: unknown): string | null {
  const cause = error instanceof Error && error.cause ? error.cause : error
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : null
}
