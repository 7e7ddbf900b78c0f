import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase } from '@modelport/db/client'
import { generateModels, insertModels } from '@modelport/db/generate-models'
import { migrate } from '@modelport/db/migrate'
import { searchModels } from '@modelport/db/queries/search'
import { indexModels } from '@modelport/db/queries/search-index'
import { freePorts } from '@modelport/infra/local/ports'
import { postgresPlace, startPostgres } from '@modelport/infra/local/postgres'
import { silentReport } from '@modelport/infra/local/report'
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

/** What people ask, roughly in the mix of the design: each kind is measured by itself. */
const kinds: Kind[] = [
  { name: 'no filter, counts', query: () => '', counts: true },
  { name: 'one facet, counts', query: () => 'input=text', counts: true },
  { name: 'three facets, counts', query: () => 'input=text,number&permission=commercial&target=gpu', counts: true },
  { name: 'keyword, counts', query: ({ keyword }) => `keyword=${keyword}`, counts: true },
  { name: 'owner/name', query: ({ owner, name }) => `q=${owner}/${name}`, counts: false },
  { name: 'beginning of a name', query: ({ name }) => `q=${name.slice(0, 4)}`, counts: false },
  { name: 'common word', query: ({ word }) => `q=${word}+`, counts: false },
  { name: 'common word, counts', query: ({ word }) => `q=${word}+`, counts: true },
  { name: 'rare word', query: ({ rare }) => `q=${rare}+`, counts: false },
  { name: 'two words', query: ({ word, rare }) => `q=${word}+${rare}+`, counts: false },
  { name: 'one letter wrong', query: ({ name }) => `q=${name.split('-')[0]}q`, counts: false },
  { name: 'no hit', query: () => 'q=qqzzxxyyww', counts: false },
  { name: 'smallest image', query: () => 'sort=smallest&license=mit', counts: false },
]

/**
 * What a page of the directory costs in the database, beside the bare first page by primary key in the same minutes.
 * `argv`: how many models (20000), how often each kind is asked (40).
 */
export async function benchDirectory(argv: readonly string[] = []): Promise<void> {
  const count = positive(argv[0], 20_000)
  const rounds = positive(argv[1], 40)
  console.log(machineFacts())
  await withDatabase(async (database) => {
    const samples: Sample[] = []
    const started = performance.now()
    await insertModels(database.db, sampled(count, rounds, samples))
    console.log(`${count} models written and indexed in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    await printSizes(database)

    const bare: number[] = []
    const times = new Map<Kind, number[]>(kinds.map((kind) => [kind, []]))
    // Round by round, so that a busy minute of the machine falls on every kind alike.
    for (const sample of samples) {
      bare.push(await timed(() => database.sql`select * from models order by id limit 30`))
      for (const kind of kinds) {
        const filter = readDirectoryFilter(new URLSearchParams(kind.query(sample)))
        times.get(kind)!.push(await timed(() => searchModels(database.db, filter, { counts: kind.counts })))
      }
    }
    const writes = await timeWrites(database, rounds)
    const row = (name: string, values: number[]) => [
      name,
      median(values).toFixed(1),
      quantile(values, 0.99).toFixed(1),
      (median(values) / median(bare)).toFixed(1),
    ]
    printTable([
      ['milliseconds, one client', 'p50', 'p99', 'p50 / bare page'],
      row('bare page by primary key', bare),
      ...kinds.map((kind) => row(kind.name, times.get(kind)!)),
      row('index one model again', writes),
    ])
  })
}

const positive = (text: string | undefined, otherwise: number) => {
  const value = Number(text ?? otherwise)
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

/** A PostgreSQL of its own, as installations run it: with fsync. */
async function withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'modelport-bench-directory-'))
  const logs = join(home, 'logs')
  mkdirSync(logs)
  const { postgres: port } = await freePorts()
  const { url, child } = await startPostgres({
    home,
    logs,
    port,
    password: randomBytes(12).toString('hex'),
    hooks: { report: silentReport, processChanged() {} },
  })
  try {
    await migrate(url)
    const database = openDatabase(url, { max: 2, name: 'bench' })
    try {
      await work(database)
    } finally {
      await database.close()
    }
  } finally {
    await child.stop()
    for (const place of [home, postgresPlace(home)]) rmSync(place, { recursive: true, force: true })
  }
}
