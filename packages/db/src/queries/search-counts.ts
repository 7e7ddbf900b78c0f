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
interface Round {
  parts: Part[]
  where: SQL
}

/**
 * Counts every facet. `hits` is how many models were found, or a number above `facetHits` where that is too many to tell;
 * `found` is the same number where it is known before.
 */
export async function countFacets(
  tx: Tx,
  filter: DirectoryFilter,
  question: Question,
  found: number | null,
  limits: CountLimits,
): Promise<{ counts: FacetCounts; hits: number }> {
  const chosen = [...question.parts.keys()]
  const others = [...facets, 'size' as const].filter((part) => !chosen.includes(part))
  const rounds: Round[] = [
    { parts: others, where: whereOf(question) },
    ...chosen.map((part) => ({ parts: [part], where: whereOf(question, part) })),
  ]
  const table =
    found !== null && chosen.length === 0 ? { size: 0, hits: [found] } : await estimateHits(tx, rounds, limits)
  const counted = []
  for (const [i, round] of rounds.entries())
    counted.push(await countRound(tx, filter, round, { size: table.size, hits: table.hits?.[i] }, limits))
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
  return { counts: result, hits: counted[0]!.hits }
}

interface Table {
  /** How many rows the planner believes it to have; 0 when it does not know yet. */
  size: number
  /** About how many are found; undefined where that was not worth an estimate. */
  hits: number | undefined
}

/** Tells common questions from rare ones by a tenth of the largest sample, for all rounds at once. */
async function estimateHits(
  tx: Tx,
  rounds: readonly Round[],
  { facetHits }: CountLimits,
): Promise<{ size: number; hits: number[] | null }> {
  const rows = sql`(select greatest(reltuples, 0)::float8 from pg_class where oid = 'model_search'::regclass)`
  // Percent of the table's pages; none of one that is small enough to be counted whatever is asked.
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

interface CountedRound {
  rows: { part: Part; value: string; n: number }[]
  hits: number
  about: boolean
}

async function countRound(
  tx: Tx,
  filter: DirectoryFilter,
  round: Round,
  table: Table,
  limits: CountLimits,
): Promise<CountedRound> {
  const { facetHits, sampledHits } = limits
  if (table.hits === undefined || table.hits <= 1.5 * facetHits) {
    const all = sql`select facets, size_bytes from ${modelSearch} where ${round.where} limit ${facetHits + 1}`
    const counted = await countIn(tx, filter, { hits: all, parts: round.parts, most: facetHits }, limits)
    if (counted.hits <= facetHits) return { ...counted, about: false }
  }
  const most = table.size > facetHits ? (100 * facetHits) / table.size : 100
  const percent = Math.min(most, (100 * sampledHits) / Math.max(table.hits ?? 0, facetHits))
  // Whole pages of the table, the same ones each time.
  const sample = sql`select facets, size_bytes from ${modelSearch} tablesample system (${percent}::float4) repeatable (1)
    where ${round.where}`
  const { rows } = await countIn(tx, filter, { hits: sample, parts: round.parts }, limits)
  return {
    rows: rows.map((row) => ({ ...row, n: twoDigits((row.n * 100) / percent) })),
    hits: facetHits + 1,
    about: true,
  }
}

/** 12345 -> 12000: an estimate should not look exact. */
const twoDigits = (n: number) => (n < 100 ? Math.round(n) : Number(n.toPrecision(2)))

/** Counts the values of these parts among the rows that `hits` selects; none where there are more than `most`. */
async function countIn(
  tx: Tx,
  filter: DirectoryFilter,
  { hits, parts, most }: { hits: SQL; parts: readonly Part[]; most?: number },
  { valuesPerFacet }: CountLimits,
): Promise<Omit<CountedRound, 'about'>> {
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
