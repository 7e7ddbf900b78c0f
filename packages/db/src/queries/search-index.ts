import { type Facet, permissionsOf, searchWords } from '@modelport/schema/directory'
import { and, asc, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { Db, Tx } from '../client.ts'
import { models, publishers } from '../tables/models.ts'
import { facetValues, firstFacetId, modelSearch, searchWordsTable } from '../tables/search.ts'
import { builds, versions } from '../tables/versions.ts'
import { sampleMarks } from './search-sample.ts'

/** Models in one round; each is a README of up to 256 KiB. */
const round = 200
const readmeWords = 4000
const readmeWordLength = 40
/** A tsvector counts positions to 16383; what stands later shares the last one. */
const lastPosition = 16_000

/** What a model must be to stand in the directory. */
export const isListed = and(
  isNull(models.deletedAt),
  eq(models.repositoryPrivate, false),
  eq(models.visibility, 'public'),
  sql`${models.defaultVersionId} is not null`,
)

/**
 * Makes the directory's rows of these models follow from what they are now. Call it in the transaction that changes
 * something that the directory shows; a model that not everybody may see loses its row.
 */
export async function indexModels(tx: Tx, modelIds: readonly string[]): Promise<void> {
  for (let i = 0; i < modelIds.length; i += round) await indexRound(tx, modelIds.slice(i, i + round))
}

async function indexRound(tx: Tx, ids: readonly string[]): Promise<void> {
  // Whoever else changes one of them is waited for, so that the reading below sees it.
  await tx
    .select({ id: models.id })
    .from(models)
    .where(inArray(models.id, [...ids]))
    .orderBy(asc(models.id))
    .for('update')
  const rows = await tx
    .select({
      id: models.id,
      slug: models.slug,
      owner: publishers.slug,
      publisherName: publishers.name,
      title: models.title,
      summary: models.summary,
      topics: models.topics,
      createdAt: models.createdAt,
      // As text: a Date would cut the microseconds that keep two changes apart.
      createdText: sql<string>`${models.createdAt}::text`,
      updatedText: sql<string>`${models.updatedAt}::text`,
      manifest: versions.manifest,
      framework: sql<string | null>`${versions.config} ->> 'framework'`,
      readme: versions.readme,
      // Of the model and not of its version: what a publisher or a model card says of the licence wins over its file.
      spdx: sql<string | null>`${models.licence} ->> 'spdx'`,
      hasLicence: sql<boolean>`jsonb_typeof(${models.licence}) = 'object'`,
      images: sql<{ target: string; bytes: number | null }[]>`(select coalesce(json_agg(json_build_object(
        'target', ${builds.target}, 'bytes', ${builds.sizeBytes})), '[]'::json)
        from ${builds} where ${builds.versionId} = ${versions.id} and ${builds.state} = 'ready')`,
    })
    .from(models)
    .innerJoin(publishers, eq(publishers.id, models.publisherId))
    .innerJoin(versions, eq(versions.id, models.defaultVersionId))
    .where(and(inArray(models.id, [...ids]), isListed))
  const listed = new Set(rows.map((row) => row.id))
  const gone = ids.filter((id) => !listed.has(id))
  if (gone.length > 0) await tx.delete(modelSearch).where(inArray(modelSearch.modelId, gone))
  if (rows.length === 0) return

  const documents = rows.map((row) => {
    const names = wordsOfName(row.owner, row.slug, row.publisherName)
    const labels = searchWords([row.title ?? '', ...row.topics].join(' '))
    const values: [Facet, string][] = [
      ...typesOf(row.manifest, 'inputs').map((type): [Facet, string] => ['input', type]),
      ...typesOf(row.manifest, 'outputs').map((type): [Facet, string] => ['output', type]),
      ['license', row.spdx?.toLowerCase() ?? (row.hasLicence ? 'own' : 'not-stated')],
      ...permissionsOf(row.spdx).map((each): [Facet, string] => ['permission', each]),
      ...row.topics.map((topic): [Facet, string] => ['keyword', topic.toLowerCase()]),
      ...(row.framework ? [['framework', row.framework] as [Facet, string]] : []),
      ...row.images.map(({ target }): [Facet, string] => ['target', target]),
      ['publisher', row.owner],
    ]
    const marks = plain(sampleMarks(row.id))
    const sizes = row.images.flatMap(({ bytes }) => (bytes === null ? [] : [bytes]))
    const readme = [...new Set(searchWords(row.readme ?? ''))].filter((word) => word.length <= readmeWordLength)
    return {
      row,
      values: values.map(([facet, value]) => [facet, value.slice(0, 100)] as const),
      size: sizes.length > 0 ? Math.min(...sizes) : null,
      headWords: [...new Set([...names, ...labels])],
      head: `${weighted(names, labels)} ${marks}`,
      words: `${plain([...names, ...labels, ...searchWords(row.summary ?? ''), ...readme.slice(0, readmeWords)])} ${marks}`,
    }
  })
  const idOf = await facetIds(
    tx,
    documents.flatMap((document) => document.values),
  )
  await addWords(
    tx,
    documents.flatMap((document) => document.headWords),
  )
  await tx
    .insert(modelSearch)
    .values(
      documents.map(({ row, values, size, head, words }) => ({
        modelId: row.id,
        facets: [...new Set(values.map(([facet, value]) => idOf.get(`${facet} ${value}`)!))],
        sizeBytes: size,
        createdAt: sql`${row.createdText}::timestamptz`,
        updatedAt: sql`${row.updatedText}::timestamptz`,
        path: `${row.owner}/${row.slug}`,
        name: row.slug,
        head: sql`${head}::tsvector`,
        words: sql`${words}::tsvector`,
      })),
    )
    .onConflictDoUpdate({
      target: modelSearch.modelId,
      set: {
        facets: sql`excluded.facets`,
        sizeBytes: sql`excluded.size_bytes`,
        createdAt: sql`excluded.created_at`,
        updatedAt: sql`excluded.updated_at`,
        path: sql`excluded.path`,
        name: sql`excluded.name`,
        head: sql`excluded.head`,
        words: sql`excluded.words`,
      },
    })
}

/** Indexes listed models that have no row yet: those from before there was a directory. Returns how many. */
export async function indexMissingModels(db: Db): Promise<number> {
  const missing = await db
    .select({ id: models.id })
    .from(models)
    .where(and(isListed, sql`not exists (select from ${modelSearch} where ${modelSearch.modelId} = ${models.id})`))
  for (let i = 0; i < missing.length; i += round) {
    const ids = missing.slice(i, i + round).map(({ id }) => id)
    await db.transaction((tx) => indexModels(tx, ids))
  }
  return missing.length
}

/** Owner and name in parts and, because `depthsketch` should find `depth-sketch`, in one. */
function wordsOfName(owner: string, slug: string, publisherName: string | null): string[] {
  const parts = searchWords(slug)
  const whole = parts.length > 1 ? searchWords(parts.join('')) : []
  return [...searchWords(owner), ...parts, ...whole, ...searchWords(publisherName ?? '')]
}

// Words are letters and digits, and marks of samples have no quote, so that the text of a tsvector needs no escape.
const plain = (words: readonly string[]) => [...new Set(words)].map((word) => `'${word}'`).join(' ')

function weighted(names: readonly string[], labels: readonly string[]): string {
  const lexemes = [...names.map((word) => [word, 'A'] as const), ...labels.map((word) => [word, 'B'] as const)]
  return lexemes.map(([word, weight], i) => `'${word}':${Math.min(i + 1, lastPosition)}${weight}`).join(' ')
}

/** The types of all commands' inputs or outputs, each once; a built image prints what it likes, so anything else is skipped. */
function typesOf(manifest: unknown, side: 'inputs' | 'outputs'): string[] {
  const list = (value: unknown, key: string): unknown[] => {
    const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
    return Array.isArray(found) ? found : []
  }
  const fields = list(manifest, 'commands').flatMap((command) => list(command, side))
  const types = fields.flatMap((field) => {
    const { type, isDirectory } = (field ?? {}) as { type?: unknown; isDirectory?: unknown }
    if (typeof type !== 'string') return []
    return [type === 'file' && isDirectory ? 'directory' : type.toLowerCase()]
  })
  return [...new Set(types)]
}

/** The ids of these values by `facet value`; new values get one. Sorted, so that two writers wait instead of deadlocking. */
async function facetIds(tx: Tx, values: readonly (readonly [Facet, string])[]): Promise<Map<string, number>> {
  const keys = [...new Set(values.map(([facet, value]) => `${facet} ${value}`))].sort()
  const pairs = keys.map((key) => [key.slice(0, key.indexOf(' ')) as Facet, key.slice(key.indexOf(' ') + 1)] as const)
  const find = () =>
    tx
      .select()
      .from(facetValues)
      .where(
        sql`(${facetValues.facet}, ${facetValues.value}) in (select * from unnest(${sql.param(pairs.map((p) => p[0]))}::text[], ${sql.param(pairs.map((p) => p[1]))}::text[]))`,
      )
  let found = await find()
  if (found.length < pairs.length) {
    const known = new Set(found.map(({ facet, value }) => `${facet} ${value}`))
    const fresh = pairs.filter(([facet, value]) => !known.has(`${facet} ${value}`))
    await tx
      .insert(facetValues)
      .values(
        fresh.map(([facet, value]) => ({
          id: sql`${firstFacetId[facet]}::int + nextval('facet_value_numbers')::int`,
          facet,
          value,
        })),
      )
      .onConflictDoNothing()
    found = await find()
  }
  return new Map(found.map(({ id, facet, value }) => [`${facet} ${value}`, id]))
}

async function addWords(tx: Tx, words: readonly string[]): Promise<void> {
  const all = [...new Set(words)].sort()
  await tx.execute(sql`insert into ${searchWordsTable} (word)
    select w from unnest(${sql.param(all)}::text[]) w
    where not exists (select from ${searchWordsTable} where word = w) order by w on conflict do nothing`)
}
