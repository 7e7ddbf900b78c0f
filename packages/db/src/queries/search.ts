import { type DirectoryFilter, facets } from '@modelport/schema/directory'
import { sql } from 'drizzle-orm'
import { codeOf, type Db, type Tx } from '../client.ts'
import { modelSearch } from '../tables/search.ts'
import { type ListedModel, loadListed } from './models.ts'
import { type CountLimits, countFacets, type Estimate, estimateHits, type FacetCounts } from './search-counts.ts'
import { readPage, readPlace, writePlace } from './search-page.ts'
import { answerText, type Part, type Question, readSelection, whereOf } from './search-question.ts'

export type { FacetCount, FacetCounts } from './search-counts.ts'

interface SearchLimits extends CountLimits {
  /** How far the models that are found are counted. */
  total: number
  statementMs: number
}

/** How far counts go before they are cut or estimated, and how long one statement may take. */
export const searchLimits: SearchLimits = {
  total: 1000,
  facetHits: 15_000,
  sampledHits: 1000,
  valuesPerFacet: 50,
  statementMs: 2000,
}

export interface SearchResult {
  models: ListedModel[]
  next: string | null
  /** At most `searchLimits.total`; `more` says that there are further ones. */
  total: Total
  /** The question that was answered, where a word of the one asked is nobody's and one letter off. */
  corrected: string | null
  counts: FacetCounts | null
}

interface Total {
  count: number
  more: boolean
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
  }: { cursor?: string | null; limit?: number; counts?: boolean; limits?: SearchLimits } = {},
): Promise<SearchResult> {
  return inSnapshot(db, limits, async (tx) => {
    const after = readPlace(cursor, filter.sort)
    const selection = await readSelection(tx, filter)
    const { text, answered } = await answerText(tx, filter.q, selection, async (text) => {
      const question = { ...selection, text }
      const estimate = await estimateHits(tx, question, counts, limits)
      const counted = counts ? await countFacets(tx, filter, question, estimate, limits) : null
      const hits =
        counted?.found ?? (isCommon(estimate, limits) ? limits.total + 1 : await countUpTo(tx, question, limits.total))
      const few = hits <= limits.total
      const expected = { few, size: estimate.size, hits: estimate.hits?.[0] ?? 0, tiers: estimate.tiers ?? [] }
      const wish = { sort: filter.sort, after, limit: limit + 1 }
      return {
        hits,
        counts: counted?.counts ?? null,
        rows: hits === 0 ? [] : await readPage(tx, question, wish, expected),
      }
    })
    const { hits, rows } = answered
    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    return {
      models: await loadListed(
        tx,
        shown.map((row) => row.id),
      ),
      next: rows.length > limit && last ? writePlace(filter.sort, last) : null,
      total: totalOf(hits, limits),
      corrected: text.corrected,
      counts: answered.counts,
    }
  })
}

/** Whether so many are found that counting them up to `total` is not worth the while. */
const isCommon = ({ size, hits }: Estimate, { total }: SearchLimits) =>
  hits !== null && hits[0]! > Math.max(2 * total, size / 50)

/** What would be found with one part of the filter left out: the help of an empty page. */
export interface Dropped extends Total {
  part: Part | 'q'
  filter: DirectoryFilter
}

/** How many models each part of the filter hides; parts that hide nothing are left out. */
export async function countWithoutEach(db: Db, filter: DirectoryFilter, limits = searchLimits): Promise<Dropped[]> {
  const found: Dropped[] = []
  await inSnapshot(db, limits, async (tx) => {
    for (const [part, without] of dropEach(filter)) {
      const selection = await readSelection(tx, without)
      const { answered } = await answerText(tx, without.q, selection, async (text) => ({
        hits: await countUpTo(tx, { ...selection, text }, limits.total),
      }))
      const { hits } = answered
      if (hits > 0) found.push({ part, filter: without, ...totalOf(hits, limits) })
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

const totalOf = (hits: number, { total }: SearchLimits): Total => ({ count: Math.min(hits, total), more: hits > total })

/** How many rows there are of these; one more than `most` where there are more. */
async function countUpTo(tx: Tx, question: Question, most: number): Promise<number> {
  const [row] = await tx.execute<{ n: number }>(
    sql`select count(*)::int as n from (select from ${modelSearch} where ${whereOf(question)} limit ${most + 1}) hits`,
  )
  return row?.n ?? 0
}

/** SQLSTATE of a statement that took longer than it may. */
const canceled = '57014'

/** Runs `work` on one snapshot, in which no statement takes longer than `statementMs`. */
async function inSnapshot<T>(db: Db, { statementMs }: SearchLimits, work: (tx: Tx) => Promise<T>): Promise<T> {
  try {
    return await db.transaction(async (tx) => {
      // Both in one round trip.
      await tx.execute(sql`set transaction isolation level repeatable read, read only;
        set local statement_timeout = ${sql.raw(String(Math.round(statementMs)))}`)
      return await work(tx)
    })
  } catch (error) {
    if (codeOf(error) === canceled) throw new SearchTimeout('The search took too long.', { cause: error })
    throw error
  }
}
