import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createToken } from '@modelport/infra/admin/token'
import { type Stack, type StackOptions, startStack } from '@modelport/infra/local/supervisor'
import { temporaryHome } from '@modelport/infra/local/testing'

const run = promisify(execFile)
export const fixtures = fileURLToPath(new URL('./fixtures', import.meta.url))

/** A version as the API gives it, as far as the tests read it. */
export interface VersionAnswer {
  number: number
  status: string
  reason: string | null
  commit: string
  manifest: { options: unknown[]; commands: { name: string }[] } | null
  builds: {
    target: 'cpu' | 'gpu'
    status: string
    attempt: number
    step: string | null
    image: string | null
    digest: string | null
    failure: {
      code: string
      fault: string
      sentence: string
      file: string | null
      line: number | null
      step: string | null
      exitCode: number | null
      outOfMemory: boolean
    } | null
  }[]
}

/** A whole Modelport of its own, on free ports, with what a person does to it. */
export interface World {
  stack: Stack
  /** Pushes the files of a folder (and `changes` on top) as one commit of `owner/name`. Returns the commit's 40 digits. */
  push(repository: string, folder: string, changes?: Record<string, string>): Promise<string>
  /** GET of the API as a publisher; throws on anything but 2xx. */
  get<T>(path: string): Promise<T>
  /** Any call of the API. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>
  version(repository: string, number: number): Promise<VersionAnswer | null>
  /** Waits until `repository` has version `number` in a final state. */
  finished(repository: string, number: number, ms?: number): Promise<VersionAnswer>
  log(repository: string, number: number, target: 'cpu' | 'gpu'): Promise<string>
  stop(): Promise<void>
}

/** Starts a world. `owner` is the account whose token the API calls carry. */
export async function openWorld(options: StackOptions & { owner?: string } = {}): Promise<World> {
  const home = temporaryHome()
  const { owner = 'alice', ...stackOptions } = options
  const stack = await startStack({
    home: home.path,
    ports: 'free',
    imageRegistry: process.env.TEST_IMAGE_REGISTRY,
    postgresSettings: { fsync: 'off' },
    ...stackOptions,
  })
  const { site, localGithub } = stack.state
  const token = await createToken(stack.state, {
    login: owner,
    scopes: ['read', 'write', 'files', 'admin'],
    name: 'test',
  })
  const clones = mkdtempSync(join(tmpdir(), 'modelport-clones-'))

  const send = (method: string, path: string, body?: unknown) =>
    fetch(`${site.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    })
  const call: World['call'] = async (method, path, body) => {
    // A kept connection may close under a request; asking again is safe where nothing is changed, as any client does.
    const response = await send(method, path, body).catch((error: unknown) => {
      if (method !== 'GET') throw error
      return send(method, path)
    })
    const text = await response.text()
    return {
      status: response.status,
      body: text && response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text,
    }
  }
  const world: World = {
    stack,
    call,
    async push(repository, folder, changes = {}) {
      const clone = join(clones, repository)
      mkdirSync(clone, { recursive: true })
      cpSync(folder, clone, { recursive: true })
      for (const [path, text] of Object.entries(changes)) {
        mkdirSync(dirname(join(clone, path)), { recursive: true })
        writeFileSync(join(clone, path), text)
      }
      const [account] = repository.split('/')
      const remote = new URL(`/${repository}.git`, localGithub.url)
      remote.username = account!
      remote.password = 'x'
      const git = (...args: string[]) =>
        run('git', ['-C', clone, '-c', 'user.name=Alice', '-c', 'user.email=alice@example.org', ...args], {
          env: { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_GLOBAL: '/dev/null', NO_PROXY: '127.0.0.1' },
        })
      await git('init', '--quiet', '--initial-branch=main')
      await git('add', '--all')
      await git(
        'commit',
        '--quiet',
        '--allow-empty',
        '--message',
        `Change ${Object.keys(changes).join(', ') || 'everything'}`,
      )
      await git('push', '--quiet', remote.href, 'HEAD:main')
      return (await git('rev-parse', 'HEAD')).stdout.trim()
    },
    async get<T>(path: string) {
      const { status, body } = await call('GET', path)
      if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`)
      return body as T
    },
    async version(repository, number) {
      const { status, body } = await call('GET', `/models/${repository}/versions/${number}`)
      return status === 200 ? (body as VersionAnswer) : null
    },
    async finished(repository, number, ms = 300_000) {
      return until(
        async () => {
          const version = await world.version(repository, number)
          return version && !['queued', 'building'].includes(version.status) ? version : null
        },
        ms,
        `version ${number} of ${repository} to end`,
      )
    },
    async log(repository, number, target) {
      return (await call('GET', `/models/${repository}/versions/${number}/builds/${target}/log`)).body as string
    },
    async stop() {
      await stack.stop()
      rmSync(clones, { recursive: true, force: true })
      home.remove()
    },
  }
  return world
}

/** Asks again and again until there is an answer; throws after `ms` milliseconds, naming what it waited for. */
export async function until<T>(ask: () => Promise<T | null | undefined | false>, ms: number, what: string): Promise<T> {
  for (const end = Date.now() + ms; ; await new Promise((resolve) => setTimeout(resolve, 250))) {
    const found = await ask()
    if (found) return found
    if (Date.now() > end) throw new Error(`waited ${ms / 1000} s for ${what}`)
  }
}
