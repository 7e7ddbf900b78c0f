import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from './client.ts'
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
