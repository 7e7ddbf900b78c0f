import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, openDatabase } from '@modelport/db/client'
import { type GeneratedModel, generateModels, insertModels } from '@modelport/db/generate-models'
import { SearchTimeout, searchLimits, searchModels } from '@modelport/db/queries/search'
import { indexModels } from '@modelport/db/queries/search-index'
import { allApps } from '@modelport/infra/local/apps'
import { startStack } from '@modelport/infra/local/supervisor'
import { temporaryHome } from '@modelport/infra/local/testing'
import { readDirectoryFilter } from '@modelport/schema/directory'
import { machineFacts, median, printTable, quantile } from './measure.ts'

interface Kind {
  name: string
  query: (sample: Sample) => string
  counts: boolean
}

interface Sample {
  owner: string
  name: string
  word: string
  rare: string
  keyword: string
}

/** What people ask. Without counts it is the list below the search box, which shows six. */
const kinds: Kind[] = [
  { name: 'no filter', query: () => '', counts: true },
  { name: 'one facet', query: () => 'input=text', counts: true },
  { name: 'three facets', query: () => 'input=text,number&permission=commercial&target=gpu', counts: true },
  { name: 'keyword', query: ({ keyword }) => `keyword=${keyword}`, counts: true },
  { name: 'owner/name', query: ({ owner, name }) => `q=${owner}/${name}`, counts: true },
  { name: 'beginning of a name', query: ({ name }) => `q=${name.slice(0, 4)}`, counts: false },
  { name: 'common word', query: ({ word }) => `q=${word}+`, counts: true },
  { name: 'rare word', query: ({ rare }) => `q=${rare}+`, counts: true },
  { name: 'two words', query: ({ word, rare }) => `q=${word}+${rare}+`, counts: true },
  {
    name: 'common word and facets',
    query: ({ word }) => `q=${word}+&input=text,image&permission=commercial`,
    counts: true,
  },
  { name: 'one letter wrong', query: ({ name }) => `q=${name.split('-')[0]}q`, counts: true },
  { name: 'no hit', query: () => 'q=qqzzxxyyww', counts: true },
  { name: 'smallest image', query: () => 'sort=smallest&license=mit', counts: true },
]

/** Of a hundred questions, how many are of a kind: the mix of the design's measurements. */
const mix: { kind: string; share: number }[] = [
  { kind: 'no filter', share: 20 },
  { kind: 'one facet', share: 10 },
  { kind: 'three facets', share: 10 },
  { kind: 'beginning of a name', share: 12 },
  { kind: 'two words', share: 10 },
  { kind: 'owner/name', share: 10 },
  { kind: 'common word', share: 8 },
  { kind: 'rare word', share: 8 },
  { kind: 'common word and facets', share: 7 },
  { kind: 'one letter wrong', share: 3 },
  { kind: 'no hit', share: 2 },
]
const crowd = 20
const crowdSeconds = 20

/**
 * The directory as people meet it: the API and the page over HTTP beside the SQL of the same answer, in turns, by kind;
 * then the mix by one client, and by 20 that pause 150 ms on average. `argv`: numbers of models with commas, each in a
 * database of its own (1000,100000,1000000), and how often each kind is asked (40).
 */
export async function benchDirectory(argv: readonly string[] = []): Promise<void> {
  const sizes = (argv[0] ?? '1000,100000,1000000').split(',').map((text) => positive(text))
  const rounds = positive(argv[1] ?? '40')
  console.log(machineFacts())
  const summaries: Summary[] = []
  for (const size of sizes) summaries.push(await measureSize(size, rounds))
  console.log('\nThe mix, and how it grows')
  printTable([
    [
      'models',
      'SQL p50',
      'p99',
      'API p50',
      'p99',
      'API / SQL',
      'page p50',
      'p99',
      'API, 20 people p50',
      'p99',
      'grown',
    ],
    ...summaries.map((each, i) => [
      each.size,
      ...cells(each.sql),
      ...cells(each.api),
      (median(each.api) / median(each.sql)).toFixed(2),
      ...cells(each.page),
      ...cells(each.crowd),
      i === 0 ? '' : `${(median(each.api) / median(summaries[i - 1]!.api)).toFixed(1)} times`,
    ]),
  ])
  for (const each of summaries) printGoals(each)
}

interface Summary {
  size: number
  /** Milliseconds of each question of the mix. */
  sql: number[]
  api: number[]
  page: number[]
  crowd: number[]
}

const cells = (values: readonly number[]) => [median(values).toFixed(1), quantile(values, 0.99).toFixed(1)]
const verdict = (holds: boolean) => (holds ? 'held' : 'MISSED')

/** The goals of the design, each for the size that it names. */
function printGoals({ size, sql, api, crowd: crowded }: Summary): void {
  const goals: [string, boolean][] = [['API at most twice the SQL', median(api) <= 2 * median(sql)]]
  if (size === 100_000)
    goals.push(
      ['one client p99 below 60 ms', quantile(api, 0.99) < 60],
      ['20 that pause p99 below 60 ms', quantile(crowded, 0.99) < 60],
    )
  if (size === 1_000_000)
    goals.push(['one client p50 below 100 ms', median(api) < 100], ['p99 below 400 ms', quantile(api, 0.99) < 400])
  console.log(`  ${size}: ${goals.map(([goal, holds]) => `${goal}: ${verdict(holds)}`).join('; ')}`)
}

async function measureSize(size: number, rounds: number): Promise<Summary> {
  const home = temporaryHome()
  const stack = await startStack({
    home: home.path,
    ports: 'free',
    apps: allApps.filter(({ name }) => name === 'web'),
    engine: 'none',
    queue: 'postgres',
  })
  const database = openDatabase(stack.state.database.url, { max: 2, name: 'bench' })
  try {
    const samples: Sample[] = []
    const started = performance.now()
    await insertMany(database, sampled(size, rounds, samples))
    console.log(`\n${size} models, written and indexed in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    await printSizes(database)
    return await measureKinds(database, stack.state.site.url, size, samples)
  } finally {
    await database.close()
    await stack.stop()
    home.remove()
  }
}

/** Inserts models and makes the indexes of words afterwards, which takes a fraction of what it does row by row. */
async function insertMany({ db, sql }: Database, models: Iterable<GeneratedModel>): Promise<void> {
  const indexes = await sql<{ name: string; definition: string }[]>`
    select indexname as name, indexdef as definition from pg_indexes
    where tablename = 'model_search' and indexdef like '%USING gin%'`
  for (const { name } of indexes) await sql`drop index ${sql(name)}`
  await insertModels(db, models)
  await sql.begin(async (tx) => {
    await tx`set local statement_timeout = 0`
    await tx`set local maintenance_work_mem = '512MB'`
    for (const { definition } of indexes) await tx.unsafe(definition)
  })
  await sql`vacuum analyze`
}

async function measureKinds(database: Database, site: string, size: number, samples: Sample[]): Promise<Summary> {
  const ask = {
    sql: (kind: Kind, sample: Sample) =>
      searchModels(database.db, readDirectoryFilter(new URLSearchParams(kind.query(sample))), {
        counts: kind.counts,
        limit: kind.counts ? 30 : 6,
      }).catch((error: unknown) => {
        if (!(error instanceof SearchTimeout)) throw error
        gaveUp++
      }),
    api: (kind: Kind, sample: Sample) =>
      read(`${site}/${kind.counts ? 'api/v1/models' : 'models/suggest'}?${kind.query(sample)}`),
    page: (kind: Kind, sample: Sample) => read(`${site}/models?${kind.query(sample)}`),
  }
  // The first answers of a process are compiled while they are given.
  for (const sample of samples.slice(0, 3))
    for (const kind of kinds) await Promise.all([ask.api(kind, sample), ask.page(kind, sample)])

  const bare: number[] = []
  const times = new Map(
    kinds.map((kind) => [kind.name, { sql: [] as number[], api: [] as number[], page: [] as number[] }]),
  )
  // Round by round, so that a busy minute of the machine falls on every kind and every way alike.
  for (const sample of samples) {
    bare.push(await timed(() => database.sql`select * from models order by id limit 30`))
    for (const kind of kinds) {
      const own = times.get(kind.name)!
      for (const way of ['sql', 'api', 'page'] as const) own[way].push(await timed(() => ask[way](kind, sample)))
    }
  }
  const writes = await timeWrites(database, samples.length)
  printTable([
    ['milliseconds, one client', 'SQL p50', 'p99', 'API p50', 'p99', 'API / SQL', 'page p50', 'p99'],
    ...kinds.map(({ name }) => {
      const { sql, api, page } = times.get(name)!
      return [name, ...cells(sql), ...cells(api), (median(api) / median(sql)).toFixed(2), ...cells(page)]
    }),
    ['bare page by primary key', ...cells(bare), '', '', '', '', ''],
    ['index one model again', ...cells(writes), '', '', '', '', ''],
  ])

  // Each kind as often as in the mix; the samples are the same for all.
  const mixed = (way: 'sql' | 'api' | 'page') =>
    mix.flatMap(({ kind, share }) => {
      const values = times.get(kind)![way]
      return Array.from({ length: share * 4 }, (_, n) => values[n % values.length]!)
    })
  const crowd = await timeCrowd(samples, ask.api)
  if (gaveUp > 0) console.log(`  ${gaveUp} searches were ended after ${searchLimits.statementMs} ms of one statement`)
  gaveUp = 0
  return { size, sql: mixed('sql'), api: mixed('api'), page: mixed('page'), crowd }
}

/** People who ask, read for up to 300 ms and ask again, for 20 seconds. */
async function timeCrowd(samples: Sample[], ask: (kind: Kind, sample: Sample) => Promise<unknown>): Promise<number[]> {
  const deck = mix.flatMap(({ kind, share }) => Array<Kind>(share).fill(kinds.find(({ name }) => name === kind)!))
  const times: number[] = []
  const until = performance.now() + crowdSeconds * 1000
  const person = async (n: number) => {
    for (let asked = 0; performance.now() < until; asked++) {
      // Steps that have no divisor in common with the deck visit all of it, each person in an order of their own.
      const kind = deck[(n * 37 + asked * 41) % deck.length]!
      const sample = samples[(n * 7 + asked) % samples.length]!
      times.push(await timed(() => ask(kind, sample)))
      await sleep(((n * 53 + asked * 97) % 100) * 3)
    }
  }
  await Promise.all(Array.from({ length: crowd }, (_, n) => person(n)))
  return times
}

async function read(address: string): Promise<void> {
  const response = await fetch(address)
  const text = await response.text()
  // A search that took longer than it may has told so after that time, which is what is measured.
  if (response.status === 503) gaveUp++
  else if (!response.ok) throw new Error(`${address} answered ${response.status}: ${text.slice(0, 200)}`)
}

/** Searches that were ended for taking too long. */
let gaveUp = 0

const positive = (text: string) => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${text} is no number of models or rounds`)
  return value
}

/** Passes the models through and keeps the words of some, spread over all. */
function* sampled(count: number, rounds: number, samples: Sample[]) {
  const every = Math.max(1, Math.floor(count / rounds))
  let n = 0
  for (const model of generateModels(count)) {
    if (n++ % every === 0 && samples.length < rounds)
      samples.push({
        owner: model.owner,
        name: model.name,
        word: model.readme.split(/\s+/)[1]!,
        rare: model.readme
          .trim()
          .split(/\s+/)
          .toSorted((a, b) => b.length - a.length)[0]!,
        keyword: model.topics[0]!,
      })
    yield model
  }
}

async function timed(work: () => PromiseLike<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

async function timeWrites(database: Database, rounds: number): Promise<number[]> {
  const rows = await database.sql<{ id: string }[]>`select model_id as id from model_search order by 1 limit ${rounds}`
  const times: number[] = []
  for (const { id } of rows)
    times.push(await timed(() => database.db.transaction((transaction) => indexModels(transaction, [id]))))
  return times
}

async function printSizes({ sql }: Database): Promise<void> {
  const rows = await sql<{ name: string; megabytes: string }[]>`
    select relname as name, round(pg_total_relation_size(oid) / 1e6, 1)::text as megabytes
    from pg_class where relname like 'model\\_search%' or relname like 'search\\_words%' or relname = 'facet_values'
    order by pg_total_relation_size(oid) desc`
  printTable([['with its indexes', 'MB'], ...rows.map(({ name, megabytes }) => [name, megabytes])])
}
