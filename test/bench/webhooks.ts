import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePorts } from '@modelport/infra/local/ports'
import { repositoryFolder, startStack } from '@modelport/infra/local/supervisor'
import { temporaryHome } from '@modelport/infra/local/testing'
import postgres from 'postgres'
import { until } from '../world.ts'
import { machineFacts, median, peakMegabytes, printTable, processorSeconds } from './measure.ts'
import type { LoadOrder, LoadReport } from './webhooks/load.ts'

const here = (file: string) => fileURLToPath(new URL(`webhooks/${file}`, import.meta.url))
const rounds = 3
const seconds = 5
/** As many as GitHub may open when many repositories are pushed to. */
const connections = 64

interface Contender {
  name: string
  port: number
  process: ChildProcess
  path: string
}

/**
 * Durable deliveries a second, and how long an answer takes, with Redis, the workers and GitHub's API all down: our
 * receiver with a real Postgres beside an empty Probot app and a server that only checks the signature.
 */
export async function benchWebhooks(): Promise<void> {
  console.log(machineFacts())
  const home = temporaryHome()
  const stack = await startStack({ home: home.path, ports: 'free', apps: [], engine: 'none', queue: 'postgres' })
  const ports = await freePorts()
  const secret = randomBytes(20).toString('hex')
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const down = 'http://127.0.0.1:9'
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    LOG_LEVEL: 'error' as const,
    DATABASE_URL: stack.state.database.url,
    GITHUB_WEB_URL: down,
    GITHUB_API_URL: `${down}/api/v3`,
    GITHUB_APP_ID: '1',
    GITHUB_PRIVATE_KEY: privateKey,
    GITHUB_WEBHOOK_SECRET: secret,
    SITE_URL: down,
    RECEIVER_PORT: String(ports.receiver),
  }
  const started: ChildProcess[] = []
  const start = (file: string, ...args: string[]) => {
    const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
      cwd: repositoryFolder,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    started.push(child)
    return child
  }
  const sql = postgres(stack.state.database.url, { max: 1 })
  try {
    const ours: Contender = {
      name: 'our receiver',
      port: ports.receiver,
      process: start(join(repositoryFolder, 'apps/builder/src/receiver.ts')),
      path: '/hooks/github',
    }
    const contenders: Contender[] = [
      { name: 'bare HMAC', port: ports.web, process: start(here('baseline.ts'), 'bare', String(ports.web)), path: '/' },
      {
        name: 'empty Probot',
        port: ports.worker,
        process: start(here('baseline.ts'), 'probot', String(ports.worker)),
        path: '/hooks/github',
      },
      ours,
    ]
    for (const { port } of contenders) await until(() => reached(port), 60_000, 'the servers to listen')
    for (const contender of contenders) await load(contender, secret, { seconds: 2, rate: null })

    const reports = new Map(contenders.map(({ name }) => [name, [] as (LoadReport & { cpu: number })[]]))
    for (let round = 0; round < rounds; round++)
      for (const contender of contenders) {
        const before = processorSeconds(contender.process.pid!)
        const report = await load(contender, secret, { seconds, rate: null })
        const cpu = ((processorSeconds(contender.process.pid!) - before) * 1e6) / report.answered
        reports.get(contender.name)!.push({ ...report, cpu })
      }
    console.log(
      `\nAs fast as it goes: ${connections} connections, ${rounds} runs of ${seconds} s each in turn, 7.3 kB a push (median)`,
    )
    const of = (name: string, value: (report: LoadReport & { cpu: number }) => number) =>
      median(reports.get(name)!.map(value))
    const probot = of('empty Probot', (r) => r.perSecond)
    printTable([
      ['server', 'a second', 'of empty Probot', 'p50 ms', 'p99 ms', 'CPU µs each'],
      ...contenders.map(({ name }) => [
        name,
        Math.round(of(name, (r) => r.perSecond)),
        (of(name, (r) => r.perSecond) / probot).toFixed(2),
        of(name, (r) => r.p50).toFixed(1),
        of(name, (r) => r.p99).toFixed(1),
        Math.round(of(name, (r) => r.cpu)),
      ]),
    ])

    const before = Number((await sql`select count(*) from deliveries`)[0]!.count)
    const steady = await load(ours, secret, { seconds: 15, rate: 500 })
    const stored = Number((await sql`select count(*) from deliveries`)[0]!.count) - before
    console.log('\nOur receiver at 500 a second for 15 s')
    printTable([
      ['answered', 'with 200', 'stored', 'p50 ms', 'p99 ms', 'longest ms', 'peak MB'],
      [
        steady.answered,
        steady.good,
        stored,
        steady.p50.toFixed(1),
        steady.p99.toFixed(1),
        steady.worst.toFixed(1),
        peakMegabytes(ours.process.pid!),
      ],
    ])
    const ratio = of('our receiver', (r) => r.perSecond) / probot
    console.log(
      `\nGoals: ${ratio.toFixed(2)} of empty Probot (at least 0.25): ${verdict(ratio >= 0.25)}; p99 ${steady.p99.toFixed(0)} ms at 500/s (below 300): ${verdict(steady.p99 < 300)}; every answered one stored: ${verdict(stored === steady.good)}`,
    )
  } finally {
    await sql.end()
    for (const child of started) child.kill('SIGKILL')
    await stack.stop()
    home.remove()
  }
}

const verdict = (holds: boolean) => (holds ? 'held' : 'MISSED')

/** Whether a server takes requests; what it answers to this one does not matter. */
const reached = (port: number) =>
  fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2000) }).then(
    () => true,
    () => false,
  )

async function load(to: Contender, secret: string, how: Pick<LoadOrder, 'seconds' | 'rate'>): Promise<LoadReport> {
  const order: LoadOrder = { port: to.port, path: to.path, secret, connections, ...how }
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', here('load.ts'), JSON.stringify(order)],
    { cwd: repositoryFolder, timeout: 120_000 },
  )
  const report = JSON.parse(stdout) as LoadReport
  if (report.good !== report.answered)
    throw new Error(`${to.name}: ${report.answered - report.good} answers were not 200`)
  return report
}
