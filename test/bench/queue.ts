import { type Jobs, openJobs } from '@modelport/builder/src/jobs/queue.ts'
import { relayRegularly } from '@modelport/builder/src/jobs/relay.ts'
import { makeLogger } from '@modelport/builder/src/log.ts'
import { openDatabase } from '@modelport/db/client'
import { syncModel, syncPublisher } from '@modelport/db/queries/models'
import { createVersion } from '@modelport/db/queries/versions'
import { startStack } from '@modelport/infra/local/supervisor'
import { temporaryHome } from '@modelport/infra/local/testing'
import { until } from '../world.ts'
import { machineFacts, median, printTable, quantile } from './measure.ts'

const versions = 100
const rounds = 3

/** What the outbox costs: from a committed row to the worker that is handed its job, beside the bare queue. */
export async function benchQueue(): Promise<void> {
  console.log(machineFacts())
  const home = temporaryHome()
  const stack = await startStack({ home: home.path, ports: 'free', apps: [], engine: 'none', queue: 'redis' })
  const databaseUrl = stack.state.database.url
  const database = openDatabase(databaseUrl, { max: 10, name: 'bench' })
  const log = makeLogger('bench')
  log.level = 'error'
  const publisher = await syncPublisher(database.db, { id: 1, login: 'bench', type: 'User' })
  let ids = 0

  /** Commits versions one by one and waits until each of their builds was handed over; milliseconds of each. */
  const throughOutbox = async (jobs: Jobs): Promise<number[]> => {
    const repository = { id: ++ids, name: `model-${ids}`, private: false, default_branch: 'main' }
    const { model } = await syncModel(database.db, { publisher, installationId: null, repository })
    const committed = new Map<string, number>()
    const handed = new Map<string, number>()
    const stopping = new AbortController()
    jobs.work('builds', 20, async ({ buildId }) => void handed.set(buildId, performance.now()), console.error)
    jobs.work('reports', 20, async () => {}, console.error)
    const relay = relayRegularly({ database, jobs, log, signal: stopping.signal })
    for (let n = 0; n < versions; n++) {
      const { version } = await database.db.transaction((tx) =>
        createVersion(tx, {
          modelId: model.id,
          commit: (++ids).toString(16).padStart(40, '0'),
          ref: null,
          commitSubject: 'bench',
          authorName: null,
          requestedBy: null,
          trigger: 'push',
        }),
      )
      committed.set(version.id, performance.now())
    }
    const builds = await database.sql<{ id: string; version_id: string }[]>`
      select b.id, b.version_id from builds b join versions v on v.id = b.version_id where v.model_id = ${model.id}`
    await until(async () => builds.every((build) => handed.has(build.id)), 60_000, 'all builds to be handed over')
    stopping.abort()
    await relay
    // The hand-over may come before the commit's answer has reached us.
    return builds.map((build) => Math.max(0, handed.get(build.id)! - committed.get(build.version_id)!))
  }

  /** The same number of jobs straight into the queue, two at a time. */
  const straight = async (jobs: Jobs): Promise<number[]> => {
    const added = new Map<string, number>()
    const handed = new Map<string, number>()
    jobs.work('builds', 20, async ({ buildId }) => void handed.set(buildId, performance.now()), console.error)
    for (let n = 0; n < versions; n++) {
      const pair = [`bare-${++ids}`, `bare-${++ids}`]
      await jobs.add(
        'builds',
        pair.map((key) => ({ key, data: { buildId: key } })),
      )
      for (const key of pair) added.set(key, performance.now())
    }
    await until(async () => [...added.keys()].every((key) => handed.has(key)), 60_000, 'all jobs to be handed over')
    return [...added].map(([key, at]) => Math.max(0, handed.get(key)! - at))
  }

  try {
    const rows: (string | number)[][] = [['way', 'p50 ms', 'p99 ms', 'jobs a second, all in all']]
    const ways: [string, string | null, typeof straight][] = [
      ['bare queue, Redis', stack.state.queue.redisUrl, straight],
      ['outbox, relay, Redis', stack.state.queue.redisUrl, throughOutbox],
      ['outbox, relay, Postgres queue', null, throughOutbox],
    ]
    const found = new Map(ways.map(([name]) => [name, [] as { times: number[]; perSecond: number }[]]))
    for (let round = 0; round < rounds; round++)
      for (const [name, redisUrl, way] of ways) {
        const jobs = openJobs({ redisUrl, databaseUrl }, console.error)
        const began = performance.now()
        const times = await way(jobs)
        found.get(name)!.push({ times, perSecond: (times.length * 1000) / (performance.now() - began) })
        await jobs.close()
      }
    for (const [name, runs] of found) {
      const all = runs.flatMap((run) => run.times)
      rows.push([
        name,
        quantile(all, 0.5).toFixed(1),
        quantile(all, 0.99).toFixed(1),
        Math.round(median(runs.map((run) => run.perSecond))),
      ])
    }
    console.log(
      `\nFrom commit (or add) to the worker: ${rounds} runs of ${versions} versions with two builds each, in turn`,
    )
    printTable(rows)
  } finally {
    await database.close()
    await stack.stop()
    home.remove()
  }
}
