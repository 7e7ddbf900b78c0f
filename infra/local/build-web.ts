import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { childEnv, nextProgram } from './apps.ts'
import type { ChildHooks } from './child.ts'
import { takeLock } from './lock.ts'
import { LogFile } from './log-file.ts'
import { signalGroup } from './process-identity.ts'
import { StackError } from './stack-error.ts'

export interface WebBuildOptions {
  logs: string
  say(detail: string): void
  hooks: ChildHooks
}

/** Builds the site when its sources are not those of the last build. */
export async function buildWeb(repository: string, { logs, say, hooks }: WebBuildOptions): Promise<void> {
  const folder = join(repository, 'apps/web')
  const stamp = join(folder, '.next/modelport-sources')
  mkdirSync(join(folder, '.next'), { recursive: true })
  // Stacks that start side by side share the build: the second waits for the first and finds it done.
  const lock = await waitForLock(join(repository, 'node_modules/.modelport-web-build'), hooks.signal)
  try {
    const sources = webSourcesHash(repository)
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) {
      say('its sources did not change')
      return
    }
    rmSync(stamp, { force: true })
    await runNextBuild(repository, folder, join(logs, 'web-build.log'), hooks)
    writeFileSync(stamp, sources)
  } finally {
    lock.release()
  }
}

/** A hash over everything that goes into the site: its own folder, the packages that it bundles and the versions of the rest. */
export function webSourcesHash(repository: string): string {
  const hash = createHash('sha256')
  for (const part of ['apps/web', 'packages', 'package-lock.json', 'tsconfig.base.json']) {
    addToHash(hash, repository, part)
  }
  return hash.digest('hex')
}

const generated = new Set(['node_modules', '.next', '.turbo', 'sdk-python', 'next-env.d.ts'])

function addToHash(hash: ReturnType<typeof createHash>, repository: string, path: string): void {
  const absolute = join(repository, path)
  if (!existsSync(absolute)) return
  const entries = readdirOrNull(absolute)
  if (entries === null) {
    const content = readFileSync(absolute)
    hash.update(`${path}\0${content.length}\0`).update(content)
    return
  }
  for (const name of entries.sort()) {
    if (!generated.has(name) && !/\.test\.tsx?$|\.tsbuildinfo$/.test(name))
      addToHash(hash, repository, join(path, name))
  }
}

function readdirOrNull(path: string): string[] | null {
  try {
    return readdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return null
    throw error
  }
}

async function waitForLock(file: string, signal?: AbortSignal) {
  for (;;) {
    signal?.throwIfAborted()
    try {
      return takeLock(file, 'The build of the site')
    } catch (error) {
      if (!(error instanceof StackError)) throw error
      await sleep(250)
    }
  }
}

async function runNextBuild(repository: string, folder: string, logFile: string, hooks: ChildHooks): Promise<void> {
  const log = new LogFile(logFile)
  const build = spawn(process.execPath, [nextProgram(repository), 'build'], {
    cwd: folder,
    env: childEnv({ NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' }) as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, since it starts helpers that have to go with it.
    detached: true,
  })
  const cancel = () => build.pid && signalGroup(build.pid, 'SIGKILL')
  hooks.signal?.addEventListener('abort', cancel)
  hooks.processChanged('web-build', build.pid ?? null)
  let words = ''
  const keep = (text: Buffer) => {
    words = (words + text).slice(-4_000)
    log.write(text.toString().trimEnd())
  }
  build.stdout.on('data', keep)
  build.stderr.on('data', keep)
  const code = await new Promise<number | null>((done, fail) => {
    build.once('error', fail)
    build.once('close', done)
  })
  log.close()
  hooks.signal?.removeEventListener('abort', cancel)
  hooks.processChanged('web-build', null)
  hooks.signal?.throwIfAborted()
  if (code !== 0) {
    throw new StackError(
      `The site could not be built (next build: exit code ${code}). The whole log: ${logFile}\n${words}`,
    )
  }
}
