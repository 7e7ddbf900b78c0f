import { randomUUID } from 'node:crypto'
import { GalleryError } from '@modelport/db/queries/gallery'
import { ModelChangeError } from '@modelport/db/queries/model-life'
import { DefaultVersionError, findModel } from '@modelport/db/queries/models'
import { RebuildError } from '@modelport/db/queries/versions'
import { z } from 'zod'
import { actorOfRequest, type RequestActor } from '#src/auth/actor.ts'
import { can } from '#src/auth/can.ts'
import { GithubUnavailable } from '#src/auth/github.ts'
import { Refusal } from '#src/auth/refusal.ts'
import { isSameOrigin } from '#src/auth/same-origin.ts'
import { context } from '#src/context.ts'
import { couldBePath } from '#src/features/models/model-path.ts'

export interface ApiRequest<P> {
  request: Request
  url: URL
  params: P
  actor: RequestActor
}

const statusOf: Record<Refusal['kind'], number> = {
  'sign-in': 401,
  hidden: 404,
  forbidden: 403,
  unavailable: 503,
  invalid: 400,
  conflict: 409,
}

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Sign-in needed',
  403: 'Forbidden',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  415: 'Not JSON',
  500: 'Internal error',
  503: 'Unavailable',
}

/** Makes a route handler of an operation: finds out who asks, and turns what is thrown into problem+json. */
export function api<P extends object = Record<never, string>>(operation: (input: ApiRequest<P>) => Promise<Response>) {
  return async (request: Request, { params }: { params: Promise<P> }): Promise<Response> => {
    try {
      const actor = await actorOfRequest(request)
      if (!actor) return problem(401, 'This token is not known, has expired or was revoked.')
      const safe = ['GET', 'HEAD', 'OPTIONS'].includes(request.method)
      // A browser adds the cookie to requests of foreign pages too; a token is only ever sent on purpose.
      if (!safe && actor.by === 'cookie' && !isSameOrigin(request.headers, context().config.siteUrl))
        return problem(
          403,
          'Changes with a browser session are accepted from pages of this site only. Use an API token.',
        )
      // A route whose address holds no parameter is handed none at all.
      const input = { request, url: new URL(request.url), params: (await params) ?? ({} as P), actor }
      return (await movedAnswer(input)) ?? (await operation(input))
    } catch (error) {
      return problemOf(error)
    }
  }
}

/** An address under an old name of a model leads to the new one, with the same method and body, for whoever may see the model. */
async function movedAnswer({ url, params, actor }: ApiRequest<{ owner?: string; model?: string }>) {
  const { owner, model: slug } = params
  if (owner === undefined || slug === undefined || !couldBePath(owner, slug)) return null
  const found = await findModel(context().db, owner, slug)
  if (!found?.movedTo || (await can(actor, 'see', found.model)) !== 'allow') return null
  // '', 'api', 'v1', 'models', owner, model, and what follows.
  const rest = url.pathname.split('/').slice(6)
  const location = ['/api/v1/models', found.movedTo, ...rest].join('/') + url.search
  return new Response(null, { status: 308, headers: { location, ...always } })
}

function problemOf(error: unknown): Response {
  if (error instanceof Refusal) return problem(statusOf[error.kind], error.message, error.code)
  if (error instanceof z.ZodError)
    return problem(400, error.issues.map((i) => `${i.path.join('.') || 'body'}: ${i.message}`).join('; '))
  if ([DefaultVersionError, GalleryError, ModelChangeError, RebuildError].some((kind) => error instanceof kind))
    return problem(409, (error as Error).message)
  if (error instanceof GithubUnavailable) {
    console.error('GitHub could not be asked.', error.cause ?? error)
    return problem(503, 'GitHub could not be asked. Try again in a minute.')
  }
  const id = randomUUID()
  console.error(`API error ${id}`, error)
  return problem(500, `Something on our side failed. The operator finds it in the log as ${id}.`)
}

/** RFC 9457. */
export function problem(status: number, detail: string, code?: string): Response {
  return Response.json(
    { type: 'about:blank', title: titles[status] ?? 'Error', status, detail, ...(code ? { code } : {}) },
    { status, headers: { 'content-type': 'application/problem+json', ...always } },
  )
}

export const always = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(value, { status, headers: { ...always, ...headers } })
}

export const list = (items: unknown[], nextCursor: string | null = null) => json({ items, nextCursor })

/** The body as `schema` has it. An empty body counts as `{}`. */
export async function readBody<T extends z.ZodType>(request: Request, schema: T): Promise<z.infer<T>> {
  const type = request.headers.get('content-type') ?? ''
  const text = await request.text()
  if (text.length > 100_000) throw new Refusal('invalid', 'The body is larger than 100 kB.')
  // A form cannot send this type from a foreign page without asking first.
  if (text !== '' && !/^application\/(?:[\w.+-]+\+)?json\b/i.test(type))
    throw new Refusal('invalid', 'Send the body with Content-Type: application/json.')
  let value: unknown = {}
  try {
    if (text !== '') value = JSON.parse(text)
  } catch {
    throw new Refusal('invalid', 'The body is not JSON.')
  }
  return schema.parse(value)
}

/** The words of the address as `schema` has them. */
export function readQuery<T extends z.ZodType>(url: URL, schema: T): z.infer<T> {
  return schema.parse(Object.fromEntries(url.searchParams))
}
