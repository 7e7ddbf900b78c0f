import type { Sort } from '@modelport/schema/directory'
import { type SQL, sql } from 'drizzle-orm'
import type { Tx } from '../client.ts'
import { modelSearch } from '../tables/search.ts'
import { type Question, whereOf } from './search-question.ts'

// One page of what is found, in the order that was asked for, and the cursor of the next.

/** Where a page ended: what its last row is sorted by, and its id. */
export interface Place {
  id: string
  keys: string[]
}

/** The first `limit` rows after a place. */
export async function readPage(
  tx: Tx,
  question: Question,
  sort: Sort,
  after: Place | null,
  limit: number,
): Promise<Place[]> {
  const where = whereOf(question)
  if (sort !== 'relevance') return readSorted(tx, where, sort, after, limit)
  // Tier by tier, and within one the last changed first, as an index has them: a common word is in too many models for
  // giving each of them a score.
  const { tiers } = question.text
  const rows: Place[] = []
  const [afterScore, ...afterKeys] = after?.keys ?? []
  for (let score = tiers.length + 1; score >= 1 && rows.length < limit; score--) {
    if (after && score > Number(afterScore)) continue
    const stronger = tiers.slice(0, tiers.length + 1 - score).map((tier) => sql`not (${tier})`)
    const own = tiers[tiers.length + 1 - score]
    const inTier = sql.join([where, ...stronger, ...(own ? [own] : [])], sql` and `)
    const place = after && score === Number(afterScore) ? { id: after.id, keys: afterKeys } : null
    const read = await readSorted(tx, inTier, 'updated', place, limit - rows.length)
    rows.push(...read.map((row) => ({ id: row.id, keys: [String(score), ...row.keys] })))
  }
  return rows
}

const micros = (column: SQL) => sql`(extract(epoch from ${column}) * 1000000)::bigint::text`
const fromMicros = (text: string) => sql`(timestamptz 'epoch' + ${text}::bigint * interval '1 microsecond')`
const sizeOrder = sql`coalesce(${modelSearch.sizeBytes}, 9223372036854775807)`

interface Order {
  /** What is compared, before the id that breaks ties. */
  column: SQL
  down: boolean
  /** The value of `column` as text, for the cursor, and a text of the cursor as a value again. */
  text: SQL
  value: (text: string) => SQL
  shape: RegExp
}

const timeOrder = (column: SQL): Order => ({
  column,
  down: true,
  text: micros(column),
  value: fromMicros,
  shape: /^\d{1,16}$/,
})
const orders: Record<Exclude<Sort, 'relevance'>, Order> = {
  updated: timeOrder(sql`${modelSearch.updatedAt}`),
  newest: timeOrder(sql`${modelSearch.createdAt}`),
  smallest: {
    column: sizeOrder,
    down: false,
    text: sql`${sizeOrder}::text`,
    value: (text) => sql`${text}::numeric`,
    shape: /^\d{1,19}$/,
  },
  name: {
    column: sql`${modelSearch.name} collate "C"`,
    down: false,
    text: sql`${modelSearch.name}`,
    value: (text) => sql`${text}::text collate "C"`,
    shape: /^[^\0]{1,200}$/,
  },
}

async function readSorted(
  tx: Tx,
  where: SQL,
  sort: Exclude<Sort, 'relevance'>,
  after: Place | null,
  limit: number,
): Promise<Place[]> {
  const { column, down, text, value } = orders[sort]
  const direction = down ? sql`desc` : sql`asc`
  const beyond = after
    ? sql` and (${column}, ${modelSearch.modelId}) ${down ? sql`<` : sql`>`} (${value(after.keys[0]!)}, ${after.id}::uuid)`
    : sql``
  const rows = await tx.execute<{ id: string; key: string }>(sql`
    select ${modelSearch.modelId} as id, ${text} as key from ${modelSearch} where ${where}${beyond}
    order by ${column} ${direction}, ${modelSearch.modelId} ${direction} limit ${limit}`)
  return rows.map(({ id, key }) => ({ id, keys: [key] }))
}

/** Cursors are opaque outside: the sort that they belong to, the keys of the last row, its id. */
export function writePlace(sort: Sort, { keys, id }: Place): string {
  return Buffer.from(JSON.stringify([sort, ...keys, id])).toString('base64url')
}

/** Null for anything that is no cursor of this sort: such a question begins at the first page. */
export function readPlace(cursor: string | null, sort: Sort): Place | null {
  if (!cursor || cursor.length > 1000) return null
  let list: unknown
  try {
    list = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return null
  }
  const shape = sort === 'relevance' ? [/^\d$/, orders.updated.shape] : [orders[sort].shape]
  if (!Array.isArray(list) || list.length !== shape.length + 2 || list[0] !== sort) return null
  const texts = list.slice(1) as unknown[]
  const fits = [...shape, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/].every((pattern, i) => {
    const text = texts[i]
    return typeof text === 'string' && pattern.test(text)
  })
  if (!fits) return null
  const keys = texts as string[]
  return { keys: keys.slice(0, -1), id: keys.at(-1)! }
}
