import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'

/** An answer that ends a request early; the message is for the caller. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly extra: Record<string, unknown> = {},
    readonly headers: Record<string, string> = {},
  ) {
    super(message)
  }
}

export interface Request {
  req: IncomingMessage
  res: ServerResponse
  method: string
  url: URL
  /** What the pattern's names matched, decoded. */
  params: Record<string, string>
}

export type Handler<C> = (ctx: C, request: Request) => Promise<void> | void

interface Route<C> {
  method: string
  shape: string
  pattern: RegExp
  names: string[]
  handler: Handler<C>
}

/** A list of patterns: `:name` is one path segment, `*name` any number of them; the first that fits wins. */
export class Router<C> {
  readonly #routes: Route<C>[] = []

  on(method: string, path: string, handler: Handler<C>): this {
    const names: string[] = []
    const pattern = path.replace(/[.+]/g, '\\$&').replace(/([:*])([a-z_]+)/gi, (_, kind: string, name: string) => {
      names.push(name)
      return kind === ':' ? '([^/]+)' : '(.+)'
    })
    const shape = path.replace(/[:*][a-z_]+/gi, '{}')
    this.#routes.push({ method, shape, pattern: new RegExp(`^${pattern}$`), names, handler })
    return this
  }

  /** Every route as `METHOD /path`, with `{}` for its variable parts, as it can be compared with GitHub's own list. */
  list(): string[] {
    return this.#routes.map((route) => `${route.method} ${route.shape}`)
  }

  /** The route that would answer, in the form of `list`. */
  shapeOf(method: string, path: string): string | null {
    const route = this.#routes.find((other) => other.method === method && other.pattern.test(path))
    return route ? `${method} ${route.shape}` : null
  }

  /** Finds the handler of a request, with the parts of its path; null when no pattern fits. */
  find(method: string, path: string): { handler: Handler<C>; params: Record<string, string> } | null {
    for (const route of this.#routes) {
      // HEAD is answered by the handler of GET; node leaves the body out.
      if (route.method !== method && !(method === 'HEAD' && route.method === 'GET')) continue
      const match = route.pattern.exec(path)
      if (!match) continue
      const params: Record<string, string> = {}
      for (const [index, name] of route.names.entries()) params[name] = decode(match[index + 1]!)
      return { handler: route.handler, params }
    }
    return null
  }
}

/** Decodes a part of a path. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new HttpError(400, 'The path is not well encoded.')
  }
}

/** Reads a body of bounded size. */
export async function readBody(req: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new HttpError(413, 'The body is too large.', {}, { connection: 'close' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Reads a JSON body and parses it; a missing body counts as `{}`. */
export async function readJson<T extends z.ZodType>(
  request: Request,
  schema: T,
  limit = 8 * 1024 * 1024,
): Promise<z.output<T>> {
  const body = await readBody(request.req, limit)
  let value: unknown
  try {
    value = body.length === 0 ? {} : JSON.parse(body.toString('utf8'))
  } catch {
    throw new HttpError(400, 'Problems parsing JSON')
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new HttpError(422, 'Validation Failed', {
    errors: parsed.error.issues.map((issue) => ({
      resource: 'Request',
      field: issue.path.join('.'),
      code: 'invalid',
      message: issue.message,
    })),
  })
}

/** Reads an HTML form. */
export async function readForm(request: Request): Promise<URLSearchParams> {
  return new URLSearchParams((await readBody(request.req, 64 * 1024)).toString('utf8'))
}

/** Answers with JSON; a GET carries an ETag and answers 304 when the caller has it already. */
export function sendJson(request: Request, status: number, value: unknown, headers: Record<string, string> = {}): void {
  const { req, res } = request
  const body = Buffer.from(JSON.stringify(value))
  if (status === 200 && (req.method === 'GET' || req.method === 'HEAD')) {
    const etag = `"${createHash('sha256').update(body).digest('hex')}"`
    res.setHeader('etag', etag)
    res.setHeader('cache-control', 'private, max-age=60, s-maxage=60')
    const known = req.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
    if (known?.includes(etag)) {
      res.writeHead(304, headers)
      res.end()
      return
    }
  }
  res.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    ...headers,
  })
  res.end(body)
}

/** Answers without a body. */
export function sendEmpty(request: Request, status: number, headers: Record<string, string> = {}): void {
  request.res.writeHead(status, headers)
  request.res.end()
}

/** Sends the browser elsewhere with a GET. */
export function redirect(request: Request, to: string): void {
  sendEmpty(request, 303, { location: to })
}

/** One page of a list, with GitHub's Link header for the others. */
export function page<T>(request: Request, items: T[]): T[] {
  const { perPage, number } = pageOf(request)
  const last = Math.max(1, Math.ceil(items.length / perPage))
  const link = (n: number, rel: string) => {
    const url = new URL(request.url)
    url.searchParams.set('page', String(n))
    return `<${url.href}>; rel="${rel}"`
  }
  const links: string[] = []
  if (number > 1) links.push(link(Math.min(number - 1, last), 'prev'))
  if (number < last) links.push(link(number + 1, 'next'), link(last, 'last'))
  if (number > 1) links.push(link(1, 'first'))
  if (links.length > 0) request.res.setHeader('link', links.join(', '))
  return items.slice((number - 1) * perPage, number * perPage)
}

/** The page size and number that were asked for. */
export function pageOf(request: Request): { perPage: number; number: number } {
  const numberOf = (name: string, fallback: number, max: number) => {
    const value = Number(request.url.searchParams.get(name) ?? fallback)
    return Number.isInteger(value) && value >= 1 ? Math.min(value, max) : fallback
  }
  return { perPage: numberOf('per_page', 30, 100), number: numberOf('page', 1, 1_000_000) }
}

/** A new id for `x-github-request-id`. */
export function requestId(): string {
  return randomUUID().toUpperCase()
}
