import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isIP } from 'node:net'
import { callerOf } from './auth.ts'
import { sendArchive } from './codeload.ts'
import type { LocalGithubConfig } from './config.ts'
import type { Context } from './context.ts'
import { fullName } from './context.ts'
import { Deliveries, ENTERPRISE_VERSION } from './deliveries.ts'
import { GitError } from './git.ts'
import { GitHttp } from './git-http.ts'
import { decode, HttpError, type Request, requestId, sendJson } from './http.ts'
import { oauthRoutes } from './oauth.ts'
import { pageRouter, sendErrorPage } from './pages/index.ts'
import { takesForeignForms } from './pages/manifest.ts'
import { restRouter } from './rest/index.ts'
import { rateNow } from './rest/meta.ts'
import { openStore, type Store } from './store.ts'

const API = '/api/v3'
const PATIENCE_MS = 5000

export interface LocalGithub {
  url: string
  close(): Promise<void>
}

/** Starts a GitHub for this machine, and gives its address and what ends it. */
export async function startLocalGithub(config: LocalGithubConfig): Promise<LocalGithub> {
  let handle: ((req: IncomingMessage, res: ServerResponse) => Promise<void>) | null = null
  const server = createServer({ requestTimeout: 0 }, (req, res) => {
    if (!handle) {
      res.writeHead(503, { 'retry-after': '1' }).end()
      return
    }
    void handle(req, res)
  })
  // The port comes first: whoever holds it owns the folder, so the store is never opened by two.
  await listen(server, config)
  const url = config.url ?? `http://${forUrl(config.host)}:${(server.address() as AddressInfo).port}`

  let store: Store
  try {
    store = openStore(config.dir)
  } catch (error) {
    server.close()
    throw error
  }
  const deliveries = new Deliveries(config, store, () => url)
  const ctx: Context = { config, url, store, deliveries, cookieKey: cookieKey(store), apiFaults: [] }
  const gitHttp = new GitHttp(ctx)
  handle = handler(ctx, gitHttp)
  deliveries.resume()
  await gitHttp.resume()

  return {
    url,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      // A client that stalls in the middle of a push does not hold the end up.
      const impatience = setTimeout(() => server.closeAllConnections(), PATIENCE_MS)
      await gitHttp.close()
      clearTimeout(impatience)
      await deliveries.close()
      server.closeAllConnections()
      await closed
      store.close()
    },
  }
}

async function listen(server: Server, config: LocalGithubConfig): Promise<void> {
  server.listen(config.port, config.host)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new Error(
        `The local GitHub cannot listen on ${config.host}:${config.port}, because another program does; stop it or set LOCAL_GITHUB_PORT.`,
      )
    }
    throw error
  }
}

function cookieKey(store: Store): string {
  const known = store.settings.get('cookie-key')
  return (known ?? store.settings.put({ id: 'cookie-key', value: randomBytes(32).toString('hex') })).value
}

function forUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host
}

function handler(ctx: Context, gitHttp: GitHttp) {
  const rest = restRouter()
  const pages = pageRouter()
  oauthRoutes(pages)
  let hour = 0
  const used = new Map<string, number>()

  /** Counts a caller's calls in this hour, for the rate-limit headers. */
  const count = (who: string): number => {
    const present = Math.floor(Date.now() / 3_600_000)
    if (present !== hour) used.clear()
    hour = present
    const calls = (used.get(who) ?? 0) + 1
    used.set(who, calls)
    return calls
  }

  const serveRest = async (request: Request) => {
    const { req, res } = request
    res.setHeader('x-github-media-type', 'github.v3; format=json')
    res.setHeader('x-github-enterprise-version', ENTERPRISE_VERSION)
    const fault = ctx.apiFaults.find(
      (f) =>
        f.remaining > 0 &&
        request.url.pathname.slice(API.length).includes(f.path) &&
        (!f.method || f.method === req.method),
    )
    if (fault && !request.url.pathname.startsWith(`${API}/local/`)) {
      fault.remaining -= 1
      if (fault.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, fault.delayMs))
      if (fault.status) throw new HttpError(fault.status, 'This fault was asked for.')
    }
    const caller = callerOf(ctx, req)
    const who =
      caller.kind === 'installation'
        ? `i${caller.installation.id}`
        : 'account' in caller
          ? `a${caller.account.id}`
          : caller.kind
    for (const [name, value] of Object.entries(rateNow(count(who)))) res.setHeader(`x-ratelimit-${name}`, String(value))
    res.setHeader('x-ratelimit-resource', 'core')

    const path = byName(ctx, request.url.pathname.slice(API.length).replace(/(.)\/+$/, '$1') || '/')
    const found = rest.find(request.method, path)
    if (!found) throw new HttpError(404, 'Not Found')
    await found.handler({ ctx, caller }, { ...request, params: found.params })
  }

  const serve = async (request: Request) => {
    const path = request.url.pathname
    if (path === '/healthz') return sendJson(request, 200, { status: 'ok' })
    if (path === API || path.startsWith(`${API}/`)) return serveRest(request)
    const git = /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(path)
    if (git) return gitHttp.handle(request, git[1]!, git[2]!, git[3]!)
    const archive = /^\/codeload\/([^/]+)\/([^/]+)\/legacy\.tar\.gz\/(.+)$/.exec(path)
    if (archive) return sendArchive(ctx, request, archive[1]!, archive[2]!, decode(archive[3]!))
    const found = pages.find(request.method, path)
    if (!found) throw new HttpError(404, 'There is no such page.')
    await found.handler(ctx, { ...request, params: found.params })
  }

  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const id = requestId()
    res.setHeader('x-github-request-id', id)
    let request: Request | null = null
    try {
      if (!isOurHost(req.headers.host, ctx))
        throw new HttpError(421, 'This host name does not belong to the local GitHub.')
      if (comesFromElsewhere(req) && !takesForeignForms(req.url?.split('?')[0] ?? ''))
        throw new HttpError(403, 'Pages of other sites may not change anything here.')
      // Put behind our own address, a path cannot be taken for another host, as `//host/path` would be.
      if (!req.url?.startsWith('/') || !URL.canParse(ctx.url + req.url)) throw new HttpError(400, 'This is no path.')
      const url = new URL(ctx.url + req.url)
      request = { req, res, method: req.method === 'HEAD' ? 'GET' : (req.method ?? 'GET'), url, params: {} }
      await serve(request)
    } catch (error) {
      answerError(ctx, request, res, error, id)
    } finally {
      // What a refused caller still sends is read and dropped, or it would see a broken pipe instead of the answer.
      if (!req.readableEnded) req.resume()
    }
  }
}

// `/repositories/ID/...` names a repository by number; redirects after a rename lead there.
function byName(ctx: Context, path: string): string {
  const match = /^\/repositories\/(\d+)(\/.*)?$/.exec(path)
  const repository = match && ctx.store.repositories.get(Number(match[1]))
  return repository?.announced ? `/repos/${fullName(ctx, repository)}${match?.[2] ?? ''}` : path
}

// A page on the web can make its own host name point at this machine, and would then read private repositories
// through the visitor's browser. Such names have dots; ours are addresses, single words or `.localhost`.
function isOurHost(header: string | undefined, ctx: Context): boolean {
  if (!header) return true
  const host = header
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
  return (
    isIP(host) !== 0 ||
    !host.includes('.') ||
    host.endsWith('.localhost') ||
    host.endsWith('.internal') ||
    host === ctx.config.host ||
    host === new URL(ctx.url).hostname
  )
}

// Any page on the web can make a browser send a form here, with a name and a password in the address even; its origin
// gives it away. Programs send no origin.
function comesFromElsewhere(req: IncomingMessage): boolean {
  const { origin } = req.headers
  if (!origin || req.method === 'GET' || req.method === 'HEAD') return false
  return !URL.canParse(origin) || new URL(origin).host !== req.headers.host
}

function answerError(ctx: Context, request: Request | null, res: ServerResponse, error: unknown, id: string): void {
  if (!(error instanceof HttpError)) {
    // Readers that hang up are not faults of ours.
    if (res.destroyed) return
    const cause = error instanceof GitError ? String((error.cause as { stderr?: unknown })?.stderr ?? '') : ''
    console.error(
      `local github: request ${id} failed: ${error instanceof Error ? error.stack : String(error)} ${cause}`,
    )
  }
  const fault =
    error instanceof HttpError ? error : new HttpError(500, 'Something went wrong here; the log has the request id.')
  if (res.headersSent) {
    res.destroy()
    return
  }
  for (const [name, value] of Object.entries(fault.headers)) res.setHeader(name, value)
  const path = request?.url.pathname ?? ''
  if (request && path.startsWith(`${API}`)) {
    const body = {
      message: fault.message,
      documentation_url: 'https://docs.github.com/enterprise-server@3.19/rest',
      status: String(fault.status),
      ...fault.extra,
    }
    sendJson(request, fault.status, body)
    return
  }
  const isProgram = /\/(info\/refs|git-upload-pack|git-receive-pack)$|^\/codeload\//.test(path)
  if (request && !isProgram && fault.status !== 421) {
    sendErrorPage(ctx, request, fault)
    return
  }
  res.writeHead(fault.status, { 'content-type': 'text/plain; charset=utf-8' })
  res.end(`${fault.message}\n`)
}
