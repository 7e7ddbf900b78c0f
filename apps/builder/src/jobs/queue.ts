import { createPostgresBackend, type JobsOptions, Queue, Worker, withBackend } from 'bullmq'

/** Jobs carry an id and nothing else; what is to be done stands in the build's row. */
export interface JobData {
  buildId: string
}

export type QueueName = 'builds' | 'reports'

/** The queue: Redis, or BullMQ's PostgreSQL backend where there is none. */
export interface Jobs {
  kind: 'redis' | 'postgres'
  /** Adds a job once: a second one with the same key is ignored while the first waits or runs. Fails fast when the queue is down. */
  add(queue: QueueName, jobs: { key: string; data: JobData }[]): Promise<void>
  /** Runs `handle` for each job, `concurrency` at a time. A job whose worker died is given to another within seconds. */
  work(
    queue: QueueName,
    concurrency: number,
    handle: (data: JobData) => Promise<void>,
    onError: (error: unknown) => void,
  ): void
  /** How many jobs wait in a queue. */
  waiting(queue: QueueName): Promise<number>
  /** Stops taking jobs and waits for those that run. */
  close(): Promise<void>
}

/** A silent worker's job is given to another after so long; the row's lease decides whether it may run. */
const stalledAfter = (seconds: number) => ({
  lockDuration: seconds * 1000,
  stalledInterval: seconds * 500,
  maxStalledCount: 1000,
})
type Stalled = ReturnType<typeof stalledAfter>

/** The few methods that we use of BullMQ's queue and worker; both backends have them. */
interface OpenQueue {
  addBulk(jobs: { name: string; data: JobData; opts: JobsOptions }[]): Promise<unknown>
  getWaitingCount(): Promise<number>
  close(): Promise<void>
}
interface OpenWorker {
  close(): Promise<void>
}
interface Backend {
  queue(name: string, onError: (error: unknown) => void): OpenQueue
  worker(
    name: string,
    concurrency: number,
    handle: (data: JobData) => Promise<void>,
    onError: (error: unknown) => void,
  ): OpenWorker
}

function redisBackend(url: string, stalled: Stalled): Backend {
  return {
    queue(name, onError) {
      const queue = new Queue(name, { connection: redisConnection(url, false) })
      queue.on('error', onError)
      return queue
    },
    worker(name, concurrency, handle, onError) {
      const worker = new Worker(name, (job) => handle(job.data as JobData), {
        ...stalled,
        concurrency,
        connection: redisConnection(url, true),
      })
      worker.on('error', onError)
      worker.on('failed', (_job, error) => onError(error))
      return worker
    },
  }
}

function postgresBackend(connectionString: string, stalled: Stalled): Backend {
  const bull = withBackend(createPostgresBackend)
  const connection = { connectionString, schema: 'bullmq', max: 10, migrate: true }
  return {
    queue(name, onError) {
      const queue = new bull.Queue(name, { connection })
      queue.on('error', onError)
      return queue
    },
    worker(name, concurrency, handle, onError) {
      const worker = new bull.Worker(name, (job) => handle(job.data as JobData), {
        ...stalled,
        concurrency,
        connection,
      })
      worker.on('error', onError)
      worker.on('failed', (_job, error) => onError(error))
      return worker
    },
  }
}

/** Opens the queue at `redisUrl` (a URL or the path of a unix socket), else in the database. */
export function openJobs(
  config: { redisUrl: string | null; databaseUrl: string; jobLockSeconds?: number },
  onError: (error: unknown) => void,
): Jobs {
  const stalled = stalledAfter(config.jobLockSeconds ?? 10)
  const backend = config.redisUrl
    ? redisBackend(config.redisUrl, stalled)
    : postgresBackend(config.databaseUrl, stalled)
  const queues = new Map<QueueName, OpenQueue>()
  const queueOf = (name: QueueName) => {
    const queue = queues.get(name) ?? backend.queue(name, onError)
    queues.set(name, queue)
    return queue
  }
  const workers: OpenWorker[] = []
  return {
    kind: config.redisUrl ? 'redis' : 'postgres',
    async add(name, jobs) {
      await queueOf(name).addBulk(
        jobs.map(({ key, data }) => ({
          name,
          data,
          opts: { jobId: key, removeOnComplete: true, removeOnFail: true },
        })),
      )
    },
    work(name, concurrency, handle, onJobError) {
      workers.push(backend.worker(name, concurrency, handle, onJobError))
    },
    async waiting(name) {
      return queueOf(name).getWaitingCount()
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()))
      await Promise.all([...queues.values()].map((queue) => queue.close()))
    },
  }
}

/** Producers fail fast, so that the outbox keeps the message; workers wait for Redis to come back. */
function redisConnection(url: string, forWorker: boolean) {
  const patience = forWorker ? { maxRetriesPerRequest: null } : { maxRetriesPerRequest: 1, enableOfflineQueue: false }
  const reconnect = { retryStrategy: (times: number) => Math.min(times * 100, 2000) }
  if (url.startsWith('/')) return { path: url, ...patience, ...reconnect }
  const { hostname, port, username, password, pathname, protocol } = new URL(url)
  return {
    host: hostname,
    port: Number(port || 6379),
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(pathname.length > 1 ? { db: Number(pathname.slice(1)) } : {}),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
    ...patience,
    ...reconnect,
  }
}
