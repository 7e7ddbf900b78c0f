import { type SQL, sql } from 'drizzle-orm'
import { modelSearch } from '../tables/search.ts'
import { everywhere, type Matching, type Question } from './search-question.ts'

// Samples of the directory, each half of the one before. Which ones a model is in follows from its random id and stands
// among its words, so that the indexes of words find what is both in a sample and asked for, and nothing else is read.

/** The smallest sample is one model of a million. */
const levels = 20
// No word begins so: words are letters and digits.
const mark = '%'

/** What stands among the words of a model for each sample that it is in: of level 1 is every second model, of 2 every fourth. */
export function sampleMarks(modelId: string): string[] {
  const bits = Number.parseInt(modelId.slice(-levels / 4), 16)
  const zeros = Math.clz32(bits) - (32 - levels)
  return Array.from({ length: zeros }, (_, i) => `${mark}${i + 1}`)
}

/** The models of a sample: read `from` this, as many as `matching` finds where words are asked for. */
export interface Sample {
  from: SQL
  matching: Matching
}

/**
 * The sample of a level of 1 or more, which may be an expression; below 1 that gives none. Where words are asked for, it is
 * taken by the marks; else it is whole pages of the table, which are read one after the other.
 */
export function sampleOf(level: number | SQL, { text }: Question): Sample {
  const percent = sql`case when ${level}::int < 1 then 0 else 100 / 2::float4 ^ ${level} end`
  if (!text.condition)
    return { from: sql`${modelSearch} tablesample system (${percent}) repeatable (1)`, matching: everywhere }
  // A plain value where it can be: the planner knows how common each mark is.
  const marked =
    typeof level === 'number'
      ? sql`${`'${mark}${Math.min(level, levels)}'`}::tsquery`
      : sql`('''' || ${mark} || least(${level}, ${levels}::int) || '''')::tsquery`
  return {
    from: sql`${modelSearch}`,
    matching: {
      words: (query) => everywhere.words(sql`(${query} && ${marked})`),
      head: (query) => everywhere.head(sql`(${query} && ${marked})`),
      also: everywhere.words(marked),
    },
  }
}
