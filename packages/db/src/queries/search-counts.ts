import { type DirectoryFilter, type Facet, facets, readSize, sizePresets } from '@modelport/schema/directory'
import { type SQL, sql } from 'drizzle-orm'
import type { Tx } from '../client.ts'
import { facetIdsEach, facetValues, firstFacetId, modelSearch } from '../tables/search.ts'
import { type Question, whereOf } from './search-question.ts'

// How many models have each value of each facet: one by one where few enough are found, else in a sample.

export interface CountLimits {
  /** Up to so many models are counted one by one; of more, a sample of so many rows at most. */
  facetHits: number
  /** About so many models that are found make up a sample. */
  sampledHits: number
  valuesPerFacet: number
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

type Part = Facet | 'size'

/** What is counted together: the parts without a selection, or one with, as if nothing of its own were selected. */
export interface Round {
  parts: Part[]
  where: SQL
}

/** The first round is all that is found. */
export function roundsOf(question: Question): [Round, ...Round[]] {
  const chosen = [...question.parts.keys()]
  const others = [...facets, 'size' as const].filter((part) => !chosen.includes(part))
  return [
    { parts: others, where: whereOf(question) },
    ...chosen.map((part) => ({ parts: [part], where: whereOf(question, part) })),
  ]
}

/** About how many rows there are of each round. */
export interface Estimate {
  /** How many rows the planner believes the table to have; 0 when it does not know yet. */
  size: number
  /** Null where the table is small enough to be counted whatever is asked. */
  hits: number[] | null
}

/** Tells common questions from rare ones by a tenth of the largest sample, for all rounds at once. */
export async function estimateHits(
  tx: Tx,
  rounds: readonly Round[],
  { facetHits }: Pick<CountLimits, 'facetHits'>,
): Promise<Estimate> {
  const rows = sql`(select greatest(reltuples, 0)::float8 from pg_class where oid = 'model_search'::regclass)`
  // Percent of the table's pages; none of one that is small enough.
  const percent = sql`(select case when n > ${facetHits}::float8 then ${10 * facetHits}::float8 / n else 0 end
    from (select ${rows} as n) size)`
  const counts = rounds.map(({ where }, i) => sql`count(*) filter (where ${where})::int as ${sql.identifier(`n${i}`)}`)
  const [row] = await tx.execute<Record<string, number>>(sql`
    select ${rows} as size, ${sql.join(counts, sql`, `)}
    from ${modelSearch} tablesample system (${percent}) repeatable (1)`)
  const size = row?.size ?? 0
  if (size <= facetHits) return { size, hits: null }
  return { size, hits: rounds.map((_, i) => (row![`n${i}`]! * size) / (facetHits / 10)) }
}

/** Counts every facet. */
export async function countFacets(
  tx: Tx,
  filter: DirectoryFilter,
  { rounds, estimate }: { rounds: readonly Round[]; estimate: Estimate },
  limits: CountLimits,
): Promise<FacetCounts> {
  const counted = []
  for (const [i, round] of rounds.entries())
    counted.push(await countRound(tx, filter, round, { size: estimate.size, hits: estimate.hits?.[i] }, limits))
  const result: FacetCounts = {
    facets: Object.fromEntries(facets.map((facet) => [facet, [] as FacetCount[]])) as FacetCounts['facets'],
    size: [],
    about: counted.some(({ about }) => about),
  }
  for (const { part, value, n } of counted.flatMap(({ rows }) => rows))
    (part === 'size' ? result.size : result.facets[part]).push({ value, count: n })
  for (const facet of facets) {
    const own = result.facets[facet]
    const have = new Set(own.map(({ value }) => value))
    for (const value of filter.values[facet]) if (!have.has(value)) own.push({ value, count: 0 })
    own.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
  }
  return result
}

interface CountedRow {
  part: Part
  value: string
  n: number
}

async function countRound(
  tx: Tx,
  filter: DirectoryFilter,
  round: Round,
  /** About how many rows the table has, and how many of them are of this round where that is known. */
  about: { size: number; hits: number | undefined },
  limits: CountLimits,
): Promise<{ rows: CountedRow[]; about: boolean }> {
  const { facetHits, sampledHits } = limits
  if (about.hits === undefined || about.hits <= 1.5 * facetHits) {
    const all = sql`select facets, size_bytes from ${modelSearch} where ${round.where} limit ${facetHits + 1}`
    const counted = await countIn(tx, filter, { hits: all, parts: round.parts, most: facetHits }, limits)
    if (counted.hits <= facetHits) return { rows: counted.rows, about: false }
  }
  const most = about.size > facetHits ? (100 * facetHits) / about.size : 100
  const percent = Math.min(most, (100 * sampledHits) / Math.max(about.hits ?? 0, facetHits))
  // Whole pages of the table, the same ones each time.
  const sample = sql`select facets, size_bytes from ${modelSearch} tablesample system (${percent}::float4) repeatable (1)
    where ${round.where}`
  const { rows } = await countIn(tx, filter, { hits: sample, parts: round.parts }, limits)
  return { rows: rows.map((row) => ({ ...row, n: twoDigits((row.n * 100) / percent) })), about: true }
}

/** 12345 -> 12000: an estimate should not look exact. */
const twoDigits = (n: number) => (n < 100 ? Math.round(n) : Number(n.toPrecision(2)))

/** Counts the values of these parts among the rows that `hits` selects, and these rows; no values where they are more than `most`. */
async function countIn(
  tx: Tx,
  filter: DirectoryFilter,
  { hits, parts, most }: { hits: SQL; parts: readonly Part[]; most?: number },
  { valuesPerFacet }: CountLimits,
): Promise<{ rows: CountedRow[]; hits: number }> {
  const selected = facets.flatMap((facet) => filter.values[facet].map((value) => ({ facet, value })))
  const sizes = parts.includes('size')
    ? sizePresets.map(
        (preset) => sql`union all select 'size', ${preset}::text,
          count(*) filter (where size_bytes <= ${readSize(preset)!.to}::bigint)::int from hits`,
      )
    : []
  const few = most === undefined ? sql`` : sql`where (select n from found) <= ${most}`
  const rows = await tx.execute<{ part: Part | 'all'; value: string; n: number }>(sql`
    with hits as materialized (${hits}),
    found as materialized (select count(*)::int as n from hits),
    -- Unnested as a column, which costs half of what it does as a table beside each hit.
    counted as materialized (
      select v as id, count(*)::int as n
      from (select unnest(facets) as v from hits ${few}) each where ${isIdOf(parts)} group by v),
    ranked as (
      select f.facet, f.value, c.n, row_number() over (partition by f.facet order by c.n desc, f.value) as place
      from counted c join ${facetValues} f using (id))
    select facet as part, value, n from ranked
    where place <= ${valuesPerFacet} or (facet, value) in (select * from unnest(
      ${sql.param(selected.map((p) => p.facet))}::text[], ${sql.param(selected.map((p) => p.value))}::text[]))
    union all select 'all', '', n from found
    ${sql.join(sizes, sql` `)}`)
  return {
    rows: rows.flatMap(({ part, value, n }) => (part === 'all' ? [] : [{ part, value, n }])),
    hits: rows.find(({ part }) => part === 'all')?.n ?? 0,
  }
}

/** Whether `v` is a value of these facets: most of what is unnested need not be grouped. */
function isIdOf(parts: readonly Part[]): SQL {
  const range = (facet: Facet) =>
    sql`v between ${firstFacetId[facet]}::int and ${firstFacetId[facet] + facetIdsEach}::int`
  const [asked, others] = [facets.filter((facet) => parts.includes(facet)), facets.filter((f) => !parts.includes(f))]
  if (others.length === 0) return sql`true`
  if (asked.length === 0) return sql`false`
  return asked.length <= others.length
    ? sql`(${sql.join(asked.map(range), sql` or `)})`
    : sql`not (${sql.join(others.map(range), sql` or `)})`
}
