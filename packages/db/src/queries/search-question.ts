import { type DirectoryFilter, directoryLimits, type Facet, facets, searchWords } from '@modelport/schema/directory'
import { type SQL, sql } from 'drizzle-orm'
import type { Tx } from '../client.ts'
import { facetValues, modelSearch, searchWordsTable } from '../tables/search.ts'

// What is asked of the directory, as conditions of its rows.

/** What a filter consists of beside the text. */
export type Part = Facet | 'size'

export interface Question extends Selection {
  text: TextCondition
}

export interface Selection {
  /** The condition of each part with a selection, so that counts can leave one out. */
  parts: Map<Part, SQL>
  /** The ids of the values that are selected. */
  ids: number[]
}

export interface TextCondition {
  /** Null when there is nothing to search for. */
  condition: ((matching: Matching) => SQL) | null
  /** What makes a model that is found more relevant than others, the strongest first: the words are in its name, say. */
  tiers: SQL[]
  /** The words that were searched for instead of those asked, of which one is nobody's and one letter off. */
  corrected: string | null
}

/** How words are looked for in the columns that have them: in all models or in a sample. */
export interface Matching {
  words: (query: SQL) => SQL
  head: (query: SQL) => SQL
  /** What holds of a model beside that; null for nothing. */
  also: SQL | null
}

export const everywhere: Matching = {
  words: (query) => sql`${modelSearch.words} @@ ${query}`,
  head: (query) => sql`${modelSearch.head} @@ ${query}`,
  also: null,
}

/** The rows that are found. */
export const whereOf = ({ text, parts }: Question) => allOf([text.condition?.(everywhere) ?? null, ...parts.values()])

/** The place of the first of these tiers that a model is in; for a model that is in none, of one more. */
export function tierOf(tiers: readonly SQL[]): SQL {
  const place = (i: number) => sql.raw(String(i))
  if (tiers.length === 0) return place(0)
  const cases = tiers.map((tier, i) => sql`when ${tier} then ${place(i)}`)
  return sql`case ${sql.join(cases, sql` `)} else ${place(tiers.length)} end`
}

/** All of these that are not null. */
export function allOf(conditions: readonly (SQL | null)[]): SQL {
  const some = conditions.flatMap((condition) => (condition ? [sql`(${condition})`] : []))
  return some.length > 0 ? sql.join(some, sql` and `) : sql`true`
}

export async function readSelection(tx: Tx, filter: DirectoryFilter): Promise<Selection> {
  const parts: Selection['parts'] = new Map()
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
  return { parts, ids: known.map(({ id }) => id) }
}

/**
 * Answers the text as it is; where no model has its words, with a letter mended; else as parts of names. That `answer` has
 * no hits may be the doing of the other parts of the selection.
 */
export async function answerText<T extends { hits: number }>(
  tx: Tx,
  q: string,
  { parts }: Selection,
  answer: (text: TextCondition) => Promise<T>,
): Promise<{ text: TextCondition; answered: T }> {
  const words = searchWords(q).slice(0, directoryLimits.words)
  // Signs alone are in no model; nothing at all is no question.
  const wordless = { condition: q.trim() === '' ? null : () => sql`false`, tiers: [], corrected: null }
  // While no space follows, the last word may be the beginning of a longer one.
  const open = !/\s$/.test(q) && (words.at(-1)?.length ?? 0) >= 2
  const text = words.length === 0 ? wordless : hasWords(words, open)
  const answered = await answer(text)
  if (answered.hits > 0 || words.length === 0) return { text, answered }
  if (parts.size > 0 && (await anyMatch(tx, text))) return { text, answered }
  const meant = (await withMendedWords(tx, words, open)) ?? withParts(words)
  return meant ? { text: meant, answered: await answer(meant) } : { text, answered }
}

function hasWords(words: readonly string[], open: boolean): TextCondition {
  const complete = open ? words.slice(0, -1) : words
  const last = words.at(-1)!
  const all = tsquery(words.map((word) => `'${word}'`))
  const head = tsquery([...complete.map((word) => `'${word}'`), ...(open ? [`'${last}':*`] : [])])
  const names = tsquery([...complete.map((word) => `'${word}':A`), ...(open ? [`'${last}':*A`] : [])])
  // The beginning of a word counts in names and keywords only: a README has a word for every two letters.
  const beginning = tsquery([`'${last}':*`])
  const rest = complete.length === 0 ? null : tsquery(complete.map((word) => `'${word}'`))
  return {
    condition: (matching) => {
      const whole = matching.words(all)
      if (!open) return whole
      return sql`(${whole} or ${allOf([rest && matching.words(rest), matching.head(beginning)])})`
    },
    tiers: [
      // Compared as the index of names is sorted.
      sql`${modelSearch.name} collate "C" = ${words.join('-')}`,
      everywhere.head(names),
      everywhere.head(head),
    ],
    corrected: null,
  }
}

const tsquery = (parts: readonly string[]) => sql`${parts.join(' & ')}::tsquery`

async function anyMatch(tx: Tx, { condition }: TextCondition): Promise<boolean> {
  if (!condition) return true
  // The planner believes a word that it does not know to be some model's, and would read every one to find none.
  await tx.execute(sql`select set_config('enable_seqscan', 'off', true)`)
  const [row] = await tx.execute<{ found: boolean }>(
    sql`select exists (select from ${modelSearch} where ${condition(everywhere)}) as found`,
  )
  await tx.execute(sql`select set_config('enable_seqscan', 'on', true)`)
  return row?.found ?? false
}

/** With words that no model has replaced by words of heads that are one letter off; null where that finds nothing. */
async function withMendedWords(tx: Tx, words: readonly string[], open: boolean): Promise<TextCondition | null> {
  let changed = false
  const mended: string[] = []
  for (const word of words) {
    const near = [...word].length >= 5 ? await nearestWord(tx, word) : null
    mended.push(near ?? word)
    changed ||= near !== null
  }
  if (!changed) return null
  const text = hasWords(mended, open && mended.at(-1) === words.at(-1))
  return (await anyMatch(tx, text)) ? { ...text, corrected: mended.join(' ') } : null
}

/** A word of some model's head that one letter more, less or another makes out of this one, which is no model's. */
async function nearestWord(tx: Tx, word: string): Promise<string | null> {
  const letters = [...word]
  const half = Math.floor(letters.length / 2)
  // One letter leaves one half as it is. Words are letters and digits: no wildcard can be among them.
  const [first, second] = [letters.slice(0, half), letters.slice(half)]
  // A candidate must be some model's now: words stay in their table when their last model goes.
  const [row] = await tx.execute<{ word: string }>(sql`
    select w.word from ${searchWordsTable} w
    where (w.word like ${`${first.join('')}%`} or reverse(w.word) like ${`${second.toReversed().join('')}%`})
      and char_length(w.word) between ${letters.length - 1} and ${letters.length + 1}
      and levenshtein_less_equal(w.word, ${word}, 1) = 1
      and exists (select from ${modelSearch} where ${modelSearch.head} @@ ('''' || w.word || '''')::tsquery)
      and not exists (select from ${modelSearch} where ${modelSearch.words} @@ ${tsquery([`'${word}'`])})
    order by similarity(w.word, ${word}) desc, w.word limit 1`)
  return row?.word ?? null
}

function withParts(words: readonly string[]): TextCondition | null {
  if (words.some((word) => word.length < 3)) return null
  const inName = words.map((word) => sql`${modelSearch.path} like ${`%${word}%`}`)
  return { condition: ({ also }) => allOf([...inName, also]), tiers: [], corrected: null }
}
