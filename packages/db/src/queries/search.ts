import {
  type DirectoryFilter,
  directoryLimits,
  type Facet,
  facets,
  readSize,
  type Sort,
  searchWords,
  sizePresets,
} from '@modelport/schema/directory'
import { type SQL, sql } from 'drizzle-orm'
import type { Db, Tx } from '../client.ts'
import { facetIdsEach, facetValues, firstFacetId, modelSearch, searchWordsTable } from '../tables/search.ts'
import { type ListedModel, loadListed } from './models.ts'

/**
 * How far counts go before they are cut or estimated, and how long one statement may take. Up to `facetHits` models are
 * counted one by one; of more, about `sampledHits` out of a sample of `facetHits` rows at most.
 */
export const searchLimits = {
  total: 1000,
  facetHits: 15_000,
  sampledHits: 2500,
  statementMs: 2000,
  valuesPerFacet: 50,
}

export interface FacetCount {
  value: string
  count: number
}

export interface FacetCounts {
  /** By count, then by value; values that are selected are there even with 0. */
  facets: Record<Facet, FacetCount[]>
  size: FacetCount[]
  /** Counted in a sample, because more models match than are worth reading one by one. */
  about: boolean
}

export interface SearchResult {
  models: ListedModel[]
  next: string | null
  /** At most `searchLimits.total`; `more` says that there are further ones. */
  total: { count: number; more: boolean }
  /** The question that was answered, where a word of the one asked is nobody's and one letter off. */
  corrected: string | null
  counts: FacetCounts | null
}

/** The search took longer than it may. */
export class SearchTimeout extends Error {}

/** A page of the directory, with counts when asked. All parts are read from one snapshot. */
export async function searchModels(
  db: Db,
  filter: DirectoryFilter,
  {
    cursor = null,
    limit = 30,
    counts = false,
    limits = searchLimits,
  }: { cursor?: string | null; limit?: number; counts?: boolean; limits?: typeof searchLimits } = {},
): Promise<SearchResult> {
  return inSnapshot(db, limits, async (tx) => {
    const text = await resolveText(tx, filter.q)
    const asked = await askedOf(tx, filter, text)
    const rows = await pageOf(tx, asked, filter.sort, readPlace(cursor, filter.sort), limit + 1)
    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    return {
      models: await loadListed(
        tx,
        shown.map((row) => row.id),
      ),
      next: rows.length > limit && last ? writePlace(filter.sort, last) : null,
      total: await totalOf(tx, asked, limits.total),
      corrected: text.corrected,
      counts: counts ? await countFacets(tx, filter, asked, limits) : null,
    }
  })
}

/** What would be found with one part of the filter left out: the help of an empty page. */
export interface Dropped {
  part: Facet | 'q' | 'size'
  filter: DirectoryFilter
  count: number
  more: boolean
}

/** How many models each part of the filter hides; parts that hide nothing are left out. */
export async function countWithoutEach(db: Db, filter: DirectoryFilter, limits = searchLimits): Promise<Dropped[]> {
  const found: Dropped[] = []
  await inSnapshot(db, limits, async (tx) => {
    for (const [part, without] of dropEach(filter)) {
      const asked = await askedOf(tx, without, await resolveText(tx, without.q))
      const { count, more } = await totalOf(tx, asked, limits.total)
      if (count > 0) found.push({ part, filter: without, count, more })
    }
  })
  return found
}

function dropEach(filter: DirectoryFilter): [Dropped['part'], DirectoryFilter][] {
  const parts: [Dropped['part'], DirectoryFilter][] = []
  if (filter.q.trim() !== '')
    parts.push(['q', { ...filter, q: '', sort: filter.sort === 'relevance' ? 'updated' : filter.sort }])
  for (const facet of facets)
    if (filter.values[facet].length > 0) parts.push([facet, { ...filter, values: { ...filter.values, [facet]: [] } }])
  if (filter.size) parts.push(['size', { ...filter, size: null }])
  // A single part's absence is the whole directory; that is a link of its own.
  return parts.length > 1 ? parts : []
}

/** Runs `work` on one snapshot, in which no statement takes longer than `statementMs`. */
async function inSnapshot<T>(db: Db, limits: typeof searchLimits, work: (tx: Tx) => Promise<T>): Promise<T> {
  try {
    return await db.transaction(
      async (tx) => {
        // A generic plan would not know how common the words of this question are.
        await tx.execute(sql`select set_config('statement_timeout', ${String(limits.statementMs)}, true),
          set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)`)
        return await work(tx)
      },
      { isolationLevel: 'repeatable read', accessMode: 'read only' },
    )
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error
    if (typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === '57014')
      throw new SearchTimeout('The search took too long.', { cause: error })
    throw error
  }
}

interface ResolvedText {
  /** Null when there is nothing to search for. */
  condition: SQL | null
  /** Higher is better; sorts by relevance before everything else. */
  score: SQL
  /** Of the models found, those whose score is more than 1: they have the words in their names or keywords. */
  near: SQL | null
  corrected: string | null
}

interface Asked {
  text: ResolvedText
  /** The condition of each part of the filter, so that counts can leave one out. */
  parts: Map<Facet | 'size', SQL>
}

/** Turns a question into a condition: as it is; else with a letter mended; else as parts of names. */
async function resolveText(tx: Tx, q: string): Promise<ResolvedText> {
  const words = searchWords(q).slice(0, directoryLimits.words)
  // Signs alone are in no model; nothing at all is no question.
  if (words.length === 0)
    return { condition: q.trim() === '' ? null : sql`false`, score: sql`0::int`, near: null, corrected: null }
  // While no space follows, the last word may be the beginning of a longer one.
  const open = !/\s$/.test(q) && words.at(-1)!.length >= 2
  const direct = matching(words, open)
  if (await anyMatch(tx, direct.condition)) return { ...direct, corrected: null }
  const mended = await mendWords(tx, words)
  if (mended) {
    const again = matching(mended, open && mended.at(-1) === words.at(-1))
    if (await anyMatch(tx, again.condition)) return { ...again, corrected: mended.join(' ') }
  }
  const letters = words.filter((word) => word.length >= 3)
  if (letters.length < words.length) return { ...direct, corrected: null }
  // Words are letters and digits: no wildcard can be among them.
  const inName = letters.map((word) => sql`${modelSearch.path} like ${`%${word}%`}`)
  return { condition: sql.join(inName, sql` and `), score: sql`0::int`, near: null, corrected: null }
}

function matching(words: readonly string[], open: boolean): { condition: SQL; score: SQL; near: SQL } {
  const complete = open ? words.slice(0, -1) : words
  const last = words.at(-1)!
  const all = tsquery(words.map((word) => `'${word}'`))
  const head = tsquery([...complete.map((word) => `'${word}'`), ...(open ? [`'${last}':*`] : [])])
  const names = tsquery([...complete.map((word) => `'${word}':A`), ...(open ? [`'${last}':*A`] : [])])
  // The beginning of a word counts in names and keywords only: a README has a word for every two letters.
  const beginning = sql`${modelSearch.head} @@ ${tsquery([`'${last}':*`])}`
  const condition = !open
    ? sql`${modelSearch.words} @@ ${all}`
    : complete.length === 0
      ? sql`(${modelSearch.words} @@ ${all} or ${beginning})`
      : sql`(${modelSearch.words} @@ ${all} or (${modelSearch.words} @@ ${tsquery(complete.map((word) => `'${word}'`))} and ${beginning}))`
  const typed = words.join('-')
  const score = sql`(case when ${modelSearch.name} = ${typed} then 4 when ${modelSearch.head} @@ ${names} then 3
    when ${modelSearch.head} @@ ${head} then 2 else 1 end)`
  return { condition, score, near: sql`${modelSearch.head} @@ ${head}` }
}

const tsquery = (parts: readonly string[]) => sql`${parts.join(' & ')}::tsquery`

async function anyMatch(tx: Tx, condition: SQL): Promise<boolean> {
  // The planner believes a word that it does not know to be some model's, and would read every one to find none.
  await tx.execute(sql`select set_config('enable_seqscan', 'off', true)`)
  const [row] = await tx.execute<{ found: boolean }>(
    sql`select exists (select from ${modelSearch} where ${condition}) as found`,
  )
  await tx.execute(sql`select set_config('enable_seqscan', 'on', true)`)
  return row?.found ?? false
}

/** Replaces words that no model has by words of heads that are one letter off. Null when there is none to replace. */
async function mendWords(tx: Tx, words: readonly string[]): Promise<string[] | null> {
  let changed = false
  const mended: string[] = []
  for (const word of words) {
    const near = [...word].length >= 5 ? await nearestWord(tx, word) : null
    mended.push(near ?? word)
    changed ||= near !== null
  }
  return changed ? mended : null
}

async function nearestWord(tx: Tx, word: string): Promise<string | null> {
  const own = tsquery([`'${word}'`])
  // A candidate must be some model's now: words stay in their table when their last model goes.
  const [row] = await tx.execute<{ word: string }>(sql`
    select w.word from ${searchWordsTable} w
    where w.word % ${word} and levenshtein_less_equal(w.word, ${word}, 1) = 1
      and exists (select from ${modelSearch} where ${modelSearch.head} @@ ('''' || w.word || '''')::tsquery)
      and not exists (select from ${modelSearch} where ${modelSearch.words} @@ ${own})
    order by similarity(w.word, ${word}) desc, w.word limit 1`)
  return row?.word ?? null
}

async function askedOf(tx: Tx, filter: DirectoryFilter, text: ResolvedText): Promise<Asked> {
  const parts = new Map<Facet | 'size', SQL>()
  const pairs = facets.flatMap((facet) => filter.values[facet].map((value) => ({ facet, value })))
  const known =
    pairs.length === 0
      ? []
      : await tx.execute<{ id: number; facet: Facet }>(sql`
          select id, facet from ${facetValues} where (facet, value) in (select * from unnest(
            ${sql.param(pairs.map((p) => p.facet))}::text[], ${sql.param(pairs.map((p) => p.value))}::text[]))`)
  for (const facet of facets) {
    if (filter.values[facet].length === 0) continue
    const ids = known.filter((row) => row.facet === facet).map((row) => row.id)
    parts.set(facet, sql`${modelSearch.facets} && ${sql.param(ids)}::int[]`)
  }
  if (filter.size) {
    const { from, to } = filter.size
    const bounds = [
      ...(from === null ? [] : [sql`${modelSearch.sizeBytes} >= ${from}::bigint`]),
      ...(to === null ? [] : [sql`${modelSearch.sizeBytes} <= ${to}::bigint`]),
    ]
    parts.set('size', sql.join(bounds, sql` and `))
  }
  return { text, parts }
}

/** All of the filter, or all but one part. */
function whereOf({ text, parts }: Asked, except?: Facet | 'size'): SQL {
  const conditions = [...parts].filter(([part]) => part !== except).map(([, condition]) => condition)
  if (text.condition) conditions.unshift(sql`(${text.condition})`)
  return conditions.length > 0 ? sql.join(conditions, sql` and `) : sql`true`
}

const micros = (column: SQL) => sql`(extract(epoch from ${column}) * 1000000)::bigint::text`
const fromMicros = (text: string) => sql`(timestamptz 'epoch' + ${text}::bigint * interval '1 microsecond')`
const sizeOrder = sql`coalesce(${modelSearch.sizeBytes}, 9223372036854775807)`
const nameOrder = sql`${modelSearch.name} collate "C"`

interface Order {
  /** What is compared, without the id that breaks ties. */
  columns: (score: SQL) => SQL[]
  down: boolean
  /** The values of `columns` as text, for the cursor. */
  texts: (score: SQL) => SQL[]
  /** A text of the cursor as a value again. */
  values: ((text: string) => SQL)[]
  shape: RegExp[]
}

const whole = /^\d{1,19}$/
const orders: Record<Sort, Order> = {
  relevance: {
    columns: (score) => [score, sql`${modelSearch.updatedAt}`],
    down: true,
    texts: (score) => [sql`${score}::text`, micros(sql`${modelSearch.updatedAt}`)],
    values: [(text) => sql`${text}::int`, fromMicros],
    shape: [/^\d$/, /^\d{1,16}$/],
  },
  updated: {
    columns: () => [sql`${modelSearch.updatedAt}`],
    down: true,
    texts: () => [micros(sql`${modelSearch.updatedAt}`)],
    values: [fromMicros],
    shape: [/^\d{1,16}$/],
  },
  newest: {
    columns: () => [sql`${modelSearch.createdAt}`],
    down: true,
    texts: () => [micros(sql`${modelSearch.createdAt}`)],
    values: [fromMicros],
    shape: [/^\d{1,16}$/],
  },
  smallest: {
    columns: () => [sizeOrder],
    down: false,
    texts: () => [sql`${sizeOrder}::text`],
    values: [(text) => sql`${text}::numeric`],
    shape: [whole],
  },
  name: {
    columns: () => [nameOrder],
    down: false,
    texts: () => [sql`${modelSearch.name}`],
    values: [(text) => sql`${text}::text collate "C"`],
    shape: [/^[^\0]{1,200}$/],
  },
}

/** Where a page ended: what its last row is sorted by, and its id. */
interface Place {
  id: string
  keys: string[]
}

async function pageOf(tx: Tx, asked: Asked, sort: Sort, after: Place | null, limit: number): Promise<Place[]> {
  const { near, score } = asked.text
  const where = whereOf(asked)
  if (sort !== 'relevance' || !near) return readPage(tx, where, score, sort, after, limit)
  // A common word is in far more READMEs than names. Only what has it in names and keywords is scored and sorted; the others
  // follow, the last changed first, as an index has them.
  const beyondNear = after !== null && Number(after.keys[0]) < 2
  const first = beyondNear ? [] : await readPage(tx, sql`${where} and ${near}`, score, sort, after, limit)
  if (first.length === limit) return first
  const [, ...keys] = after?.keys ?? []
  const place = beyondNear ? { id: after.id, keys } : null
  const rest = await readPage(tx, sql`${where} and not (${near})`, score, 'updated', place, limit - first.length)
  return [...first, ...rest.map((row) => ({ id: row.id, keys: ['1', ...row.keys] }))]
}

async function readPage(
  tx: Tx,
  where: SQL,
  score: SQL,
  sort: Sort,
  after: Place | null,
  limit: number,
): Promise<Place[]> {
  const order = orders[sort]
  const columns = [...order.columns(score), sql`${modelSearch.modelId}`]
  const direction = order.down ? sql` desc` : sql` asc`
  const beyond = after
    ? sql` and (${sql.join(columns, sql`, `)}) ${order.down ? sql`<` : sql`>`} (${sql.join(
        [...after.keys.map((key, i) => order.values[i]!(key)), sql`${after.id}::uuid`],
        sql`, `,
      )})`
    : sql``
  const keys = order.texts(score).map((text, i) => sql`${text} as ${sql.identifier(`key${i}`)}`)
  const rows = await tx.execute<Record<string, string>>(sql`
    select ${modelSearch.modelId} as id, ${sql.join(keys, sql`, `)} from ${modelSearch}
    where ${where}${beyond}
    order by ${sql.join(
      columns.map((column) => sql`${column}${direction}`),
      sql`, `,
    )} limit ${limit}`)
  return rows.map((row) => ({ id: row.id!, keys: keys.map((_, i) => row[`key${i}`]!) }))
}

/** Cursors are opaque outside: the sort that they belong to, the keys of the last row, its id. */
function writePlace(sort: Sort, { keys, id }: Place): string {
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
  const { shape } = orders[sort]
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

const totalOf = (tx: Tx, asked: Asked, most: number) => countUpTo(tx, whereOf(asked), most)

async function countUpTo(tx: Tx, where: SQL, most: number): Promise<{ count: number; more: boolean }> {
  const [row] = await tx.execute<{ n: number }>(
    sql`select count(*)::int as n from (select from ${modelSearch} where ${where} limit ${most + 1}) hits`,
  )
  const n = row?.n ?? 0
  return { count: Math.min(n, most), more: n > most }
}

/** Counts every facet: those without a selection together, each other one as if nothing of its own were selected. */
async function countFacets(
  tx: Tx,
  filter: DirectoryFilter,
  asked: Asked,
  limits: typeof searchLimits,
): Promise<FacetCounts> {
  const counted = Object.fromEntries(facets.map((facet) => [facet, [] as FacetCount[]])) as FacetCounts['facets']
  const result: FacetCounts = { facets: counted, size: [], about: false }
  const chosen = [...asked.parts.keys()]
  const others = [...facets, 'size' as const].filter((part) => !chosen.includes(part))
  const rounds: { which: (Facet | 'size')[]; except?: Facet | 'size' }[] = chosen.map((part) => ({
    which: [part],
    except: part,
  }))
  if (others.length > 0) rounds.push({ which: others })
  for (const { which, except } of rounds) {
    const { rows, about } = await countRound(tx, filter, whereOf(asked, except), which, limits)
    result.about ||= about
    for (const { facet, value, n } of rows) {
      if (facet === 'size') result.size.push({ value, count: n })
      else counted[facet].push({ value, count: n })
    }
  }
  for (const facet of facets) {
    const have = new Set(counted[facet].map(({ value }) => value))
    for (const value of filter.values[facet]) if (!have.has(value)) counted[facet].push({ value, count: 0 })
    counted[facet].sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
  }
  return result
}

interface CountRow extends Record<string, unknown> {
  facet: Facet | 'size'
  value: string
  n: number
}

async function countRound(
  tx: Tx,
  filter: DirectoryFilter,
  where: SQL,
  which: readonly (Facet | 'size')[],
  limits: typeof searchLimits,
): Promise<{ rows: CountRow[]; about: boolean }> {
  const percent = await samplePercent(tx, where, limits)
  if (percent === null)
    return { rows: await countIn(tx, filter, sql`${modelSearch}`, where, which, limits), about: false }
  const sampled = await countIn(tx, filter, sampleOf(percent), where, which, limits)
  const rows = sampled.map((row) => ({ ...row, n: twoDigits((row.n * 100) / percent) }))
  return { rows, about: true }
}

/** Whole pages of the table, the same ones each time. */
const sampleOf = (percent: number) => sql`${modelSearch} tablesample system (${percent}::float4) repeatable (1)`

/** How much of the table is to be read for about enough hits; null when all of them are to be counted. */
async function samplePercent(tx: Tx, where: SQL, limits: typeof searchLimits): Promise<number | null> {
  const [table] = await tx.execute<{ n: number }>(
    sql`select greatest(reltuples, 0)::float8 as n from pg_class where oid = 'model_search'::regclass`,
  )
  const size = table?.n ?? 0
  const most = size > limits.facetHits ? (100 * limits.facetHits) / size : 100
  const enough = (hits: number) => Math.min(most, (100 * limits.sampledHits) / hits)
  // A tenth of that sample tells a common question from a rare one, for a fraction of what counting to the limit costs.
  if (most < 100) {
    const hits = ((await countAll(tx, sampleOf(most / 10), where)) * 1000) / most
    if (hits > 2 * limits.facetHits) return enough(hits)
  }
  const { more } = await countUpTo(tx, where, limits.facetHits)
  return more ? enough(limits.facetHits) : null
}

async function countAll(tx: Tx, from: SQL, where: SQL): Promise<number> {
  const [row] = await tx.execute<{ n: number }>(sql`select count(*)::int as n from ${from} where ${where}`)
  return row?.n ?? 0
}

/** 12345 -> 12000: an estimate should not look exact. */
const twoDigits = (n: number) => (n < 100 ? Math.round(n) : Number(n.toPrecision(2)))

/** Whether `v` is a value of these facets: most of what is unnested need not be grouped. */
function isIdOf(which: readonly (Facet | 'size')[]): SQL {
  const range = (facet: Facet) =>
    sql`v between ${firstFacetId[facet]}::int and ${firstFacetId[facet] + facetIdsEach}::int`
  const [asked, others] = [facets.filter((facet) => which.includes(facet)), facets.filter((f) => !which.includes(f))]
  if (others.length === 0) return sql`true`
  if (asked.length === 0) return sql`false`
  return asked.length <= others.length
    ? sql`(${sql.join(asked.map(range), sql` or `)})`
    : sql`not (${sql.join(others.map(range), sql` or `)})`
}

async function countIn(
  tx: Tx,
  filter: DirectoryFilter,
  from: SQL,
  where: SQL,
  which: readonly (Facet | 'size')[],
  limits: typeof searchLimits,
): Promise<CountRow[]> {
  const selected = facets.flatMap((facet) => filter.values[facet].map((value) => ({ facet, value })))
  const sizes = which.includes('size')
    ? sizePresets.map(
        (preset) => sql`union all select 'size', ${preset}::text,
          count(*) filter (where size_bytes <= ${readSize(preset)!.to}::bigint)::int from hits`,
      )
    : []
  return tx.execute<CountRow>(sql`
    with hits as materialized (
      select facets, size_bytes from ${from} where ${where}),
    -- Unnested as a column, which costs half of what it does as a table beside each hit.
    counted as materialized (select v as id, count(*)::int as n from (select unnest(facets) as v from hits) each
      where ${isIdOf(which)} group by v),
    ranked as (
      select f.facet, f.value, c.n, row_number() over (partition by f.facet order by c.n desc, f.value) as place
      from counted c join ${facetValues} f using (id))
    select facet, value, n from ranked
    where place <= ${limits.valuesPerFacet} or (facet, value) in (select * from unnest(
      ${sql.param(selected.map((p) => p.facet))}::text[], ${sql.param(selected.map((p) => p.value))}::text[]))
    ${sql.join(sizes, sql` `)}`)
}
