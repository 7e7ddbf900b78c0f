import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { LogFile } from './log-file.ts'
import { signalGroup } from './process-identity.ts'
import type { Report } from './report.ts'
import { StackError } from './stack-error.ts'

/** A program that the local stack keeps running. */
export interface ChildSpec {
  name: string
  command: string
  args: string[]
  cwd: string
  env: Record<string, string | undefined>
  logFile: string
  /** Whether its lines are shown as well as logged. */
  shown: boolean
  /** Whether it does its work now; asked again and again until it answers true. */
  ready(): Promise<boolean>
  readyWithinMs: number
  /** What asks it to stop; SIGTERM for most. */
  stopSignal?: NodeJS.Signals
  /** What ends it when asking took too long. */
  killSignal?: NodeJS.Signals
  stopWithinMs?: number
  /** The longest pause before it starts again after a crash; 15 s by default. */
  longestDelayMs?: number
  user?: { uid: number; gid: number }
}

export interface ChildHooks {
  report: Report
  /** Told at each start with the pid, and with null when it ended. */
  processChanged(name: string, pid: number | null): void
  signal?: AbortSignal
}

export interface Child {
  readonly name: string
  readonly pid: number | null
  stop(): Promise<void>
  /** Ends the whole process group at once. */
  kill(): void
}

const firstDelayMs = 250
const longestDelayMs = 15_000
/** A child that ran this long before it crashed starts again with the first delay. */
const steadyAfterMs = 30_000

/** Starts a program in a process group of its own and waits until it is ready. Later crashes are reported and mended by starting it again. */
export async function startChild(spec: ChildSpec, hooks: ChildHooks): Promise<Child> {
  const log = new LogFile(spec.logFile)
  const recent: string[] = []
  const closing = new AbortController()
  let current = launch()

  function launch(): Run {
    const run = spawnRun(spec, (text) => {
      if (recent.push(text) > 20) recent.shift()
      log.write(text)
      if (spec.shown) hooks.report.line(spec.name, text)
    })
    if (run.pid) hooks.processChanged(spec.name, run.pid)
    void run.ended.then(() => hooks.processChanged(spec.name, null))
    return run
  }

  async function keepRunning(): Promise<void> {
    let delayMs = firstDelayMs
    for (;;) {
      const startedAt = Date.now()
      const how = await current.ended
      if (closing.signal.aborted) return
      if (Date.now() - startedAt > steadyAfterMs) delayMs = firstDelayMs
      hooks.report.notice(
        `${spec.name} stopped (${how}); starting it again in ${delayMs / 1000} s. Its last words are in ${spec.logFile}`,
      )
      await sleep(delayMs, undefined, { signal: closing.signal }).catch(() => {})
      if (closing.signal.aborted) return
      delayMs = Math.min(delayMs * 2, spec.longestDelayMs ?? longestDelayMs)
      current = launch()
      const problem = await untilReady(spec, current, closing.signal)
      if (closing.signal.aborted) return
      if (problem === null) hooks.report.notice(`${spec.name} runs again`)
      else current.signal('SIGKILL')
    }
  }

  async function stop(): Promise<void> {
    closing.abort()
    current.ask(spec.stopSignal ?? 'SIGTERM')
    if (!(await endsWithin(current, spec.stopWithinMs ?? 10_000))) {
      current.signal(spec.killSignal ?? 'SIGKILL')
      if (!(await endsWithin(current, 5_000))) current.signal('SIGKILL')
      await current.ended
    }
    log.close()
  }

  const problem = await untilReady(spec, current, hooks.signal)
  if (problem !== null) {
    await stop()
    hooks.signal?.throwIfAborted()
    const words = recent.length ? `\nIts last words:\n${recent.map((line) => `  ${line}`).join('\n')}` : ''
    throw new StackError(`${spec.name} did not start: ${problem}. Its log: ${spec.logFile}${words}`)
  }
  void keepRunning()
  return {
    name: spec.name,
    get pid() {
      return current.hasEnded() ? null : current.pid
    },
    stop,
    kill() {
      closing.abort()
      current.signal(spec.killSignal ?? 'SIGKILL')
    },
  }
}

/** Whether an HTTP address answers 200. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000), redirect: 'manual' })
    await response.body?.cancel()
    return response.status === 200
  } catch {
    return false
  }
}

/** One process from its start to its end. */
interface Run {
  pid: number | null
  /** Resolves when it ended, to how it ended. */
  ended: Promise<string>
  hasEnded(): boolean
  /** Signals the process alone, so that it can end its own children in its own way. */
  ask(signal: NodeJS.Signals): void
  /** Signals the whole group. */
  signal(signal: NodeJS.Signals): void
}

function spawnRun(spec: ChildSpec, keepLine: (text: string) => void): Run {
  let child: ChildProcess
  let how: string | null = null
  let inputsOpen = 2
  const ended = new Promise<string>((done) => {
    child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: spec.env as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: a Ctrl-C in the terminal reaches only the supervisor, which stops things in order.
      detached: true,
      ...spec.user,
    })
    child.once('error', (error) => end(error.message))
    child.once('exit', (code, signal) => {
      // The leader is gone; members of its group that it left behind go too.
      if (child.pid) signalGroup(child.pid, 'SIGKILL')
      end(signal ? `signal ${signal}` : `exit code ${code}`)
    })
    let isOver = false
    async function end(reason: string): Promise<void> {
      if (isOver) return
      isOver = true
      // Its last words may still be in the pipes. A process that left the group could hold them open for ever.
      const deadline = Date.now() + 500
      while (inputsOpen > 0 && child.pid && Date.now() < deadline) await sleep(10)
      lines.forEach((reader) => {
        reader.close()
      })
      how = reason
      done(reason)
    }
  })
  const lines = [child!.stdout!, child!.stderr!].map((input) => {
    const reader = createInterface({ input })
    reader.on('line', keepLine)
    input.once('close', () => inputsOpen--)
    return reader
  })
  const pid = child!.pid ?? null
  return {
    pid,
    ended,
    hasEnded: () => how !== null,
    ask(signal) {
      if (how === null) child.kill(signal)
    },
    signal(signal) {
      if (how === null && pid) signalGroup(pid, signal)
    },
  }
}

/** Null when the program became ready, else what kept it from it. */
async function untilReady(spec: ChildSpec, run: Run, signal?: AbortSignal): Promise<string | null> {
  const deadline = Date.now() + spec.readyWithinMs
  let pauseMs = 20
  while (!run.hasEnded()) {
    if (signal?.aborted) return 'it was stopped'
    if (await spec.ready()) return run.hasEnded() ? run.ended : null
    if (Date.now() > deadline) return `it was not ready after ${spec.readyWithinMs / 1000} s`
    await sleep(pauseMs)
    pauseMs = Math.min(pauseMs * 1.5, 250)
  }
  return run.ended
}

async function endsWithin(run: Run, ms: number): Promise<boolean> {
  const late = new AbortController()
  const outcome = await Promise.race([
    run.ended.then(() => true),
    sleep(ms, false, { signal: late.signal }).catch(() => false),
  ])
  late.abort()
  return outcome
}
