import { join, resolve } from 'node:path'
import { localStateFile, readLocalState } from './local-state.ts'
import { readStartOptions, type StartOptions, usage } from './options.ts'
import { installMissing, stackPackages } from './packages.ts'
import { signalGroup } from './process-identity.ts'
import { hasNoModels, publishExamples } from './publish-examples.ts'
import { type Report, terminalReport } from './report.ts'
import { StackError } from './stack-error.ts'
import { repositoryFolder, type Stack, startStack } from './supervisor.ts'

// One Ctrl-C arrives twice: from the terminal through npm, and again from npm itself.
const sameKeystrokeMs = 1_000

async function main(): Promise<number> {
  const wanted = readStartOptions(process.argv.slice(2), process.env)
  if (wanted.help) {
    console.log(usage)
    return 0
  }
  const home = resolve(wanted.stack.home ?? join(repositoryFolder, '.modelport'))
  const asked = onAskedToStop(home)
  try {
    return await run(wanted, home, asked)
  } catch (error) {
    // What a stop in the middle of a start interrupts is no error.
    if (asked.signal.aborted) return 130
    throw error
  }
}

async function run(wanted: StartOptions, home: string, asked: Asked): Promise<number> {
  const began = performance.now()
  const report = terminalReport()
  await installMissing(stackPackages, report, join(home, 'logs/apt.log'))
  const stack = await startStack({ ...wanted.stack, home, report, signal: asked.signal })
  tellAddresses(stack, wanted, (performance.now() - began) / 1000)
  const examples = wanted.examples ? publishFirstExamples(stack, report, asked.signal) : Promise.resolve()
  await asked.promise
  console.log('\nStopping (Ctrl-C again ends everything at once) ...')
  const stopping = performance.now()
  await examples
  await stack.stop()
  console.log(
    `Stopped in ${((performance.now() - stopping) / 1000).toFixed(1)} s. Everything is kept in ${stack.state.home}`,
  )
  return 0
}

function tellAddresses({ state }: Stack, wanted: StartOptions, seconds: number): void {
  const web = wanted.stack.apps?.some((app) => app.name === 'web')
  const rows = [
    ['Site', web ? state.site.url : 'not started'],
    ['Local GitHub', state.localGithub.url],
    ['Files', state.objectStore?.endpoint ?? 'none'],
    ['Images', state.imageRegistry.host ?? (state.engine.socket ? 'in the engine' : 'none: nothing can be built')],
    ['State, keys, logs', `${localStateFile(state.home)}, ${state.logs}`],
  ]
  console.log(`\nModelport runs (${seconds.toFixed(1)} s).\n`)
  for (const [name, value] of rows) console.log(`  ${name!.padEnd(18)} ${value}`)
  const remote = new URL('/alice/my-model.git', state.localGithub.url)
  remote.username = 'alice'
  remote.password = 'anything'
  console.log(`
What next: in a repository with a runway.yml and a runway_model.py, publish a version with
  git push ${remote.href} HEAD:main
and watch it on ${state.site.url}/alice/my-model. Ctrl-C stops everything.
`)
}

/** Publishes the example models when this home has no models yet; what goes wrong here never ends the stack. */
async function publishFirstExamples(stack: Stack, report: Report, signal: AbortSignal): Promise<void> {
  const { state } = stack
  if (state.examplesPublishedAt) return
  try {
    if (!(await hasNoModels(state.database.url))) return
    const folder = join(repositoryFolder, 'test/fixtures/models')
    const pushed = await publishExamples({ folder, localGithubUrl: state.localGithub.url, signal })
    if (pushed.length === 0) return
    stack.remember({ examplesPublishedAt: new Date().toISOString() })
    report.notice(`Pushed example models: ${pushed.map((name) => `${state.site.url}/examples/${name}`).join(' ')}`)
  } catch (error) {
    if (!signal.aborted) report.notice(`The example models could not be published: ${(error as Error).message}`)
  }
}

interface Asked {
  promise: Promise<void>
  signal: AbortSignal
}

/** Follows Ctrl-C, SIGTERM, a closed terminal and the death of our parent. A second request ends everything at once. */
function onAskedToStop(home: string): Asked {
  const asked = new AbortController()
  let firstAt = 0
  const ask = () => {
    if (!asked.signal.aborted) {
      firstAt = Date.now()
      asked.abort()
    } else if (Date.now() - firstAt > sameKeystrokeMs) {
      killEverything(home)
      console.log('Ended at once.')
      process.exit(130)
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ask)
  // The channel to `start.mjs` closes when that is killed.
  process.on('disconnect', ask)
  // A terminal that went away must not keep us from stopping in order.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {})
  const promise = new Promise<void>((done) => asked.signal.addEventListener('abort', () => done()))
  return { promise, signal: asked.signal }
}

/** Kills what `local.json` names. An engine is only asked to stop: its containers would be left without a keeper. */
function killEverything(home: string): void {
  const { processes } = readLocalState(home)
  for (const [name, pid] of Object.entries(processes)) {
    if (name === 'supervisor') continue
    signalGroup(pid, name === 'dockerd' ? 'SIGTERM' : name === 'postgres' ? 'SIGQUIT' : 'SIGKILL')
  }
}

try {
  const code = await main()
  // Timers and sockets of a stopped stack must not hold the terminal.
  process.exit(code)
} catch (error) {
  if (!(error instanceof StackError)) throw error
  console.error(`\n${error.message}`)
  process.exit(1)
}
