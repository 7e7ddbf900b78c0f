import { execFile } from 'node:child_process'
import { createHmac, generateKeyPairSync, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createAppAuth } from '@octokit/auth-app'
import { type LocalGithubConfig, publicKeyOf } from './config.ts'
import { type LocalGithub, startLocalGithub } from './server.ts'

const run = promisify(execFile)

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})

export interface Heard {
  event: string
  guid: string
  headers: IncomingHttpHeaders
  validSignature: boolean
  // A payload is whatever the event makes it; each test names what it reads.
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  payload: any
}

/** A receiver of webhooks that keeps what it heard, and answers what it is told to. */
export class Receiver {
  readonly heard: Heard[] = []
  status = 200
  readonly #secret: string
  readonly #server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const wanted = `sha256=${createHmac('sha256', this.#secret).update(body).digest('hex')}`
    const given = String(req.headers['x-hub-signature-256'])
    this.heard.push({
      event: String(req.headers['x-github-event']),
      guid: String(req.headers['x-github-delivery']),
      headers: req.headers,
      validSignature: given.length === wanted.length && timingSafeEqual(Buffer.from(given), Buffer.from(wanted)),
      payload: JSON.parse(body.toString('utf8')),
    })
    res.writeHead(this.status).end('heard')
  })

  constructor(secret: string) {
    this.#secret = secret
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hooks/github`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  /** What was heard of one event, in the order of arrival. */
  of(event: string, action?: string): Heard[] {
    return this.heard.filter((heard) => heard.event === event && (!action || heard.payload.action === action))
  }
}

/** One local GitHub with a receiver, in a folder of its own; `close` leaves nothing behind. */
export class TestGithub {
  readonly privateKey = privateKey
  private constructor(
    readonly dir: string,
    readonly config: LocalGithubConfig,
    readonly receiver: Receiver,
    private github: LocalGithub,
  ) {}

  static async start(overrides: Partial<LocalGithubConfig> = {}): Promise<TestGithub> {
    const dir = await mkdtemp(join(tmpdir(), 'local-github-'))
    const receiver = new Receiver('a webhook secret')
    const config: LocalGithubConfig = {
      host: '127.0.0.1',
      port: 0,
      url: null,
      dir: join(dir, 'state'),
      appId: 4711,
      appSlug: 'modelport',
      webhookUrl: await receiver.listen(),
      clientId: 'Iv1.0123456789abcdef',
      redirectUrls: ['http://127.0.0.1:3000/auth/callback'],
      setupUrl: 'http://127.0.0.1:3000/new?from=github',
      appKey: publicKeyOf(privateKey),
      privateKey,
      webhookSecret: 'a webhook secret',
      clientSecret: 'a client secret',
      ...overrides,
    }
    return new TestGithub(dir, config, receiver, await startLocalGithub(config))
  }

  get url(): string {
    return this.github.url
  }

  get api(): string {
    return `${this.url}/api/v3`
  }

  /** Stops and starts it again on the same folder and port. */
  async restart(): Promise<void> {
    const port = Number(new URL(this.url).port)
    await this.github.close()
    this.github = await startLocalGithub({ ...this.config, port })
  }

  async close(): Promise<void> {
    await this.github.close()
    await this.receiver.close()
    await rm(this.dir, { recursive: true, force: true })
  }

  /** The address to push to and clone from, with a name and password in it. */
  remote(fullName: string, user = fullName.split('/')[0]!, password = 'anything'): string {
    return `${this.url.replace('://', `://${user}:${password}@`)}/${fullName}.git`
  }

  /** Waits until every webhook was sent. */
  async settled(): Promise<void> {
    await this.call('POST', '/local/deliveries/settle', { as: null })
  }

  /** A token of the app's installation on a repository. */
  async installationToken(fullName: string): Promise<string> {
    const auth = createAppAuth({ appId: this.config.appId, privateKey: this.privateKey })
    const { token } = await auth({ type: 'app' })
    const { body: installation } = await this.call('GET', `/repos/${fullName}/installation`, { token })
    return (await this.call('POST', `/app/installations/${installation.id}/access_tokens`, { token })).body.token
  }

  /** A code for the app's keys, as a person gets one who agrees to a manifest; `state` comes back with it. */
  async agreeToManifest(manifest: object, state = ''): Promise<URL> {
    let cookie = ''
    const send = async (path: string, form?: Record<string, string>, origin?: string) => {
      const answer = await fetch(this.url + path, {
        method: form ? 'POST' : 'GET',
        redirect: 'manual',
        headers: { cookie, ...(origin ? { origin } : {}) },
        body: form && new URLSearchParams(form),
      })
      cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie
      const text = await answer.text()
      return { csrf: /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '', location: answer.headers.get('location') }
    }
    const { csrf } = await send('/login')
    await send('/login', { csrf, login: 'alice' })
    const json = JSON.stringify(manifest)
    const page = await send('/settings/apps/new?state=x', { manifest: json }, 'https://site.example')
    const { location } = await send('/settings/apps/create', { csrf: page.csrf, manifest: json, state })
    return new URL(location!)
  }

  /** Calls the REST API as a person (any password), with a token, or as nobody. */
  async call(
    method: string,
    path: string,
    options: { as?: string | null; token?: string; body?: unknown; headers?: Record<string, string> } = {},
    // biome-ignore lint/suspicious/noExplicitAny: answers are whatever the endpoint makes them.
  ): Promise<{ status: number; body: any; headers: Headers }> {
    const authorization = options.token
      ? `Bearer ${options.token}`
      : options.as
        ? `Basic ${Buffer.from(`${options.as}:anything`).toString('base64')}`
        : undefined
    const response = await fetch(path.startsWith('http') ? path : `${this.api}${path}`, {
      method,
      redirect: 'manual',
      // A kept connection would not outlive a restart.
      headers: { connection: 'close', ...(authorization ? { authorization } : {}), ...options.headers },
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
    })
    const text = await response.text()
    const isJson = (response.headers.get('content-type') ?? '').includes('json')
    return { status: response.status, body: isJson && text ? JSON.parse(text) : text, headers: response.headers }
  }
}

const IDENTITY = {
  GIT_AUTHOR_NAME: 'Alice',
  GIT_AUTHOR_EMAIL: 'alice@users.noreply.localhost',
  GIT_COMMITTER_NAME: 'Alice',
  GIT_COMMITTER_EMAIL: 'alice@users.noreply.localhost',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
}

/** Runs the real git client. */
export async function git(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, ...IDENTITY } as unknown as NodeJS.ProcessEnv,
  })
  return stdout.trim()
}

/** A work tree with one commit, in a folder that the caller's `TestGithub` removes. */
export async function workTree(
  github: TestGithub,
  files: Record<string, string> = { 'runway.yml': 'python: 3.6\n' },
): Promise<string> {
  const dir = await mkdtemp(join(github.dir, 'work-'))
  await git(dir, 'init', '--quiet', '--initial-branch=main')
  await commit(dir, 'First', files)
  return dir
}

/** Adds a commit and gives its SHA. */
export async function commit(dir: string, message: string, files: Record<string, string>): Promise<string> {
  for (const [path, text] of Object.entries(files)) await writeFile(join(dir, path), text)
  await git(dir, 'add', '--all')
  await git(dir, 'commit', '--quiet', '--allow-empty', `--message=${message}`)
  return git(dir, 'rev-parse', 'HEAD')
}
