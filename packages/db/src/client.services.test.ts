import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase, type Tx } from './client.ts'
import { openTestDatabase } from './testing.ts'

let owner: Awaited<ReturnType<typeof openTestDatabase>>
let database: Database
beforeAll(async () => {
  owner = await openTestDatabase()
  database = openDatabase(owner.url, { max: 1 })
})
afterAll(async () => {
  await database.close()
  await owner.close()
})

const kept = async () =>
  (await database.sql`select statement from pg_prepared_statements`).map(({ statement }) => statement as string)

it('keeps a statement for the next time, in a transaction and beside one, whatever its values', async () => {
  for (const n of [1, 2]) {
    expect(await database.db.execute(sql`select ${n}::int as beside`)).toEqual([{ beside: n }])
    await database.db.transaction(async (tx) => {
      expect(await tx.execute(sql`select ${n}::int as within`)).toEqual([{ within: n }])
      await tx.transaction((inner) => inner.execute(sql`select ${n}::int as nested`))
    })
  }
  const statements = await kept()
  for (const word of ['beside', 'within', 'nested'])
    expect(
      statements.filter((text) => text.includes(word)),
      word,
    ).toHaveLength(1)
})

it('does not keep one of many lengths, as an insert of many rows is', async () => {
  const many = sql.join(
    Array.from({ length: 33 }, (_, i) => sql`${i}::int`),
    sql`, `,
  )
  await database.db.execute(sql`select array[${many}] as lengthy`)
  expect((await kept()).some((text) => text.includes('lengthy'))).toBe(false)
})

it('plans each question anew, since its words are what tells how many rows there are', async () => {
  expect(await database.sql`show plan_cache_mode`).toEqual([{ plan_cache_mode: 'force_custom_plan' }])
})

it('goes on after a kept statement failed', async () => {
  const divide = (by: number) => database.db.execute(sql`select 1 / ${by}::int as quotient`)
  expect(await divide(1)).toEqual([{ quotient: 1 }])
  await expect(divide(0)).rejects.toThrow()
  expect(await divide(1)).toEqual([{ quotient: 1 }])
})

describe('a transaction whose connection is lost', () => {
  const end = async (pid: number) => owner.sql`select pg_terminate_backend(${pid}::int)`
  const pidOf = async (tx: Pick<Tx, 'execute'>) =>
    (await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`))[0]!.pid
  const insert = (tx: Pick<Tx, 'execute'>, n: number) => tx.execute(sql`insert into things values (${n}::int)`)
  const things = async () => (await owner.sql`select n from things order by n`).map(({ n }) => n as number)
  beforeAll(() => owner.sql`create table things (n int)`)
  beforeEach(() => owner.sql`truncate things`)

  it('in the middle of a statement is rejected, and later ones run', async () => {
    const failed = database.db.transaction(async (tx) => {
      await insert(tx, 1)
      const pid = await pidOf(tx)
      setTimeout(() => void end(pid), 100)
      await tx.execute(sql`select pg_sleep(5)`)
    })
    await expect(failed).rejects.toThrow()
    const next = () =>
      database.db
        .transaction((tx) => insert(tx, 2))
        .then(
          () => 'done',
          () => 'failed',
        )
    // The driver tells the first one after it of the old connection's end once more.
    await expect.poll(next).toBe('done')
    expect(await things()).toEqual([2])
  })

  it('between two statements sends nothing more, though others have got the connection back', async () => {
    const told: string[] = []
    const failed = database.db.transaction(async (tx) => {
      await insert(tx, 1)
      await end(await pidOf(tx))
      // Whoever waits for the only connection makes it come back.
      await database.sql`select 1`
      await insert(tx, 2).then(
        () => told.push('inserted'),
        () => told.push('refused'),
      )
    })
    await expect(failed).rejects.toThrow()
    await expect.poll(() => told).toEqual(['refused'])
    expect(await things()).toEqual([])
  })

  it('and which swallows that is not taken for done', async () => {
    const failed = database.db.transaction(async (tx) => {
      await end(await pidOf(tx))
      await insert(tx, 1).catch(() => undefined)
      return 'done'
    })
    await expect(failed).rejects.toThrow()
    expect(await things()).toEqual([])
  })
})
