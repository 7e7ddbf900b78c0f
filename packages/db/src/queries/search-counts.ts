import { type DirectoryFilter, type Facet, facets, readSize, sizePresets } from '@modelport/schema/directory'
import { type SQL, sql } from 'drizzle-orm'
import type { Tx } from '../client.ts'
import { facetIdsEach, facetValues, firstFacetId, modelSearch } from '../tables/search.ts'
import { allOf, everywhere, type Part, type Question, tierOf } from './search-question.ts'
import { type Sample, sampleOf } from './search-sample.ts'

// How many models have each value of each facet: one by one where few enough are found, else in a sample.

export interface CountLimits {
  /** Up to so many models are counted one by one; of more, a sample. */
  facetHits: number
  /** So many of the models that are found make up a sample, or up to twice as many. */
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

/** What is counted among the same models. */
interface Round {
  /** The part that is counted as if nothing of it were selected; null for all that is found, where the other parts are. */
  without: Part | null
  parts: Part[]
}

/** First all that is found; then one for each part with a selection. */
function roundsOf({ parts }: Question): Round[] {
  const chosen = [...parts.keys()]
  const others = [...facets, 'size' as const].filter((part) => !chosen.includes(part))
  return [{ without: null, parts: others }, ...chosen.map((part) => ({ without: part, parts: [part] }))]
}

/**
 * The models of several rounds, each read once, of a sample or of all: those that meet all parts of the filter, and those
 * that meet all but the one that a round leaves out. `fails` is the place of that round, and -1 where all are met; of the
 * model's facets, those from `first` to `last` are counted.
 */
function hitsOf(
  { text, parts }: Question,
  rounds: readonly Round[],
  { sample, most, tiers }: { sample: Sample | null; most?: number; tiers?: readonly SQL[] },
): SQL {
  const apart = rounds.flatMap(({ without }, round) =>
    without === null || rounds.length === 1 ? [] : { round, condition: parts.get(without)! },
  )
  const firm = [...parts].flatMap(([part, condition]) => (rounds.some((r) => r.without === part) ? [] : [condition]))
  const column = (i: number) => sql.raw(`meets_${i}`)
  const meets = apart.map(({ condition }, i) => sql`, (${condition}) is true as ${column(i)}`)
  const place = (value: (round: number) => number, otherwise: number) => {
    const cases = apart.map(({ round }, i) => sql`when not ${column(i)} then ${number(value(round))}`)
    return cases.length > 0 ? sql`case ${sql.join(cases, sql` `)} else ${number(otherwise)} end` : number(otherwise)
  }
  const idsOf = (round: number) => rangeOf(rounds[round]!.without!)
  // At most one is not met: of any two, one is. So written, the indexes serve it; a sample is small without.
  const pairs = sample
    ? []
    : apart.flatMap((a, i) => apart.slice(i + 1).map((b) => sql`(${a.condition}) or (${b.condition})`))
  const met = sql.join([sql`0`, ...apart.map((_, i) => sql`${column(i)}::int`)], sql` + `)
  // Cut, even at nothing, so that the conditions are not worked out twice for each model.
  return sql`
    select facets, size_bytes, ${place((round) => round, -1)} as fails,
      ${place((round) => idsOf(round).first, 0)} as first, ${place((round) => idsOf(round).last, 2 ** 31 - 1)} as last
      ${tiers ? sql`, tier` : sql``}
    from (select facets, size_bytes ${sql.join(meets, sql``)} ${tiers ? sql`, ${tierOf(tiers)} as tier` : sql``} from ${sample?.from ?? modelSearch}
      where ${allOf([text.condition?.(sample?.matching ?? everywhere) ?? null, ...firm, ...pairs])}
      ${most === undefined ? sql`offset 0` : sql`limit ${most}`}) read
    where ${met} >= ${number(apart.length - 1)}`
}

const number = (n: number) => sql.raw(String(n))
const isOfRound = (round: number) => sql`fails in (-1, ${number(round)})`

/** How many rows the table has, as the planner reckons: as dense as when it was last looked at, else as most are. */
const tableSize = sql`
  select case when relpages > 0 then reltuples / relpages else 6 end * pg_relation_size(oid) / 8192 as size
  from pg_class where oid = 'model_search'::regclass`

/** About how many rows there are of each round. */
export interface Estimate {
  rounds: Round[]
  /** Rows of the whole directory. */
  size: number
  /** Null where that is small enough to be counted whatever is asked. */
  hits: number[] | null
  /** How many of all that is found are in each tier of relevance, and in none; null as `hits`. */
  tiers: number[] | null
}

/** Tells common questions from rare ones by a small sample; without `counts` only for all that is found. */
export async function estimateHits(
  tx: Tx,
  question: Question,
  counts: boolean,
  { facetHits }: Pick<CountLimits, 'facetHits'>,
): Promise<Estimate> {
  const rounds = counts ? roundsOf(question) : roundsOf(question).slice(0, 1)
  const found = rounds.map((_, i) => sql`count(*) filter (where ${isOfRound(i)})`)
  // Of the whole directory it is known.
  const isAll = question.text.condition === null && question.parts.size === 0
  // A tenth of what is counted one by one, or up to twice as much; nothing of a directory that is small enough.
  const sample = sampleOf(sql`(select level from directory)`, question)
  const tiers = question.text.tiers
  const ofTiers = [...tiers, null].map((_, i) => sql`count(*) filter (where tier = ${number(i)} and ${isOfRound(0)})`)
  const [row] = await tx.execute<{ size: number; level: number; found: number[] }>(sql`
    with directory as materialized (select size,
        case when size > ${facetHits}::float8 then floor(ln(10 * size / ${facetHits}::float8) / ln(2))::int else 0 end as level
      from (${tableSize}) known),
    hits as (${hitsOf(question, rounds, { sample, tiers })})
    select size, level, ${isAll ? sql`json_build_array(size / 2 ^ level)` : sql`(select json_build_array(${sql.join([...found, ...ofTiers], sql`, `)}) from hits)`} as found
    from directory`)
  const { size, level, found: sampled } = row!
  if (level === 0) return { rounds, size, hits: null, tiers: null }
  const about = sampled.map((n) => n * 2 ** level)
  return { rounds, size, hits: about.slice(0, rounds.length), tiers: about.slice(rounds.length) }
}

/** Counts every facet. Gives beside the counts how many are found, where all of them were read. */
export async function countFacets(
  tx: Tx,
  filter: DirectoryFilter,
  question: Question,
  { rounds, hits }: Pick<Estimate, 'rounds' | 'hits'>,
  limits: CountLimits,
): Promise<{ counts: FacetCounts; found: number | null }> {
  const { facetHits, sampledHits } = limits
  const result: FacetCounts = {
    facets: Object.fromEntries(facets.map((facet) => [facet, [] as FacetCount[]])) as FacetCounts['facets'],
    size: [],
    about: false,
  }
  const take = (counted: Counted, { parts }: Round, times = 1) => {
    const count = (n: number) => (times === 1 ? n : twoDigits(n * times))
    for (const [facet, value, n] of counted.values)
      if (parts.includes(facet)) result.facets[facet].push({ value, count: count(n) })
    if (parts.includes('size'))
      result.size = sizePresets.map((value, i) => ({ value, count: count(counted.sizes[i]!) }))
  }

  const about = new Map(rounds.map((round, i) => [round, hits?.[i] ?? 0]))
  const byHits = rounds.toSorted((a, b) => about.get(a)! - about.get(b)!)
  const few = readableRounds(rounds[0]!, byHits, about, facetHits)
  let found: number | null = null
  let many = byHits.filter((round) => !few.includes(round))
  if (few.length > 0) {
    const most = 1.5 * facetHits
    const counted = await countTogether(tx, question, few, { sample: null, most }, limits)
    if (counted.read < most) {
      for (const round of few) take(counted, round)
      found = counted.found[0]!
    } else {
      // More than was believed, so not all of them were read.
      for (const [i, round] of few.entries()) about.set(round, Math.max(about.get(round)!, counted.found[i]!))
      many = byHits
    }
  }
  // The others from samples: one for those that find about as many.
  const levelOf = (round: Round) => Math.max(0, Math.floor(Math.log2(about.get(round)! / sampledHits)))
  while (many.length > 0) {
    const level = levelOf(many[0]!)
    const together = many.filter((round) => levelOf(round) <= level + 1)
    many = many.filter((round) => !together.includes(round))
    const sample = level === 0 ? null : sampleOf(level, question)
    const counted = await countTogether(tx, question, together, { sample }, limits)
    for (const round of together) take(counted, round, 2 ** level)
    result.about = true
  }

  for (const facet of facets) {
    const own = result.facets[facet]
    const have = new Set(own.map(({ value }) => value))
    for (const value of filter.values[facet]) if (!have.has(value)) own.push({ value, count: 0 })
    own.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
  }
  return { counts: result, found }
}

/**
 * The rounds of which every model is read: all that is found, if that is few enough by an estimate which may err by a
 * quarter, and as many others as may be read with it, those that find least first.
 */
function readableRounds(
  all: Round,
  byHits: readonly Round[],
  about: ReadonlyMap<Round, number>,
  facetHits: number,
): Round[] {
  const aboutAll = about.get(all)!
  if (aboutAll > 1.25 * facetHits) return []
  const readable = [all]
  let read = aboutAll
  for (const round of byHits) {
    // What meets everything is read for all of them.
    const more = about.get(round)! - aboutAll
    if (round === all || read + more > facetHits) continue
    readable.push(round)
    read += more
  }
  return readable
}

/** 12345 -> 12000: an estimate should not look exact. */
const twoDigits = (n: number) => (n < 100 ? Math.round(n) : Number(n.toPrecision(2)))

interface Counted {
  /** How many models were read, and how many of them are of each round. */
  read: number
  found: number[]
  /** Of parts that no round counts too, where leaving them out would cost more. */
  values: [Facet, string, number][]
  /** For each of the presets. */
  sizes: number[]
}

/** Counts what these rounds count in one reading of a sample's models, or of all, and of `most` at most. */
async function countTogether(
  tx: Tx,
  question: Question,
  rounds: readonly Round[],
  { sample, most }: { sample: Sample | null; most?: number },
  { valuesPerFacet }: CountLimits,
): Promise<Counted> {
  const models = (round: number) => (rounds.length === 1 ? sql`true` : isOfRound(round))
  const found = rounds.map((_, i) => sql`count(*) filter (where ${models(i)})`)
  const ofSize = rounds.findIndex(({ parts }) => parts.includes('size'))
  const sizes = sizePresets.map((preset) => {
    const isSmall = ofSize < 0 ? sql`false` : sql`size_bytes <= ${readSize(preset)!.to}::bigint and ${models(ofSize)}`
    return sql`count(*) filter (where ${isSmall})`
  })
  const isSelected = sql`id = any(${sql.param(question.ids)}::int[])`
  const [row] = await tx.execute<Record<keyof Counted, never>>(sql`
    with hits as materialized (${hitsOf(question, rounds, { sample, most })}),
    -- Unnested as a column, which costs half of what it does as a table beside each hit.
    each as (${eachValue(rounds)}),
    counted as materialized (select v as id, count(*)::int as n from each group by v),
    ranked as (
      select id, n, rank() over (partition by id / ${number(facetIdsEach)} order by n desc) as place from counted),
    named as (
      select id, facet, value, n, row_number() over (partition by facet order by n desc, value) as place
      from ranked join ${facetValues} using (id) where place <= ${valuesPerFacet} or ${isSelected})
    select read, found, sizes, (
      select coalesce(json_agg(json_build_array(facet, value, n)), '[]') from named
      where place <= ${valuesPerFacet} or ${isSelected}) as values
    from (select count(*)::int as read, json_build_array(${sql.join(found, sql`, `)}) as found,
      json_build_array(${sql.join(sizes, sql`, `)}) as sizes from hits) models`)
  return row!
}

/** The values of the hits that are counted, one row each: all of those that meet everything, of others those of one facet. */
function eachValue(rounds: readonly Round[]): SQL {
  const isAsked = isIdOf(rounds.flatMap(({ parts }) => parts))
  if (rounds.length === 1) return sql`select v from (select unnest(facets) as v from hits) met where ${isAsked}`
  return sql`select v from (select unnest(facets) as v from hits where fails = -1) met where ${isAsked} union all
    select v from (select unnest(facets) as v, first, last from hits where fails <> -1) others where v between first and last`
}

/** The ids of a part's values; the size has none. */
const rangeOf = (part: Part) =>
  part === 'size' ? { first: 1, last: 0 } : { first: firstFacetId[part], last: firstFacetId[part] + facetIdsEach - 1 }

/** Whether `v` is a value of these facets; always, where most of them are asked: looking would cost as much as counting. */
function isIdOf(parts: readonly Part[]): SQL {
  const asked = facets.filter((facet) => parts.includes(facet))
  if (asked.length > facets.length / 2) return sql`true`
  if (asked.length === 0) return sql`false`
  const ranges = asked.map((facet) => sql`v between ${number(rangeOf(facet).first)} and ${number(rangeOf(facet).last)}`)
  return sql`(${sql.join(ranges, sql` or `)})`
}
