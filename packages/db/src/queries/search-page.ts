import type { Sort } from '@modelport/schema/directory'
import { type SQL, sql } from 'drizzle-orm'
import type { Tx } from '../client.ts'
import { modelSearch } from '../tables/search.ts'
import { allOf, type Question, tierOf, whereOf } from './search-question.ts'

// One page of what is found, in the order that was asked for, and the cursor of the next.

/** Where a page ended: what its last row is sorted by, and its id. */
export interface Place {
  id: string
  keys: string[]
}

export interface PageWish {
  sort: Sort
  after: Place | null
  limit: number
}

/** How much is about to be found. */
export interface Expected {
  /** Whether it is so little that all of it is best read first and sorted then. */
  few: boolean
  /** Rows of the whole directory. */
  size: number
  hits: number
  /** Of `hits`, those of each tier of relevance, and of none. */
  tiers: readonly number[]
}

/** The first `limit` rows after a place. */
export async function readPage(tx: Tx, question: Question, wish: PageWish, expected: Expected): Promise<Place[]> {
  const { sort, after, limit } = wish
  if (sort !== 'relevance') {
    const where = inOrder(whereOf(question), expected.hits, limit, expected)
    return readSorted(tx, where, { sort, after, limit }, expected.few)
  }
  if (expected.few) return readScored(tx, question, wish)
  // Tier by tier, and within one the last changed first, as an index has them: a common word is in too many models for
  // giving each of them a score.
  const tiers = question.text.tiers
  const rows: Place[] = []
  const [afterTier, ...afterKeys] = after?.keys ?? []
  for (let tier = Number(afterTier ?? 0); tier <= tiers.length && rows.length < limit; tier++) {
    const missing = limit - rows.length
    const stronger = tiers.slice(0, tier).map((each) => sql`not (${each})`)
    // What is in a tier has the words anyway; the planner need not look for them elsewhere.
    const own = tiers[tier]
    const inTier = own ? [own, ...question.parts.values()] : [whereOf(question)]
    const where = inOrder(allOf([...inTier, ...stronger]), expected.tiers[tier] ?? 0, missing, expected)
    const place = after && tier === Number(afterTier) ? { id: after.id, keys: afterKeys } : null
    const read = await readSorted(tx, where, { sort: 'updated', after: place, limit: missing }, false)
    rows.push(...read.map((row) => ({ id: row.id, keys: [String(tier), ...row.keys] })))
  }
  return rows
}

/**
 * A condition that some `hits` rows meet, written so that the planner walks along the index of the order until it has
 * `limit` of them where that is less than to read them all and sort: `size * limit / hits` rows. By itself it does not know
 * how common the beginning of a word is; of such an expression it believes that every second row has it.
 */
function inOrder(where: SQL, hits: number, limit: number, { few, size }: Expected): SQL {
  return !few && hits * hits > size * limit ? sql`case when ${where} then true else false end` : where
}

/** By relevance, of few models: each is read and its tier worked out. */
async function readScored(tx: Tx, question: Question, { after, limit }: PageWish): Promise<Place[]> {
  const beyond = after
    ? sql`(-tier, updated_at, id) < (-(${after.keys[0]!}::int), ${fromMicros(after.keys[1]!)}, ${after.id}::uuid)`
    : sql`true`
  const rows = await tx.execute<{ id: string; tier: string; key: string }>(sql`
    with found as materialized (
      select model_id as id, updated_at, ${tierOf(question.text.tiers)} as tier
      from ${modelSearch} where ${whereOf(question)})
    select id, tier::text, ${micros(sql`updated_at`)} as key from found
    where ${beyond} order by found.tier, updated_at desc, id desc limit ${limit}`)
  return rows.map(({ id, tier, key }) => ({ id, keys: [tier, key] }))
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
  { sort, after, limit }: PageWish & { sort: Exclude<Sort, 'relevance'> },
  few: boolean,
): Promise<Place[]> {
  const { column, down, text, value } = orders[sort]
  const direction = down ? sql`desc` : sql`asc`
  const beyond = after
    ? sql`(${column}, ${modelSearch.modelId}) ${down ? sql`<` : sql`>`} (${value(after.keys[0]!)}, ${after.id}::uuid)`
    : sql`true`
  // The planner takes a word that it does not know for one that some models have, and would walk along the index of the
  // order until it has found enough of them: along all of it where there are none.
  const found = sql`with model_search as materialized (
    select model_id, updated_at, created_at, size_bytes, name from ${modelSearch} where ${where})`
  const rows = await tx.execute<{ id: string; key: string }>(sql`${few ? found : sql``}
    select ${modelSearch.modelId} as id, ${text} as key from ${modelSearch}
    where ${few ? sql`true` : where} and ${beyond}
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
