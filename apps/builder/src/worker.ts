import { setMaxListeners } from 'node:events'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { openDatabase } from '@modelport/db/client'
import { sessionsOf } from '@modelport/db/queries/builds'
import type { News } from '@modelport/db/queries/versions'
import { forgetWorker } from '@modelport/db/queries/workers'
import type { Catalogue } from '@modelport/schema/catalogue'
import { readCatalogue } from '@modelport/schema/catalogues/read-catalogue'
import { openS3Storage } from '@modelport/storage/s3-storage'
import { openConfigReader } from './build/parse-config-process.ts'
import { ConfigError, workerConfig } from './config.ts'
import type { WorkerContext } from './context.ts'
import { openEngineRoom } from './engine-room.ts'
import { armFailPoints } from './fail-point.ts'
import { makeGithubClients } from './github/github-client.ts'
import { runBuildJob } from './jobs/build-job.ts'
import { openJobs } from './jobs/queue.ts'
import { relayRegularly } from './jobs/relay.ts'
import { runReportJob } from './jobs/report-job.ts'
import { sweepRegularly } from './jobs/sweep.ts'
import { verifyUploadsRegularly } from './jobs/verify-uploads.ts'
import { described, makeLogger } from './log.ts'
import { answer, closeServer, listen, runProcess } from './process.ts'

// The worker: takes builds from the queue and turns them into images. It needs the engine and has no public port.
const log = makeLogger('worker')

runProcess(log, async () => {
  const { config, secrets } = workerConfig(process.env)
  armFailPoints(process.env)
  const name = `${hostname()}:${process.pid}`
  const database = openDatabase(secrets.databaseUrl, {
    max: config.concurrency * 3 + 6,
    name: sessionsOf(name),
    idle: config.recovery.silentSeconds,
  })
  const stopping = new AbortController()
  // Every build and sweep listens to it.
  setMaxListeners(0, stopping.signal)
  const catalogue = buildable(await readCatalogue(config.catalogue))
  const engineRoom = await openEngineRoom(config, log)
  const configReader = openConfigReader()
  const worker: WorkerContext = {
    name,
    config,
    log,
    database,
    github: makeGithubClients(config.github, secrets.githubPrivateKey),
    catalogue,
    parseConfig: configReader.parse,
    cancellations: new Set(),
    storage: config.storage && secrets.storage ? openS3Storage(config.storage, secrets.storage) : null,
    stopping: stopping.signal,
    ...engineRoom.forBuilds,
  }
  const quiet = throttled((error) => log.warn(described(error), 'the queue does not answer'))
  const jobs = openJobs(
    {
      redisUrl: secrets.redisUrl,
      databaseUrl: secrets.databaseUrl,
      jobLockSeconds: config.recovery.jobLockSeconds,
    },
    quiet,
  )
  const onJobError = throttled((error) => log.warn(described(error), 'a job was rejected'))
  jobs.work('builds', config.concurrency, ({ buildId }) => runBuildJob(worker, buildId), onJobError)
  jobs.work('reports', 4, ({ buildId }) => runReportJob(worker, buildId), onJobError)
  const listening = await database.sql.listen('modelport', (message) => {
    const news = JSON.parse(message) as News
    if (news.cancel) for (const told of worker.cancellations) told(news.cancel)
  })
  const relay = relayRegularly({ database, jobs, log, signal: stopping.signal })
  const sweeps = sweepRegularly(worker, {
    reap: engineRoom.reap,
    report: async () => ({
      driver: worker.driver.name,
      concurrency: config.concurrency,
      queue: jobs.kind,
      build: {
        substitutionPolicy: config.substitutionPolicy,
        // An operator's own catalogue is told by its name; where it lies is nobody else's business.
        catalogue: basename(config.catalogue),
        egress: config.egress,
        ...config.limits,
      },
      ...(await engineRoom.describe()),
    }),
  })
  const verifications = verifyUploadsRegularly(worker)
  const { server, port } = await listen('127.0.0.1', config.port, log, async (request, response) => {
    const path = request.url?.split('?')[0]
    if (path === '/healthz') return answer(response, 200, 'ok\n')
    if (path === '/readyz') {
      const ready = await database.sql`select 1`.then(
        () => true,
        () => false,
      )
      return answer(response, ready ? 200 : 503, ready ? 'ready\n' : 'the database does not answer\n')
    }
    return answer(response, 404, 'not found\n')
  })
  log.info(
    { port, queue: jobs.kind, concurrency: config.concurrency, scratch: join(config.home, 'scratch') },
    'worker works',
  )
  return async () => {
    stopping.abort(new Error('the worker is stopping'))
    await closeServer(server)
    await jobs.close()
    configReader.close()
    await Promise.all([relay, sweeps, verifications])
    worker.storage?.close()
    await listening.unlisten().catch(() => undefined)
    await forgetWorker(database.db, worker.name).catch(() => undefined)
    await database.close()
  }
})

/** A worker makes bases from Debian packages; an entry on a public image is for people who build elsewhere. */
function buildable(catalogue: Catalogue): Catalogue {
  const strange = catalogue.entries.find((entry) => entry.source.kind !== 'debian')
  if (strange)
    throw new ConfigError(
      `CATALOGUE: the entry ${strange.id} stands on a public image; a worker makes Debian entries only.`,
    )
  return catalogue
}

/** A connection that is down reports itself many times a second; once in ten seconds is enough to read. */
function throttled(tell: (error: unknown) => void): (error: unknown) => void {
  let last = 0
  return (error) => {
    if (Date.now() - last < 10_000) return
    last = Date.now()
    tell(error)
  }
}
