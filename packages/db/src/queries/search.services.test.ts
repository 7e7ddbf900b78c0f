import { readFileSync } from 'node:fs'
import {
  directoryQuery,
  type Facet,
  facets,
  permissionsOf,
  readDirectoryFilter,
  sorts,
} from '@modelport/schema/directory'
import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GeneratedModel, generateModels, insertModels } from '../generate-models.ts'
import { makeSeed } from '../seed.ts'
import { models } from '../tables/models.ts'
import { facetValues, modelSearch, searchWordsTable } from '../tables/search.ts'
import { openTestDatabase } from '../testing.ts'
import { person } from './model-changes.ts'
import { deleteModel } from './model-life.ts'
import { editDescription, setDefaultVersion, syncModel, syncPublisher, updateModelSettings } from './models.ts'
import { countWithoutEach, searchLimits, searchModels } from './search.ts'
import { indexMissingModels } from './search-index.ts'
import { yankVersion } from './versions.ts'

const alice = person('alice')
type Database = Awaited<ReturnType<typeof openTestDatabase>>
const filterOf = (query: string) => readDirectoryFilter(new URLSearchParams(query))
const search = (database: Database, query: string, options: Parameters<typeof searchModels>[2] = {}) =>
  searchModels(database.db, filterOf(query), { limit: 100, ...options })
const namesOf = (result: Awaited<ReturnType<typeof searchModels>>) => result.models.map(({ model }) => model.slug)

describe('words', () => {
  let database: Database
  const find = async (q: string) => namesOf(await search(database, `q=${encodeURIComponent(q)}`))
  beforeAll(async () => {
    database = await openTestDatabase()
    const seed = makeSeed(database.db)
    const make = async (
      owner: string,
      name: string,
      more: { summary?: string; topics?: string[]; readme?: string },
    ) => {
      const { model } = await seed.model({ owner, name, ...more })
      await seed.publishedVersion(model, { readme: more.readme ?? '', lines: 1 })
      return model
    }
    await make('flair', 'ner-danish-large', { topics: ['named-entities'] })
    const sketch = await make('alice', 'depth-sketch', { summary: 'Turns a photograph into a drawing' })
    await editDescription(database.db, sketch.id, { title: 'Überblick für Künstler' }, alice)
    await make('bob', 'colours', { readme: '# About\n\nTrained on the Zanzibar collection, see v1.0 and a/b.' })
    await make('zanzibar', 'maps', { summary: 'Maps' })
  })
  afterAll(() => database.close())

  it.each([
    ['owner', 'flair', ['ner-danish-large']],
    ['owner and name', 'flair/ner-danish-large', ['ner-danish-large']],
    ['name without its hyphens', 'danish large', ['ner-danish-large']],
    ['part of a name with a hyphen', 'danish-large', ['ner-danish-large']],
    ['name written as one word', 'depthsketch', ['depth-sketch']],
    ['name in capitals', 'DEPTH', ['depth-sketch']],
    ['beginning of the last word', 'ner dan', ['ner-danish-large']],
    ['title without its accents', 'uberblick kunstler', ['depth-sketch']],
    ['summary', 'photograph', ['depth-sketch']],
    ['keyword', 'named-entities', ['ner-danish-large']],
    ['README', 'collection', ['colours']],
    ['part of the name, where nothing else fits', 'etch', ['depth-sketch']],
    ['one letter wrong', 'dqnish', ['ner-danish-large']],
    ['one letter missing', 'sktch', ['depth-sketch']],
    ['one letter too many', 'sketcch', ['depth-sketch']],
    ['signs only', '%%% *** ', []],
    ['operators as words', 'danish & !large', ['ner-danish-large']],
    ['words of two models', 'danish sketch', []],
  ])('finds by %s', async (_, q, expected) => expect(await find(q)).toEqual(expected))

  it('shows names before texts', async () => expect(await find('zanzibar')).toEqual(['maps', 'colours']))
  it('takes no beginning of a word after a space', async () =>
    expect(await find('danis ')).toEqual(['ner-danish-large']))
  it('says which word it mended', async () => {
    expect((await search(database, 'q=dqnish+large')).corrected).toBe('danish large')
    expect((await search(database, 'q=danish')).corrected).toBeNull()
    expect((await search(database, 'q=dxnixh')).models).toEqual([])
  })
})

describe('what changes a model changes its row', () => {
  let database: Database
  beforeAll(async () => {
    database = await openTestDatabase()
  })
  afterAll(() => database.close())
  const shown = async (q: string) => namesOf(await search(database, `q=${q}`))
  const published = async (name: string) => {
    const seed = makeSeed(database.db)
    const { model, publisher } = await seed.model({ owner: 'alice', name })
    const version = await seed.publishedVersion(model, { readme: 'first', lines: 1 })
    return { seed, model, publisher, version }
  }

  it('a default version that moves, is pinned, is yanked', async () => {
    const { seed, model, version } = await published('moving')
    await seed.publishedVersion(model, { readme: 'secondreadme', lines: 1 })
    expect(await shown('secondreadme')).toEqual(['moving'])
    await setDefaultVersion(database.db, model.id, { policy: 'pinned', version: 1 }, 'alice')
    expect(await shown('secondreadme')).toEqual([])
    await setDefaultVersion(database.db, model.id, { policy: 'latest' }, 'alice')
    await yankVersion(
      database.db,
      (await seed.publishedVersion(model, { readme: 'third', lines: 1 })).id,
      'alice',
      'bad',
    )
    expect(await shown('secondreadme')).toEqual(['moving'])
    expect(version.number).toBe(1)
  })

  it('settings, visibility and deletion', async () => {
    const { model } = await published('hiding')
    await editDescription(database.db, model.id, { title: 'Quicksilver' }, alice)
    expect(await shown('quicksilver')).toEqual(['hiding'])
    for (const visibility of ['unlisted', 'private'] as const) {
      await updateModelSettings(database.db, model.id, { visibility }, alice)
      expect(await shown('quicksilver')).toEqual([])
      await updateModelSettings(database.db, model.id, { visibility: 'public' }, alice)
      expect(await shown('quicksilver')).toEqual(['hiding'])
    }
    await deleteModel(database.db, model.id, alice)
    expect(await shown('quicksilver')).toEqual([])
  })

  it('a new name and a new owner', async () => {
    const { model, publisher } = await published('oldname')
    const repository = { id: model.githubRepositoryId, name: 'freshname', private: false, default_branch: 'main' }
    await syncModel(database.db, { repository, publisher, installationId: null })
    expect(await shown('freshname')).toEqual(['freshname'])
    expect(await shown('oldname')).toEqual([])
    await syncPublisher(database.db, { id: publisher.githubId, login: 'Renamed', type: 'User' })
    expect(await shown('renamed/freshname')).toEqual(['freshname'])
    expect((await search(database, 'publisher=renamed')).models.length).toBeGreaterThan(0)
    expect((await search(database, 'publisher=alice')).models).toEqual([])
  })

  it('nothing, when the transaction that changed it fails', async () => {
    const { model } = await published('rolledback')
    await database.db
      .transaction(async (tx) => {
        await updateModelSettings(tx, model.id, { visibility: 'private' }, alice)
        throw new Error('no')
      })
      .catch(() => {})
    expect(await shown('rolledback')).toEqual(['rolledback'])
  })

  it('any statement that hides it, also one that knows nothing of the directory', async () => {
    const { model } = await published('anyhow')
    await database.db.update(models).set({ repositoryPrivate: true }).where(eq(models.id, model.id))
    expect(await database.db.select().from(modelSearch).where(eq(modelSearch.modelId, model.id))).toEqual([])
  })
})

describe('a directory of 600 models', () => {
  let database: Database
  const all = [...generateModels(600)]
  const open = all.filter((model) => model.hidden === null)
  beforeAll(async () => {
    database = await openTestDatabase()
    await insertModels(database.db, all)
  })
  afterAll(() => database.close())

  const valuesOf: Record<Facet, (model: GeneratedModel) => string[]> = {
    input: (model) => [model.input],
    output: (model) => [model.output],
    license: (model) => [model.spdx?.toLowerCase() ?? 'not-stated'],
    permission: (model) => permissionsOf(model.spdx),
    keyword: (model) => model.topics,
    framework: (model) => (model.framework ? [model.framework] : []),
    target: (model) => model.targets,
    publisher: (model) => [model.owner],
  }
  const passes = (model: GeneratedModel, query: string, except?: Facet | 'size') => {
    const { values, size } = filterOf(query)
    if (size && except !== 'size' && (model.bytes < (size.from ?? 0) || model.bytes > (size.to ?? Infinity)))
      return false
    return facets.every(
      (facet) =>
        facet === except ||
        values[facet].length === 0 ||
        valuesOf[facet](model).some((value) => values[facet].includes(value)),
    )
  }
  const queries = [
    '',
    'input=text',
    'input=text,number&output=text',
    'license=mit,apache-2.0&target=gpu',
    'permission=commercial&size=..2gb',
    'framework=pytorch&size=1gb..8gb&input=text',
    `keyword=${open[0]!.topics[0]}`,
    `publisher=${open[0]!.owner}&target=cpu`,
    'input=nosuchtype',
  ]

  it.each(queries)('counts and finds as a loop over all public models does: %s', async (query) => {
    const result = await search(database, query, { counts: true })
    const expected = open.filter((model) => passes(model, query))
    expect(result.total).toEqual({ count: expected.length, more: false })
    expect(result.counts!.about).toBe(false)
    for (const facet of facets) {
      const counts = new Map<string, number>()
      for (const model of open.filter((each) => passes(each, query, facet)))
        for (const value of valuesOf[facet](model)) counts.set(value, (counts.get(value) ?? 0) + 1)
      for (const { value, count } of result.counts!.facets[facet]) expect(count, value).toBe(counts.get(value) ?? 0)
      const listed = new Set(result.counts!.facets[facet].map(({ value }) => value))
      if (counts.size <= searchLimits.valuesPerFacet)
        for (const value of counts.keys()) expect(listed, `${facet} ${value}`).toContain(value)
    }
    const small = open.filter((model) => passes(model, query, 'size') && model.bytes <= 2e9)
    expect(result.counts!.size.find(({ value }) => value === '..2gb')!.count).toBe(small.length)
  })

  it.each(sorts)('pages by %s without a model twice and without a gap', async (sort) => {
    const q = sort === 'relevance' ? 'q=lab' : ''
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page = await search(database, `${q}&sort=${sort}`, { cursor, limit: 37 })
      seen.push(...page.models.map(({ model }) => model.id))
      cursor = page.next
    } while (cursor)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toHaveLength(open.length)
    const byId = new Map(open.map((model) => [model.id, model]))
    const keys = seen.map((id) => {
      const model = byId.get(id)!
      return { newest: -model.createdAt, smallest: model.bytes, name: model.name }[sort as 'newest'] ?? -model.updatedAt
    })
    expect(keys).toEqual(keys.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
  })

  it('begins anew with a cursor of another sort, and with none', async () => {
    const first = namesOf(await search(database, 'sort=name', { limit: 5 }))
    const { next } = await search(database, 'sort=newest', { limit: 5 })
    for (const cursor of [next, 'nonsense', Buffer.from('["name","a"]').toString('base64url'), `${next}${next}`])
      expect(namesOf(await search(database, 'sort=name', { limit: 5, cursor }))).toEqual(first)
  })

  it('says what each part of an empty answer hides', async () => {
    const query = `input=${open[0]!.input}&license=nosuchlicence`
    expect((await search(database, query)).total.count).toBe(0)
    const dropped = await countWithoutEach(database.db, filterOf(query))
    expect(dropped.map(({ part, filter }) => [part, directoryQuery(filter)])).toEqual([
      ['license', `input=${open[0]!.input}`],
    ])
    expect(dropped[0]!.count).toBe(open.filter((model) => model.input === open[0]!.input).length)
  })

  it('cuts the total and estimates counts where too many match', async () => {
    const limits = { ...searchLimits, total: 100, facetHits: 200 }
    const result = await search(database, '', { counts: true, limits })
    expect(result.total).toEqual({ count: 100, more: true })
    expect(result.counts!.about).toBe(true)
    const text = result.counts!.facets.input.find(({ value }) => value === 'text')!.count
    const real = open.filter((model) => model.input === 'text').length
    expect(text).toBeGreaterThan(real / 4)
    expect(text).toBeLessThan(real * 4)
  })

  it.each([
    ['words', 'q=lab'],
    ['words and filters', 'q=lab&input=text,image&permission=commercial&target=gpu'],
    ['filters', 'input=text,image&permission=commercial&target=gpu'],
  ])('estimates counts of %s from samples about right', async (_, query) => {
    const limits = { ...searchLimits, total: 20, facetHits: 100, sampledHits: 60 }
    const { counts } = await search(database, query, { counts: true, limits })
    expect(counts!.about).toBe(true)
    for (const facet of ['input', 'permission', 'target', 'license'] as const) {
      const real = open.filter((model) => passes(model, query, facet)).flatMap(valuesOf[facet]).length
      const estimated = counts!.facets[facet].reduce((all, { count }) => all + count, 0)
      // Sixty models and more of some hundred.
      expect(estimated, facet).toBeGreaterThan(real * 0.6)
      expect(estimated, facet).toBeLessThan(real * 1.6)
    }
  })

  it('counts what it began to count one by one, also where more are found than was believed', async () => {
    await database.db.execute(
      sql`update pg_class set reltuples = 6, relpages = 100 where oid = 'model_search'::regclass`,
    )
    const limits = { ...searchLimits, facetHits: 200 }
    const { counts } = await search(database, '', { counts: true, limits })
    await database.db.execute(sql`analyze model_search`)
    expect(counts!.about).toBe(true)
    expect(counts!.facets.target.reduce((all, { count }) => all + count, 0)).toBeGreaterThan(300)
  })

  it('gives models of older directories the marks of samples that new ones get', async () => {
    const marksOf = (column: string) => sql`array(
      select lexeme from unnest(${sql.identifier(column)}) where left(lexeme, 1) = '%' order by lexeme)`
    const marks = () =>
      database.db.execute<{ id: string; words: string[]; head: string[] }>(sql`
        select model_id as id, ${marksOf('words')} as words, ${marksOf('head')} as head from model_search order by 1`)
    const before = await marks()
    for (const { words, head } of before) expect(head).toEqual(words)
    expect(before.filter((row) => row.words.includes('%1')).length).toBeGreaterThan(open.length / 3)
    expect(before.filter((row) => row.words.includes('%2')).length).toBeLessThan(open.length / 2)
    await database.db.execute(sql`update model_search
      set words = ts_delete(words, ${marksOf('words')}), head = ts_delete(head, ${marksOf('head')})`)
    for (const { words, head } of await marks()) expect([...words, ...head]).toEqual([])
    await database.db.execute(readFileSync(new URL('../migrations/0012_samples.sql', import.meta.url), 'utf8'))
    expect(await marks()).toEqual(before)
  })

  it('answers hostile questions, in time', async () => {
    const hostile = [
      '%'.repeat(5000),
      `${'a*'.repeat(2000)}b`,
      'x'.repeat(10_000),
      'ab '.repeat(3000),
      "'; drop table model_search; --",
      "a' | 'b':*A & !c <-> d",
      '(((((((((',
      '\\\\\'"`$1 $$ :: {} []',
      '\ud800 \udfff \u0000 \u202e',
      'ﷺ'.repeat(300),
      '🙂'.repeat(300),
      '.*'.repeat(500),
      'q'.repeat(255),
    ]
    for (const q of hostile) {
      const from = performance.now()
      const result = await search(
        database,
        new URLSearchParams({ q, sort: q, input: q, size: q, publisher: q }).toString(),
        {
          counts: true,
          cursor: q,
        },
      )
      await search(database, new URLSearchParams({ q }).toString(), { counts: true })
      expect(result.total.count).toBeGreaterThanOrEqual(0)
      // Far above what it takes, far below what a scan of every README by a pattern would.
      expect(performance.now() - from, q.slice(0, 20)).toBeLessThan(4000)
    }
    expect((await database.db.select({ n: sql<number>`count(*)::int` }).from(modelSearch))[0]!.n).toBe(open.length)
  })

  it('ends a statement that takes longer than it may', async () => {
    const slow = search(database, 'q=lab', { counts: true, limits: { ...searchLimits, statementMs: 1 } })
    const outcome = await slow.then(
      () => 'answered',
      (error: Error) => error.message,
    )
    // On a fast machine a millisecond is enough for each statement.
    expect(['answered', 'The search took too long.']).toContain(outcome)
  })

  it('answers byte for byte as if hidden models did not exist', async () => {
    const without = await openTestDatabase()
    await insertModels(without.db, open)
    const asked = [
      ...queries,
      'q=lab',
      ...all.flatMap((model) =>
        model.hidden ? [`q=${model.name}`, `publisher=${model.owner}`, `q=${model.topics[0]}`] : [],
      ),
      `q=${all.find(({ hidden }) => hidden)!.name.slice(0, -1)}x`,
      ...sorts.map((sort) => `sort=${sort}`),
    ]
    const answerOf = async (database: Database, query: string) => {
      const { models: found, ...rest } = await search(database, query, { counts: true, limit: 7 })
      const cards = found.map(({ model, sizes }) => [model.id, model.slug, model.summary, sizes])
      return JSON.stringify({ cards, ...rest, dropped: await countWithoutEach(database.db, filterOf(query)) })
    }
    for (const query of asked) expect(await answerOf(database, query), query).toBe(await answerOf(without, query))
    for (const table of [facetValues, searchWordsTable]) {
      const rows = async (each: Database) =>
        (await each.db.select().from(table))
          .map((row) => ('word' in row ? row.word : `${row.facet} ${row.value}`))
          .sort()
      expect(await rows(database)).toEqual(await rows(without))
    }
    await without.close()
  })

  it('fills itself from models that are older than it', async () => {
    const rows = () =>
      database.db.execute(
        sql`select model_id, size_bytes, path, head::text, words::text from model_search order by model_id`,
      )
    const before = await rows()
    await database.db.delete(modelSearch)
    expect(await indexMissingModels(database.db)).toBe(open.length)
    expect(await rows()).toEqual(before)
    expect(await indexMissingModels(database.db)).toBe(0)
  })
})
