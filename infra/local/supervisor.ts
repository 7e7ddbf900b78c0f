import { chmodSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SubstitutionPolicy } from '@modelport/schema/words'
import { type App, allApps, appIsReady, childEnv } from './apps.ts'
import { buildWeb } from './build-web.ts'
import { type Child, type ChildHooks, startChild } from './child.ts'
import { type EngineChoice, startEngine } from './engine.ts'
import { startImageRegistry } from './image-registry.ts'
import { type KeptState, type LocalState, readKeptState, writeLocalState } from './local-state.ts'
import { type Lock, takeLock } from './lock.ts'
import { defaultPorts, freePorts, type PortName, type Ports, portNames, requireFreePort } from './ports.ts'
import { startPostgres } from './postgres.ts'
import { isSameProcess, processIdentity, stopLeftover } from './process-identity.ts'
import { type QueueChoice, startQueue } from './queue.ts'
import { type Report, silentReport } from './report.ts'

export const repositoryFolder = resolve(fileURLToPath(import.meta.url), '../../..')

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
  imageRegistry?: boolean
  policy?: SubstitutionPolicy
  /** An operator's database and Redis, used instead of our own. */
  databaseUrl?: string
  redisUrl?: string
  /** DOCKER_HOST, when the engine listens elsewhere than on its usual socket. */
  dockerHost?: string
  /** More settings for the apps, for example shorter limits in a test. */
  appEnv?: Record<string, string | undefined>
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
  /** Ends everything at once, without asking. */
  kill(): void
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a local stack and resolves when all of it is ready; on failure nothing is left running. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const report = options.report ?? silentReport
  const apps = options.apps ?? allApps
  const home = resolve(options.home ?? join(repositoryFolder, '.modelport'))
  const logs = join(home, 'logs')
  const started: Child[] = []
  let lock: Lock | null = null
  let stopped: Promise<void> | null = null

  mkdirSync(logs, { recursive: true, mode: 0o755 })
  chmodSync(logs, 0o700)
  lock = takeLock(join(home, 'lock'), `The local stack in ${home}`)

  const stop = () => {
    stopped ??= (async () => {
      for (const child of started.reverse()) await child.stop()
      lock?.release()
    })()
    return stopped
  }

  try {
    const kept = readKeptState(home)
    await stopLeftovers(kept, report)
    const ports = options.ports === 'free' ? await freePorts() : { ...defaultPorts, ...options.ports }
    const state = newState({ home, logs, ports, kept, policy: options.policy ?? 'exact' })
    const save = () => writeLocalState(state)
    const hooks: ChildHooks = {
      report,
      signal: options.signal,
      processChanged(name, pid) {
        recordProcess(state, name, pid)
        save()
      },
    }
    recordProcess(state, 'supervisor', process.pid)
    save()
    for (const name of wantedPorts(options, apps)) await requireFreePort(name, ports[name])

    // Starts first and is awaited last: it needs nothing of what starts in between.
    const webBuild = apps.some((app) => app.builtFirst)
      ? report.step('site built', (say) => buildWeb(repositoryFolder, { say, signal: options.signal, logs }))
      : Promise.resolve()
    webBuild.catch(() => {})

    if (options.databaseUrl) {
      state.database = { url: options.databaseUrl, kind: 'given', directory: null }
    } else {
      await report.step('PostgreSQL', async (say) => {
        const server = await startPostgres({
          home,
          logs,
          port: ports.postgres,
          password: state.secrets.postgresPassword,
          settings: options.postgresSettings,
          hooks,
        })
        started.push(server.child)
        state.database = { url: server.url, kind: 'embedded', directory: server.directory }
        say(`port ${ports.postgres}`)
      })
    }
    await report.step('database schema', async () => {
      const migrate = options.migrate ?? (await import('@modelport/db/migrate')).migrate
      await migrate(state.database.url)
    })
    await report.step('queue', async (say) => {
      const queue = await startQueue({ home, logs, choice: options.queue ?? 'auto', redisUrl: options.redisUrl, hooks })
      if (queue.child) started.push(queue.child)
      state.queue = { kind: queue.kind, redisUrl: queue.redisUrl }
      say(queue.child ? 'a Redis of our own' : queue.kind === 'redis' ? 'the Redis of REDIS_URL' : 'PostgreSQL')
    })
    await report.step('engine', async (say) => {
      const engine = await startEngine({
        choice: options.engine ?? 'start',
        dockerHost: options.dockerHost,
        logs,
        home,
        kept,
        hooks,
      })
      if (engine.child) started.push(engine.child)
      state.engine = { socket: engine.socket, version: engine.version, problem: engine.problem }
      say(engine.problem ? `none, so nothing is built: ${engine.problem}` : `Docker ${engine.version}`)
    })
    if (options.imageRegistry !== false && state.engine.socket) {
      await report.step('image registry', async (say) => {
        const registry = await startImageRegistry({
          home,
          logs,
          port: ports.imageRegistry,
          secret: state.secrets.imageRegistrySecret,
          hooks,
        })
        if (registry.child) started.push(registry.child)
        state.imageRegistry = { host: registry.host, directory: registry.directory }
        say(registry.host ?? 'none')
      })
    }
    save()
    for (const app of apps) {
      if (app.builtFirst) await webBuild
      await report.step(app.title, async (say) => {
        started.push(await startApp(app, state, { logs, hooks, appEnv: options.appEnv }))
        say(`http://127.0.0.1:${ports[app.port]}`)
      })
    }
    save()
    return {
      state,
      remember(facts) {
        Object.assign(state, facts)
        save()
      },
      stop,
      kill() {
        for (const child of started) child.kill()
        lock?.release()
      },
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface AppSurroundings {
  logs: string
  hooks: ChildHooks
  appEnv?: Record<string, string | undefined>
}

function startApp(app: App, state: LocalState, { logs, hooks, appEnv }: AppSurroundings): Promise<Child> {
  const place = { repository: repositoryFolder, state }
  return startChild(
    {
      name: app.name,
      command: process.execPath,
      args: app.args(place),
      cwd: repositoryFolder,
      env: childEnv({ NODE_ENV: 'production', ...app.env(place), ...appEnv }),
      logFile: join(logs, `${app.name}.log`),
      shown: true,
      ready: () => appIsReady(app, state),
      readyWithinMs: 90_000,
      // A worker that is told to stop gives its builds back first.
      stopWithinMs: 20_000,
    },
    hooks,
  )
}

/** Stops what a start that was killed left running. Our engine is not among them: it is taken over where it is looked for. */
async function stopLeftovers(kept: KeptState, report: Report): Promise<void> {
  const names = Object.keys(kept.processes).filter((name) => name !== 'supervisor' && name !== 'dockerd')
  const left = names.filter((name) => isSameProcess(kept.processes[name]!, kept.processIdentities[name] ?? ''))
  if (left.length === 0) return
  await report.step('leftovers of a start that was killed', async (say) => {
    // Last started, first stopped.
    for (const name of left.reverse()) {
      await stopLeftover(
        kept.processes[name]!,
        kept.processIdentities[name]!,
        name === 'postgres' ? 'SIGINT' : 'SIGTERM',
      )
    }
    say(`stopped ${left.join(', ')}`)
  })
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

/** The ports that this stack will open; those of services that the operator brings stay alone. */
function wantedPorts(options: StackOptions, apps: readonly App[]): PortName[] {
  const unused = new Set<PortName>()
  if (options.databaseUrl) unused.add('postgres')
  if (options.imageRegistry === false || options.engine === 'none') unused.add('imageRegistry')
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
    imageRegistry: { host: null, directory: null },
    engine: { socket: null, version: null, problem: 'it was not looked for yet' },
    logs,
    policy,
  }
}
