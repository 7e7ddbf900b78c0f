import { execFile, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Child, ChildHooks } from './child.ts'
import type { KeptState } from './local-state.ts'
import { isSameProcess, processIdentity } from './process-identity.ts'
import { findProgram, fullPath } from './programs.ts'
import { StackError } from './stack-error.ts'

/** `start`: start an engine where we may. `probe`: use one that runs. `none`: no engine. */
export type EngineChoice = 'start' | 'probe' | 'none'

export interface EngineOptions {
  choice: EngineChoice
  dockerHost?: string
  /** Where an engine listens when `dockerHost` does not say; another one in tests. */
  usualSocket?: string
  logs: string
  /** Tells whether an engine that runs is one that an earlier start of ours started. */
  kept: Pick<KeptState, 'processes' | 'processIdentities'>
  hooks: ChildHooks
}

/** Without a socket, `problem` says why and what to do. `child` is set when the engine is ours to stop. */
export interface RunningEngine {
  socket: string | null
  version: string | null
  problem: string | null
  child: Child | null
}

const usualSocket = '/var/run/docker.sock'

/** Finds a Docker engine, or starts one as root where it is installed but does not run. Whatever goes wrong leaves a stack that does not build. */
export async function startEngine(options: EngineOptions): Promise<RunningEngine> {
  if (options.choice === 'none') return noEngine('it was switched off')
  const place = engineSocket(options.dockerHost, options.usualSocket)
  if ('problem' in place) return noEngine(place.problem)
  const { socket } = place
  const running = await probeEngine(socket)
  if (running.version) return { socket, version: running.version, problem: null, child: adoptEngine(options) }
  if (options.choice === 'probe' || options.dockerHost) return noEngine(running.problem)
  const program = findProgram('dockerd')
  if (!program) return noEngine('Docker is not installed. On Debian: apt-get install docker.io')
  if (process.getuid?.() !== 0) return noEngine(`${running.problem}. To mend it: ${running.mend}`)
  try {
    const started = existsSync('/run/systemd/system')
      ? await startSystemEngine(socket, options)
      : await startDockerd(program, socket, options)
    return { socket, version: started.version, problem: null, child: started.child }
  } catch (error) {
    options.hooks.signal?.throwIfAborted()
    return noEngine((error as Error).message)
  }
}

/** The socket that an address names. We speak to an engine of this machine only: builds bind its folders. */
export function engineSocket(dockerHost?: string, usual = usualSocket): { socket: string } | { problem: string } {
  if (!dockerHost) return { socket: usual }
  if (dockerHost.startsWith('unix://')) return { socket: dockerHost.slice('unix://'.length) }
  return {
    problem: `DOCKER_HOST is ${dockerHost}, and only an engine on a unix socket of this machine is used (unix:///path)`,
  }
}

/** What lies behind a socket: a version, or why there is no answer and the command that mends it. */
export interface EngineProbe {
  version: string | null
  problem: string
  mend: string
}

/** Asks the engine behind a socket for its version. */
export async function probeEngine(socket: string): Promise<EngineProbe> {
  const mend = 'sudo systemctl start docker'
  if (!existsSync(socket)) return { version: null, problem: `Docker does not run (there is no ${socket})`, mend }
  try {
    const { Version } = JSON.parse(await getFromSocket(socket, '/version')) as { Version: string }
    return { version: Version, problem: '', mend: '' }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') {
      return { version: null, problem: `Docker does not answer on ${socket} (${(error as Error).message})`, mend }
    }
    return {
      version: null,
      problem: `this user may not use ${socket}`,
      mend: 'sudo usermod -aG docker "$USER", then sign in again',
    }
  }
}

interface StartedEngine {
  version: string
  child: Child | null
}

/** Where systemd keeps the engine, it starts it and it is not ours to stop. */
async function startSystemEngine(socket: string, { hooks }: EngineOptions): Promise<StartedEngine> {
  await promisify(execFile)('systemctl', ['start', 'docker'])
  return { version: await untilEngineAnswers(socket, 60_000, hooks.signal), child: null }
}

async function startDockerd(program: string, socket: string, options: EngineOptions): Promise<StartedEngine> {
  const logFile = join(options.logs, 'dockerd.log')
  const log = openSync(logFile, 'a', 0o600)
  // Its output goes to a file, not to us: it may outlive a supervisor that is killed, and a closed pipe would end it.
  const daemon = spawn(program, ['--host', `unix://${socket}`], {
    detached: true,
    stdio: ['ignore', log, log],
    // It calls iptables and containerd.
    env: { ...process.env, PATH: fullPath() },
  })
  closeSync(log)
  const failed = new Promise<never>((_, fail) => {
    daemon.once('error', (error) => fail(new StackError(`dockerd could not be started: ${error.message}`)))
    daemon.once('exit', (code) => fail(new StackError(`dockerd ended with exit code ${code}; its log is ${logFile}`)))
  })
  failed.catch(() => {})
  if (daemon.pid) options.hooks.processChanged('dockerd', daemon.pid)
  try {
    const version = await Promise.race([untilEngineAnswers(socket, 60_000, options.hooks.signal), failed])
    daemon.unref()
    return { version, child: engineChild(daemon.pid!, options.hooks) }
  } catch (error) {
    if (daemon.pid) await engineChild(daemon.pid, options.hooks).stop()
    throw error
  }
}

function noEngine(problem: string): RunningEngine {
  return { socket: null, version: null, problem, child: null }
}

/** The engine that runs is ours when an earlier start of this home started it and was killed before it could stop it. */
function adoptEngine({ kept, hooks }: EngineOptions): Child | null {
  const pid = kept.processes.dockerd
  if (!pid || !isSameProcess(pid, kept.processIdentities.dockerd ?? '')) return null
  hooks.processChanged('dockerd', pid)
  return engineChild(pid, hooks)
}

function engineChild(pid: number, hooks: ChildHooks): Child {
  const identity = processIdentity(pid)
  const runs = () => identity !== null && isSameProcess(pid, identity)
  return {
    name: 'dockerd',
    get pid() {
      return runs() ? pid : null
    },
    async stop() {
      if (runs()) process.kill(pid, 'SIGTERM')
      // It stops its containers first, each with ten seconds of grace.
      for (let waited = 0; runs() && waited < 60_000; waited += 50) await sleep(50)
      if (runs()) process.kill(pid, 'SIGKILL')
      hooks.processChanged('dockerd', null)
    },
    kill() {
      // Killing it would leave its containers without a keeper; asked, it ends by itself.
      if (runs()) process.kill(pid, 'SIGTERM')
    },
  }
}

async function untilEngineAnswers(socket: string, withinMs: number, signal?: AbortSignal): Promise<string> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; ) {
    signal?.throwIfAborted()
    const { version } = await probeEngine(socket)
    if (version) return version
    await sleep(200)
  }
  throw new StackError(`dockerd did not answer on ${socket} within ${withinMs / 1000} s`)
}

function getFromSocket(socketPath: string, path: string): Promise<string> {
  return new Promise((done, fail) => {
    const call = request({ socketPath, path, timeout: 5_000 }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        body += part
      })
      response.on('end', () =>
        response.statusCode === 200 ? done(body) : fail(new Error(`status ${response.statusCode}`)),
      )
    })
    call.on('timeout', () => call.destroy(new Error('no answer in 5 s')))
    call.on('error', fail)
    call.end()
  })
}
