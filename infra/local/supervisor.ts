import { chmodSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SubstitutionPolicy } from '@modelport/schema/words'
import { type App, allApps, appIsReady, childEnv } from './apps.ts'
import { buildWeb } from './build-web.ts'
import { type Child, type ChildHooks, startChild } from './child.ts'
import { type EngineChoice, startEngine } from './engine.ts'
import { clearEngine } from './engine-leftovers.ts'
import { startImageRegistry } from './image-registry.ts'
import { stopLeftovers } from './leftovers.ts'
import { type KeptState, type LocalState, readKeptState, writeLocalState } from './local-state.ts'
import { takeLock } from './lock.ts'
import { type ObjectStore, startObjectStore } from './object-store.ts'
import { defaultPorts, freePorts, type PortName, type Ports, portNames, requireFreePort } from './ports.ts'
import { startPostgres } from './postgres.ts'
import { processIdentity } from './process-identity.ts'
import { type QueueChoice, startQueue } from './queue.ts'
import { type Report, silentReport } from './report.ts'

export const repositoryFolder = resolve(fileURLToPath(import.meta.url), '../../..')

/** Something that was started and is stopped again, in reverse order. */
type Stoppable = Pick<Child, 'stop'>

/** How a stack differs from the one that `npm start` starts; everything may be left out. */
export interface StackOptions {
  /** MODELPORT_HOME: holds all state. Default: `.modelport` in the repository. */
  home?: string
  /** `free` picks ports that nothing uses, for a stack beside others. */
  ports?: Partial<Ports> | 'free'
  /** Which of our apps to run; default all. `[]` starts the services alone. */
  apps?: readonly App[]
  queue?: QueueChoice
  /** `start`: start one where we may. `probe`: use one that runs. `none`: no engine. */
  engine?: EngineChoice
  /** An operator's image registry as `host:port`, used instead of our own; `none` leaves images in the engine. */
  imageRegistry?: string
  policy?: SubstitutionPolicy
  /** An operator's database and Redis, used instead of our own. */
  databaseUrl?: string
  redisUrl?: string
  /** An operator's object store, used instead of our own; `none` goes without. */
  objectStore?: ObjectStore | 'none'
  /** DOCKER_HOST, when the engine listens elsewhere than on its usual socket. */
  dockerHost?: string
  /** More settings for the apps, for example shorter limits in a test. */
  appEnv?: Record<string, string | undefined>
  /** The longest pause before an app that crashed again and again is started again; shorter in a test that kills. */
  longestRestartDelayMs?: number
  /** Settings of an embedded PostgreSQL, for example `{ fsync: 'off' }` in a test. */
  postgresSettings?: Record<string, string>
  /** Brings a database to the current schema. */
  migrate?: (databaseUrl: string) => Promise<void>
  report?: Report
  /** Stops a start that is under way: what has started is stopped again and `startStack` throws. */
  signal?: AbortSignal
}

/** A running local stack. */
export interface Stack {
  /** What `local.json` says; follows restarts. */
  readonly state: LocalState
  /** Changes facts that outlive the stack. */
  remember(facts: Pick<KeptState, 'examplesPublishedAt'>): void
  /** Stops everything that was started, in reverse order; a second call waits for the first. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a local stack and resolves when all of it is ready; on failure nothing is left running. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const home = resolve(options.home ?? join(repositoryFolder, '.modelport'))
  const logs = join(home, 'logs')
  mkdirSync(logs, { recursive: true })
  chmodSync(logs, 0o700)
  const lock = takeLock(join(home, 'lock'), `The local stack in ${home}`)

  const closing = new AbortController()
  const started: Stoppable[] = []
  const start: Start = {
    options,
    report: options.report ?? silentReport,
    signal: AbortSignal.any([closing.signal, ...(options.signal ? [options.signal] : [])]),
    apps: options.apps ?? allApps,
    home,
    logs,
    add: (child) => child && started.push(child),
  }
  let state: LocalState | null = null
  let webBuild: Promise<void> = Promise.resolve()

  const stopAll = async () => {
    closing.abort()
    await webBuild.catch(() => {})
    for (const child of started.toReversed()) await child.stop()
    if (state) {
      recordProcess(state, 'supervisor', null)
      writeLocalState(state)
    }
    lock.release()
  }
  let stopped: Promise<void> | null = null
  const stop = () => {
    stopped ??= stopAll()
    return stopped
  }

  try {
    const opened = await openHome(start)
    state = opened.state
    // Starts first and is awaited last: it needs nothing of what starts in between.
    webBuild = startWebBuild(start, state)
    webBuild.catch(() => {})
    await startServices(start, state, opened.kept)
    await startApps(start, state, webBuild)
    writeLocalState(state)
    return stackOf(state, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

/** What the parts of one start share. */
interface Start {
  options: StackOptions
  report: Report
  /** Aborted when the start is given up or the stack stops. */
  signal: AbortSignal
  apps: readonly App[]
  home: string
  logs: string
  /** Notes something that has to be stopped again; null when there is nothing. */
  add(child: Stoppable | null): void
}

function stackOf(state: LocalState, stop: () => Promise<void>): Stack {
  return {
    state,
    remember(facts) {
      Object.assign(state, facts)
      writeLocalState(state)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Reads what the last start left, stops what it left running, and makes sure of the ports. */
async function openHome({ options, report, apps, home, logs }: Start): Promise<{ state: LocalState; kept: KeptState }> {
  const kept = readKeptState(home)
  await stopLeftovers(kept, report)
  const ports = options.ports === 'free' ? await freePorts() : { ...defaultPorts, ...options.ports }
  for (const name of wantedPorts(options, apps)) await requireFreePort(name, ports[name])
  const state = newState({ home, logs, ports, kept, policy: options.policy ?? 'nearest' })
  recordProcess(state, 'supervisor', process.pid)
  writeLocalState(state)
  return { state, kept }
}

async function startWebBuild(start: Start, state: LocalState): Promise<void> {
  if (!start.apps.some((app) => app.builtFirst)) return
  const hooks = childHooks(start, state)
  await start.report.step('site built', (say) => buildWeb(repositoryFolder, { say, logs: start.logs, hooks }))
}

async function startServices(start: Start, state: LocalState, kept: KeptState): Promise<void> {
  const { options, report, home, logs, add } = start
  const hooks = childHooks(start, state)
  const { ports, secrets } = state

  await report.step('PostgreSQL', async (say) => {
    if (options.databaseUrl) {
      state.database = { url: options.databaseUrl, kind: 'given', directory: null }
      return say('the one of DATABASE_URL')
    }
    const server = await startPostgres({
      home,
      logs,
      port: ports.postgres,
      password: secrets.postgresPassword,
      settings: options.postgresSettings,
      hooks,
    })
    add(server.child)
    state.database = { url: server.url, kind: 'embedded', directory: server.directory }
    say(`port ${ports.postgres}`)
  })
  await report.step('database schema', async () => {
    const migrate = options.migrate ?? (await import('@modelport/db/migrate')).migrate
    await migrate(state.database.url)
  })
  await report.step('queue', async (say) => {
    const queue = await startQueue({ home, logs, choice: options.queue ?? 'auto', redisUrl: options.redisUrl, hooks })
    add(queue.child)
    state.queue = { kind: queue.kind, redisUrl: queue.redisUrl }
    say(queue.child ? 'a Redis of our own' : queue.kind === 'redis' ? 'the Redis of REDIS_URL' : 'PostgreSQL')
  })
  await report.step('object store', async (say) => {
    if (options.objectStore === 'none') return say('none')
    if (options.objectStore) {
      state.objectStore = { kind: 'given', ...options.objectStore, directory: null }
      return say('the one of S3_ENDPOINT')
    }
    const { store, directory, child } = await startObjectStore({
      repository: repositoryFolder,
      home,
      logs,
      port: ports.localS3,
      accessKeyId: secrets.s3AccessKeyId,
      secretAccessKey: secrets.s3SecretAccessKey,
      origins: [state.site.url],
      hooks,
    })
    add(child)
    state.objectStore = { kind: 'local', ...store, directory }
    say(store.endpoint)
  })
  await report.step('engine', async (say) => {
    const choice = options.engine ?? 'start'
    const engine = await startEngine({ choice, dockerHost: options.dockerHost, logs, kept, hooks })
    add(engine.child)
    const { socket } = engine
    // Stops after the apps and before the engine.
    if (socket)
      add({
        stop: () =>
          clearEngine(socket, state.installationId).catch((error: Error) =>
            report.notice(`Containers of this home may be left in the engine: ${error.message}`),
          ),
      })
    state.engine = { socket: engine.socket, version: engine.version, problem: engine.problem }
    say(engine.problem ? `none, so nothing is built: ${engine.problem}` : `Docker ${engine.version}`)
  })
  if (options.imageRegistry === 'none' || !state.engine.socket) return
  await report.step('image registry', async (say) => {
    const registry = options.imageRegistry
      ? { host: options.imageRegistry, directory: null, child: null }
      : await startImageRegistry({ home, logs, port: ports.imagePush, secret: secrets.imageRegistrySecret, hooks })
    add(registry.child)
    const pushHost = registry.host
    // The site opens the door through which images are pulled; a stack without a site is pulled from as it is pushed to.
    const host = pushHost && hasSite(start.apps) ? `127.0.0.1:${ports.imageRegistry}` : pushHost
    state.imageRegistry = { host, pushHost, directory: registry.directory }
    say(host ?? 'none')
  })
}

async function startApps(start: Start, state: LocalState, webBuild: Promise<void>): Promise<void> {
  const hooks = childHooks(start, state)
  for (const app of start.apps) {
    if (app.builtFirst) await webBuild
    await start.report.step(app.title, async (say) => {
      if (app.needsEngine && !state.engine.socket) return say('not started, since there is no engine')
      start.add(await startApp(app, state, start, hooks))
      say(`http://127.0.0.1:${state.ports[app.port]}`)
    })
  }
}

function childHooks({ report, signal }: Start, state: LocalState): ChildHooks {
  return {
    report,
    signal,
    processChanged(name, pid) {
      recordProcess(state, name, pid)
      writeLocalState(state)
    },
  }
}

function startApp(app: App, state: LocalState, { logs, options }: Start, hooks: ChildHooks): Promise<Child> {
  const place = { repository: repositoryFolder, state }
  return startChild(
    {
      name: app.name,
      command: process.execPath,
      args: app.args(place),
      cwd: repositoryFolder,
      env: childEnv({ NODE_ENV: 'production', ...app.env(place), ...options.appEnv }),
      logFile: join(logs, `${app.name}.log`),
      shown: true,
      ready: () => appIsReady(app, state),
      readyWithinMs: 90_000,
      // A worker that is told to stop gives its builds back first.
      stopWithinMs: 20_000,
      longestDelayMs: options.longestRestartDelayMs,
    },
    hooks,
  )
}

function recordProcess(state: LocalState, name: string, pid: number | null): void {
  const identity = pid === null ? null : processIdentity(pid)
  if (pid === null || identity === null) {
    delete state.processes[name]
    delete state.processIdentities[name]
    return
  }
  state.processes[name] = pid
  state.processIdentities[name] = identity
}

const hasSite = (apps: readonly App[]) => apps.some((app) => app.port === 'web')

/** The ports that this stack will open; those of services that the operator brings stay alone. */
function wantedPorts(options: StackOptions, apps: readonly App[]): PortName[] {
  const unused = new Set<PortName>()
  if (options.databaseUrl) unused.add('postgres')
  if (options.objectStore) unused.add('localS3')
  const imageless = options.imageRegistry === 'none' || options.engine === 'none'
  if (imageless || options.imageRegistry) unused.add('imagePush')
  if (imageless || !hasSite(apps)) unused.add('imageRegistry')
  const appPorts = new Set(apps.map((app) => app.port))
  for (const app of allApps) if (!appPorts.has(app.port)) unused.add(app.port)
  return portNames.filter((name) => !unused.has(name))
}

interface NewState {
  home: string
  logs: string
  ports: Ports
  kept: KeptState
  policy: SubstitutionPolicy
}

function newState({ home, logs, ports, kept, policy }: NewState): LocalState {
  const githubUrl = `http://127.0.0.1:${ports.localGithub}`
  return {
    ...kept,
    // What ran before is stopped by now, but for an engine, which is recorded again when it is taken over.
    processes: {},
    processIdentities: {},
    format: 1,
    home,
    site: { url: `http://127.0.0.1:${ports.web}` },
    localGithub: {
      url: githubUrl,
      apiUrl: `${githubUrl}/api/v3`,
      directory: join(home, 'local-github'),
      webhookUrl: `http://127.0.0.1:${ports.receiver}/hooks/github`,
    },
    ports,
    database: { url: '', kind: 'embedded', directory: null },
    queue: { kind: 'postgres', redisUrl: null },
    objectStore: null,
    imageRegistry: { host: null, pushHost: null, directory: null },
    engine: { socket: null, version: null, problem: 'it was not looked for yet' },
    logs,
    policy,
  }
}
