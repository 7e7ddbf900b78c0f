import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Child } from '@modelport/infra/local/child'
import { startEngine } from '@modelport/infra/local/engine'
import { debianPython, installMissing, stackPackages, testPackages } from '@modelport/infra/local/packages'
import { signalGroup } from '@modelport/infra/local/process-identity'
import { type Report, terminalReport } from '@modelport/infra/local/report'
import {
  countUnittest,
  countVitest,
  lastLine,
  type Outcome,
  outcomeOf,
  summaryTable,
  type TestCounts,
} from './run/counts.ts'

const repository = resolve(fileURLToPath(import.meta.url), '../..')
// Reports and logs of the last run; not in git.
const output = join(repository, 'test-output')
const sdkTests = join(repository, 'packages/sdk-python/tests')

/** One command of the run, and how its tests are counted. */
interface Stage {
  name: string
  command: string
  args: string[]
  cwd?: string
  env?: Record<string, string>
  limitMinutes: number
  /** Left out in the fast run. */
  fullOnly?: boolean
  /** Counts tests in what the command printed or wrote; null when it has none to count. */
  count?(printed: string): TestCounts | null
}

const bin = (name: string) => join(repository, 'node_modules/.bin', name)

const stages: Stage[] = [
  { name: 'format and lint', command: bin('biome'), args: ['check', '.'], limitMinutes: 5 },
  { name: 'rooms', command: process.execPath, args: ['--import', 'tsx', 'infra/check/rooms.ts'], limitMinutes: 5 },
  {
    name: 'types',
    command: bin('turbo'),
    args: ['run', 'types', '--continue=always', '--output-logs=errors-only'],
    limitMinutes: 15,
  },
  vitestStage('fast', 15),
  ...(existsSync(sdkTests) ? [pythonStage()] : []),
  { ...vitestStage('services', 30), fullOnly: true },
  { ...vitestStage('docker', 90), fullOnly: true },
  { ...vitestStage('e2e', 90), fullOnly: true },
]

function vitestStage(project: string, limitMinutes: number): Stage {
  const file = join(output, `${project}.json`)
  return {
    name: `tests: ${project}`,
    command: process.execPath,
    args: [
      join(repository, 'node_modules/vitest/vitest.mjs'),
      'run',
      `--project=${project}`,
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
    ],
    limitMinutes,
    count: () => (existsSync(file) ? countVitest(readFileSync(file, 'utf8')) : null),
  }
}

function pythonStage(): Stage {
  return {
    name: 'tests: Python SDK',
    command: debianPython(),
    // By name, so that a test that is skipped says why.
    args: ['-W', 'error', '-m', 'unittest', 'discover', '--verbose'],
    cwd: sdkTests,
    env: { PYTHONPATH: join(sdkTests, '../src'), PYTHONDONTWRITEBYTECODE: '1' },
    limitMinutes: 15,
    count: countUnittest,
  }
}

async function main(): Promise<number> {
  const fast = process.argv.includes('--fast')
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  const interrupted = onInterrupt()
  const report = terminalReport()
  const engine = fast ? null : await prepareMachine(report)
  const outcomes: Outcome[] = []
  for (const stage of stages) {
    if (interrupted.aborted) break
    if (fast && stage.fullOnly) continue
    console.log(`\n=== ${stage.name}`)
    const outcome = await runStage(stage, interrupted)
    console.log(`=== ${stage.name}: ${outcome.ok ? 'ok' : 'FAILED'}, ${outcome.seconds.toFixed(1)} s`)
    outcomes.push(outcome)
  }
  await engine?.stop()
  if (interrupted.aborted) {
    console.log('\nInterrupted.')
    return 130
  }
  console.log(`\n${summaryTable(outcomes)}\n`)
  console.log(lastLine(outcomes))
  return outcomes.every(({ ok }) => ok) ? 0 : 1
}

/** Installs what the tests call and starts an engine where we may; returns the engine when it is ours to stop. */
async function prepareMachine(report: Report): Promise<Child | null> {
  await installMissing([...stackPackages, ...testPackages], report, join(output, 'apt.log'))
  try {
    return await report.step('engine', async (say) => {
      const engine = await startEngine({
        choice: 'start',
        dockerHost: process.env.DOCKER_HOST,
        logs: output,
        kept: { processes: {}, processIdentities: {} },
        hooks: { report, processChanged: () => {} },
      })
      say(engine.problem ?? `Docker ${engine.version}`)
      return engine.child
    })
  } catch (error) {
    // The tests that need it then fail and say so; the others still tell something.
    report.notice((error as Error).message)
    return null
  }
}

async function runStage(stage: Stage, interrupted: AbortSignal): Promise<Outcome> {
  const started = performance.now()
  let printed = ''
  const child = spawn(stage.command, stage.args, {
    cwd: stage.cwd ?? repository,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', NEXT_TELEMETRY_DISABLED: '1', ...stage.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that a stage that hangs can be ended with all that it started.
    detached: true,
  })
  const keep = (to: NodeJS.WriteStream) => (text: Buffer) => {
    to.write(text)
    printed = (printed + text).slice(-100_000)
  }
  child.stdout.on('data', keep(process.stdout))
  child.stderr.on('data', keep(process.stderr))
  const end = () => child.pid && signalGroup(child.pid, 'SIGKILL')
  const ask = () => child.pid && signalGroup(child.pid, 'SIGTERM')
  interrupted.addEventListener('abort', ask)
  const limit = setTimeout(() => {
    console.log(`${stage.name} took more than ${stage.limitMinutes} minutes and is ended`)
    end()
  }, stage.limitMinutes * 60_000)
  const code = await new Promise<number | null>((done) => {
    child.once('error', (error) => {
      console.log(`${stage.command}: ${error.message}`)
      done(null)
    })
    child.once('close', done)
  })
  clearTimeout(limit)
  interrupted.removeEventListener('abort', ask)
  const counts = stage.count?.(printed) ?? null
  return outcomeOf(stage.name, code === 0, counts, (performance.now() - started) / 1000)
}

/** Aborted by the first Ctrl-C; the stage that runs is asked to end, and a second one after a second ends us. */
function onInterrupt(): AbortSignal {
  const asked = new AbortController()
  let firstAt = 0
  const ask = () => {
    if (!asked.signal.aborted) {
      firstAt = Date.now()
      asked.abort()
    } else if (Date.now() - firstAt > 1_000) process.exit(130)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ask)
  process.on('disconnect', ask)
  return asked.signal
}

process.exit(await main())
