import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openTestDatabase } from '../testing.ts'
import { withReportLock } from './report-lock.ts'

let database: Awaited<ReturnType<typeof openTestDatabase>>
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

const holder = async () => {
  const rows = await database.sql<
    { pid: number }[]
  >`select l.pid from pg_locks l join pg_database d on d.oid = l.database
    where l.locktype = 'advisory' and l.granted and d.datname = current_database()`
  return rows.map(({ pid }) => pid)
}

it('lets one report of a build at a time do its work', async () => {
  const build = randomUUID()
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setTimeout(resolve, 50))
    inside--
  }
  await Promise.all([1, 2, 3].map(() => withReportLock(database, build, work)))
  expect(most).toBe(1)
})

it('tells whoever lost it, before they tell others what they read', async () => {
  const build = randomUUID()
  const told: string[] = []
  const work = async (held: () => Promise<void>) => {
    await held()
    // As Postgres does with a session that is silent for too long.
    for (const pid of await holder()) await database.sql`select pg_terminate_backend(${pid}::int)`
    await withReportLock(database, build, async () => void told.push('second'))
    await held()
    told.push('first')
  }
  let working: Promise<void> | undefined
  const first = withReportLock(database, build, (held) => {
    working = work(held)
    return working
  })
  await expect(first).rejects.toThrow()
  await expect(working).rejects.toThrow()
  expect(told).toEqual(['second'])
})
