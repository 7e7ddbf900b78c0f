import type { Facet } from '@modelport/schema/directory'
import { sql } from 'drizzle-orm'
import {
  bigint,
  customType,
  index,
  integer,
  pgSequence,
  pgTable,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import { models } from './models.ts'

const at = (name: string) => timestamp(name, { withTimezone: true })
const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })

/**
 * What the directory shows and searches: one row for each model that everybody may see, and none for any other, so that
 * no count, word or order can depend on a private model. Written by `indexModels` only; a trigger of the migration takes
 * the row away in the statement that hides its model, whoever sends it.
 */
export const modelSearch = pgTable(
  'model_search',
  {
    modelId: uuid('model_id')
      .primaryKey()
      .references(() => models.id, { onDelete: 'cascade' }),
    /** Ids of `facet_values`, the publisher among them. */
    facets: integer().array().notNull(),
    /** Of the smallest image of the default version. */
    sizeBytes: bigint('size_bytes', { mode: 'number' }),
    createdAt: at('created_at').notNull(),
    updatedAt: at('updated_at').notNull(),
    /** `owner/name` in lower case, for parts of a name. */
    path: text().notNull(),
    name: text().notNull(),
    /** Weight A: owner and name; B: title and keywords; and a mark for each sample that the model is in. */
    head: tsvector().notNull(),
    /** Every word of the model, without positions: head, summary, README; and the same marks. */
    words: tsvector().notNull(),
  },
  (t) => [
    index('model_search_words').using('gin', t.words).with({ fastupdate: false }),
    index('model_search_head').using('gin', t.head).with({ fastupdate: false }),
    index('model_search_facets').using('gin', t.facets).with({ fastupdate: false }),
    index('model_search_path').using('gin', t.path.op('gin_trgm_ops')).with({ fastupdate: false }),
    index('model_search_updated').on(t.updatedAt, t.modelId),
    index('model_search_created').on(t.createdAt, t.modelId),
    // As the sort has it: models without a size come last.
    index('model_search_size').on(sql`coalesce(${t.sizeBytes}, 9223372036854775807)`, t.modelId),
    index('model_search_name').on(sql`${t.name} collate "C"`, t.modelId),
  ],
)

/** Where the ids of a facet's values begin, so that one comparison tells which facet an id is of. Never changed once given. */
export const firstFacetId: Record<Facet, number> = {
  input: 100_000_000,
  output: 200_000_000,
  license: 300_000_000,
  permission: 400_000_000,
  keyword: 500_000_000,
  framework: 600_000_000,
  target: 700_000_000,
  publisher: 800_000_000,
}
export const facetIdsEach = 100_000_000

export const facetValueNumbers = pgSequence('facet_value_numbers', { maxValue: facetIdsEach - 1 })

/** Short numbers for the facets' values. A value that no public model has any more stays and counts nothing. */
export const facetValues = pgTable(
  'facet_values',
  {
    id: integer().primaryKey(),
    facet: text().$type<Facet>().notNull(),
    value: text().notNull(),
  },
  (t) => [unique().on(t.facet, t.value)],
)

/** The words of public models' heads, for corrections. A word is offered only while a public model has it. */
export const searchWordsTable = pgTable('search_words', { word: text().primaryKey() }, (t) => [
  // A letter that is wrong leaves the beginning or the end of a word as it is.
  index('search_words_beginning').on(t.word.op('text_pattern_ops')),
  index('search_words_end').on(sql`reverse(${t.word}) text_pattern_ops`),
])
