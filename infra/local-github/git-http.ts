import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { atLeast, ensureUser, findAccount, findAnyRepository, findMoved, levelOf, mayCreateIn } from './accounts.ts'
import { basic, type Caller, callerOfPassword } from './auth.ts'
import { type Context, fullName } from './context.ts'
import { installationOf, type RefChange } from './events.ts'
import { gitEnvironment } from './git.ts'
import { HttpError, type Request } from './http.ts'
import { recordPush } from './pushes.ts'
import { createRepository, isRepositoryName } from './repositories.ts'
import type { Account, Repository } from './store.ts'
import { Turns } from './turns.ts'

/** As on GitHub, a push may be no larger than 2 GiB. */
const MAX_PUSH = 2 * 1024 * 1024 * 1024

/** A transfer lasts as long as its client is slow, so many may be under way. */
const MAX_BACKENDS = 32

// Refs that GitHub keeps for itself, and what a strict object check would refuse of old and honest repositories.
const SETTINGS: Record<string, string> = {
  'receive.maxInputSize': String(MAX_PUSH),
  'receive.fsckObjects': 'true',
  'receive.fsck.zeroPaddedFilemode': 'ignore',
  'receive.fsck.badTimezone': 'ignore',
  'receive.fsck.missingSpaceBeforeDate': 'ignore',
  'receive.fsck.missingTaggerEntry': 'ignore',
  // Collecting garbage would lose the commits that a forced push left behind, and versions stay pinned to those.
  'receive.autogc': 'false',
  'receive.advertisePushOptions': 'false',
  'transfer.hideRefs': 'refs/pull',
  'uploadpack.allowFilter': 'true',
  'uploadpack.allowAnySHA1InWant': 'true',
  'http.receivepack': 'true',
}

const RECEIPT = z.object({ repositoryId: z.number(), accountId: z.number() })

/** Serves clone, fetch and push by git's own `http-backend`, and turns what was pushed into events. */
export class GitHttp {
  readonly #ctx: Context
  readonly #hooks: string
  readonly #receipts: string
  /** Pushes to one repository are recorded one after the other, in the order in which they ended. */
  readonly #recording = new Map<number, Promise<unknown>>()
  readonly #turns = new Turns(MAX_BACKENDS)
  readonly #open = new Set<Promise<unknown>>()

  constructor(ctx: Context) {
    this.#ctx = ctx
    this.#hooks = join(ctx.config.dir, 'hooks')
    this.#receipts = join(ctx.config.dir, 'pushes')
    mkdirSync(this.#hooks, { recursive: true })
    mkdirSync(this.#receipts, { recursive: true })
    mkdirSync(join(ctx.config.dir, 'repositories'), { recursive: true })
    // The list of refs goes to a file that the request names, so parallel pushes cannot mix; the rename makes it whole.
    const hook =
      '#!/bin/sh\ncat > "$LOCAL_GITHUB_RECEIPT.part" && mv "$LOCAL_GITHUB_RECEIPT.part" "$LOCAL_GITHUB_RECEIPT"\n'
    writeFileSync(join(this.#hooks, 'post-receive'), hook, { mode: 0o755 })
  }

  /** Answers one request of the git protocol. */
  async handle(request: Request, owner: string, name: string, service: string): Promise<void> {
    const work = this.#serve(request, owner, name, service)
    this.#open.add(work)
    try {
      await work
    } finally {
      this.#open.delete(work)
    }
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#open, ...this.#recording.values()])
  }

  /** Tells of pushes that a former process took in and had not told of when it ended. */
  async resume(): Promise<void> {
    for (const file of await readdir(this.#receipts)) {
      if (!file.endsWith('.json')) continue
      const path = join(this.#receipts, file.slice(0, -'.json'.length))
      try {
        const { repositoryId, accountId } = RECEIPT.parse(JSON.parse(await readFile(`${path}.json`, 'utf8')))
        await this.#record(path, repositoryId, accountId)
      } catch {
        // Half a receipt belongs to a push that git did not confirm.
        await this.#discard(path)
      }
    }
  }

  async #serve(request: Request, owner: string, name: string, path: string): Promise<void> {
    const { req, res } = request
    const service = path === 'info/refs' ? request.url.searchParams.get('service') : path
    if (service !== 'git-upload-pack' && service !== 'git-receive-pack') {
      throw new HttpError(403, 'Please upgrade your git client. This host serves git by the smart HTTP protocol only.')
    }
    const pushing = service === 'git-receive-pack'
    const [repository, pusher] = pushing
      ? await this.#admitPush(request, owner, name)
      : [this.#admitFetch(request, owner, name), null]

    const receipt = join(this.#receipts, randomUUID())
    if (pushing && path !== 'info/refs') {
      await writeFile(`${receipt}.json`, JSON.stringify({ repositoryId: repository.id, accountId: pusher!.id }))
    }
    try {
      const end = await this.#turns.take(() => this.#runBackend(request, repository, path, pusher, receipt))
      if (pushing && existsSync(receipt)) {
        // The client waits for this, so that it finds its repository as soon as its push has ended.
        await this.#record(receipt, repository.id, pusher!.id)
      }
      end()
    } finally {
      if (!existsSync(receipt)) await this.#discard(receipt)
      if (!res.writableEnded) res.end()
      req.resume()
    }
  }

  #record(receipt: string, repositoryId: number, accountId: number): Promise<void> {
    const before = this.#recording.get(repositoryId) ?? Promise.resolve()
    const work = before.then(async () => {
      const pusher = this.#ctx.store.accounts.get(accountId)
      const changes = await readReceipt(receipt)
      if (!pusher) return this.#discard(receipt)
      const { told } = await recordPush(this.#ctx, repositoryId, pusher, changes)
      void told.then(() => this.#discard(receipt))
    })
    const settled = work.catch(() => {})
    this.#recording.set(repositoryId, settled)
    void settled.then(() => {
      if (this.#recording.get(repositoryId) === settled) this.#recording.delete(repositoryId)
    })
    return work
  }

  async #discard(receipt: string): Promise<void> {
    await Promise.all(['', '.json', '.part'].map((end) => rm(`${receipt}${end}`, { force: true })))
  }

  #caller(request: Request): Caller {
    const header = request.req.headers.authorization
    const value = header && /^basic (.+)$/i.exec(header)?.[1]
    if (!value) return { kind: 'nobody' }
    try {
      return callerOfPassword(this.#ctx, ...basic(value))
    } catch (error) {
      if (error instanceof HttpError && error.status === 401) throw askForPassword()
      throw error
    }
  }

  #admitFetch(request: Request, owner: string, name: string): Repository {
    const ctx = this.#ctx
    const repository = findAnyRepository(ctx, owner, name)
    if (!repository) {
      const moved = findMoved(ctx, owner, name)
      if (moved) throw movedTo(request, `${ctx.url}/${fullName(ctx, moved)}.git`)
    }
    const caller = this.#caller(request)
    const visible = repository?.announced && canRead(ctx, caller, repository)
    if (visible) return repository
    // Strangers cannot tell a private repository from one that is not there.
    if (caller.kind === 'nobody') throw askForPassword()
    throw new HttpError(404, 'Repository not found.')
  }

  async #admitPush(request: Request, owner: string, name: string): Promise<[Repository, Account]> {
    const ctx = this.#ctx
    const header = request.req.headers.authorization
    const [user, password] = basic(/^basic (.+)$/i.exec(header ?? '')?.[1] ?? '')
    if (!user || !password) throw askForPassword()
    // A first push makes the account too, but only one that pushes to its own name.
    if (user.toLowerCase() === owner.toLowerCase() && !findAccount(ctx, user) && isRepositoryName(name))
      ensureUser(ctx, user)
    const caller = this.#caller(request)
    if (caller.kind !== 'person') throw new HttpError(403, 'This token may read contents, not write them.')

    const known = findAnyRepository(ctx, owner, name) ?? findMoved(ctx, owner, name)
    if (!known?.announced) {
      const account = findAccount(ctx, owner)
      if (!account || !mayCreateIn(account, caller.account)) {
        throw new HttpError(403, `Permission to ${owner}/${name}.git denied to ${caller.account.login}.`)
      }
      if (!isRepositoryName(name)) throw new HttpError(403, 'A repository cannot have this name.')
      return [
        known ?? (await createRepository(ctx, account, caller.account, { name, announced: false })),
        caller.account,
      ]
    }
    const level = levelOf(ctx, caller.account, known)
    if (level === 'none') throw new HttpError(404, 'Repository not found.')
    if (!atLeast(level, 'write')) {
      throw new HttpError(403, `Permission to ${fullName(ctx, known)}.git denied to ${caller.account.login}.`)
    }
    if (known.archived) throw new HttpError(403, 'This repository was archived so it is read-only.')
    return [known, caller.account]
  }

  /** Runs `git http-backend` as a CGI program; gives what ends the answer, so that the caller can act before that. */
  async #runBackend(
    request: Request,
    repository: Repository,
    path: string,
    pusher: Account | null,
    receipt: string,
  ): Promise<() => void> {
    const { req, res } = request
    const header = (name: string) => {
      const value = req.headers[name]
      return typeof value === 'string' ? value : undefined
    }
    const optional = {
      CONTENT_TYPE: header('content-type'),
      // Large pushes come in chunks and have no length.
      CONTENT_LENGTH: header('content-length'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      REMOTE_USER: pusher?.login,
    }
    const backend = spawn('git', ['http-backend'], {
      env: {
        ...gitEnvironment({ ...SETTINGS, 'core.hooksPath': this.#hooks }),
        ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
        GIT_PROJECT_ROOT: join(this.#ctx.config.dir, 'repositories'),
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: `/${repository.id}.git/${path}`,
        REQUEST_METHOD: req.method ?? 'GET',
        QUERY_STRING: request.url.search.slice(1),
        LOCAL_GITHUB_RECEIPT: receipt,
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const exited = new Promise<void>((resolve, reject) => {
      backend.once('close', () => resolve())
      backend.once('error', reject)
    })
    // A client that hangs up must not leave a git behind; one that is writing refs finishes by itself.
    res.once('close', () => {
      if (!res.writableFinished) backend.stdin.destroy()
    })
    // Git closes its input early when it refuses a push; the answer still has to be read.
    const input = pipeline(req, backend.stdin).catch(() => {})

    let head = Buffer.alloc(0)
    let sentHead = false
    for await (const chunk of backend.stdout as AsyncIterable<Buffer>) {
      if (sentHead) {
        await write(res, chunk)
        continue
      }
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) {
        if (head.length > 64 * 1024) break
        continue
      }
      sendHead(res, head.subarray(0, end).toString('latin1'))
      sentHead = true
      await write(res, head.subarray(end + 4))
    }
    await exited
    await Promise.race([input, new Promise((resolve) => setTimeout(resolve, 1000).unref())])
    if (!sentHead) throw new HttpError(500, 'Git did not answer.')
    return () => res.end()
  }
}

function sendHead(res: Request['res'], head: string): void {
  let status = 200
  const headers: Record<string, string> = {}
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name === 'status') status = Number.parseInt(value, 10) || 500
    else headers[name] = value
  }
  res.writeHead(status, headers)
}

function write(res: Request['res'], chunk: Buffer): Promise<void> | void {
  if (chunk.length === 0 || res.destroyed || res.write(chunk)) return
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done)
      res.off('close', done)
      resolve()
    }
    res.once('drain', done)
    res.once('close', done)
  })
}

async function readReceipt(path: string): Promise<RefChange[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => {
    const match = /^([0-9a-f]{40}) ([0-9a-f]{40}) (refs\/.+)$/.exec(line)
    return match ? [{ before: match[1]!, after: match[2]!, ref: match[3]! }] : []
  })
}

/** Tells whether a caller may read a repository's contents. */
export function canRead(ctx: Context, caller: Caller, repository: Repository): boolean {
  if (!repository.private) return true
  if (caller.kind === 'person') return levelOf(ctx, caller.account, repository) !== 'none'
  if (caller.kind === 'user-token') {
    // What a person may see through the app is what both may see.
    return levelOf(ctx, caller.account, repository) !== 'none' && installationOf(ctx, repository) !== undefined
  }
  if (caller.kind === 'installation') return covers(caller, repository)
  return false
}

/** Tells whether an installation token reaches a repository. */
export function covers(caller: Extract<Caller, { kind: 'installation' }>, repository: Repository): boolean {
  const narrowed = caller.grant.repositoryIds
  return caller.installation.repositoryIds.includes(repository.id) && (!narrowed || narrowed.includes(repository.id))
}

function askForPassword(): HttpError {
  return new HttpError(
    401,
    'Any password will do, with the name of your account.',
    {},
    { 'www-authenticate': 'Basic realm="GitHub"' },
  )
}

function movedTo(request: Request, clone: string): HttpError {
  const rest = request.url.pathname.replace(/^\/[^/]+\/[^/]+/, '')
  return new HttpError(301, 'Moved Permanently', {}, { location: `${clone}${rest}${request.url.search}` })
}
