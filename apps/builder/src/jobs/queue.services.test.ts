import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTestDatabase } from '@modelport/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobData, type Jobs, openJobs } from './queue.ts'

const kinds = ['redis', 'postgres'] as const
const quiet = () => {}

let dir: string
let redis: ChildProcess
let database: Awaited<ReturnType<typeof openTestDatabase>>
const socket = () => join(dir, 'redis.sock')

function startRedis(): Promise<void> {
  redis = spawn('redis-server', [
    '--port',
    '0',
    '--unixsocket',
    socket(),
    '--dir',
    dir,
    '--appendonly',
    'yes',
    '--save',
    '',
    '--maxmemory-policy',
    'noeviction',
  ])
  return new Promise((resolve, reject) => {
    redis.once('error', reject)
    redis.stdout?.on('data', (chunk: Buffer) => chunk.toString().includes('eady to accept') && resolve())
  })
}
const killRedis = () =>
  new Promise<void>((resolve) => {
    redis.once('exit', () => resolve())
    redis.kill('SIGKILL')
  })

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modelport-queue-'))
  database = await openTestDatabase()
  await startRedis()
})
afterAll(async () => {
  await killRedis()
  await database.close()
  await rm(dir, { recursive: true, force: true })
})

const open = (kind: (typeof kinds)[number]): Jobs =>
  openJobs({ redisUrl: kind === 'redis' ? socket() : null, databaseUrl: database.url }, quiet)

async function until(done: () => boolean, ms = 30_000): Promise<void> {
  const end = Date.now() + ms
  while (!done()) {
    if (Date.now() > end) throw new Error('it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe.each(kinds)('the queue on %s', (kind) => {
  it('runs every job, several at a time', async () => {
    const jobs = open(kind)
    const seen: string[] = []
    let running = 0
    let most = 0
    jobs.work(
      'builds',
      4,
      async ({ buildId }) => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, 30))
        running--
        seen.push(buildId)
      },
      quiet,
    )
    const all = Array.from({ length: 40 }, (_, i) => `${kind}-${i}`)
    await addWhenUp(
      jobs,
      all.map((id) => ({ key: id, data: { buildId: id } })),
    )
    await until(() => seen.length >= 40)
    expect(seen.toSorted()).toEqual(all.toSorted())
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(4)
    await jobs.close()
  })
  it('takes a job with the key of one that waits for the same, and takes the key again when it is done', async () => {
    const jobs = open(kind)
    const job = { key: `${kind}-same`, data: { buildId: 'same' } }
    await addWhenUp(jobs, [job])
    await jobs.add('builds', [job, job])
    expect(await jobs.waiting('builds')).toBe(1)
    let ran = 0
    jobs.work('builds', 1, async () => void ran++, quiet)
    await until(() => ran === 1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    await jobs.add('builds', [job])
    await until(() => ran === 2)
    await jobs.close()
  })
  it('gives a job whose handler threw up, and goes on with the next', async () => {
    const jobs = open(kind)
    const errors: unknown[] = []
    const seen: string[] = []
    jobs.work(
      'reports',
      1,
      async ({ buildId }: JobData) => {
        if (buildId === 'bad') throw new Error('no')
        seen.push(buildId)
      },
      (error) => errors.push(error),
    )
    await addWhenUp(
      jobs,
      [
        { key: `${kind}-bad`, data: { buildId: 'bad' } },
        { key: `${kind}-good`, data: { buildId: 'good' } },
      ],
      'reports',
    )
    await until(() => seen.includes('good'))
    expect(errors).toHaveLength(1)
    await jobs.close()
  })
})

describe('the queue on redis', () => {
  it('refuses at once while Redis is down, and goes on when it is back', async () => {
    const jobs = open('redis')
    const seen: string[] = []
    jobs.work('builds', 1, async ({ buildId }) => void seen.push(buildId), quiet)
    await addWhenUp(jobs, [{ key: 'before', data: { buildId: 'before' } }])
    await until(() => seen.includes('before'))
    await killRedis()
    const started = Date.now()
    await expect(jobs.add('builds', [{ key: 'down', data: { buildId: 'down' } }])).rejects.toThrow()
    expect(Date.now() - started).toBeLessThan(6000)
    await startRedis()
    await addWhenUp(jobs, [{ key: 'after', data: { buildId: 'after' } }])
    await until(() => seen.includes('after'))
    await jobs.close()
  })
})

/** Adding fails fast while the connection is not up yet; the relay tries again, and so does this. */
async function addWhenUp(
  jobs: Jobs,
  list: { key: string; data: JobData }[],
  queue: 'builds' | 'reports' = 'builds',
): Promise<void> {
  for (const end = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    try {
      return await jobs.add(queue, list)
    } catch (error) {
      if (Date.now() > end) throw error
    }
  }
}
