import { createServer, type IncomingMessage, request as requestHttp, type Server, type ServerResponse } from 'node:http'
import { request as requestHttps } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { findModelById } from '@modelport/db/queries/models'
import { actorOfApiToken, nobody, type RequestActor } from '#src/auth/actor.ts'
import { can } from '#src/auth/can.ts'
import type { ImageDoor } from '#src/config.ts'
import { context } from '#src/context.ts'
import { makePullToken, pullTokenSeconds, readPullToken } from '#src/features/images/pull-token.ts'

// The image registry itself asks nobody who they are: builds push to it inside the installation. This door in front of it
// is what the world reaches. It speaks the reading half of the OCI distribution specification, with the token sign-in of
// Docker's (distribution.github.io/distribution/spec/auth/token), so that every engine can pull through it.

const repositoryOfModel = /^models\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
const readable =
  /^\/v2\/([a-z0-9/_.-]{1,255})\/(manifests\/[A-Za-z0-9_][A-Za-z0-9._:-]{0,135}|blobs\/sha256:[0-9a-f]{64})$/
// What an engine may say about the answer that it wants, and what the registry says about the one it gives.
const asked = ['accept', 'range', 'if-none-match'] as const
const told = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'docker-content-digest',
  'etag',
  'location',
] as const
// The longest pause in the middle of an answer, in milliseconds: of the registry, and of the engine that reads.
const upstreamPauseMs = 60_000
const readerPauseMs = 300_000

/** Opens the door; resolves when it listens. Throws when its port is taken. */
export async function openImageDoor(door: ImageDoor): Promise<Server> {
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    answer(door, request, response).catch((error: NodeJS.ErrnoException) => {
      // The engine that went away in the middle of a layer is no fault.
      if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') return
      console.error('The image door failed.', error)
      if (response.headersSent) response.destroy()
      else refuse(response, 502, 'UNAVAILABLE', 'The image registry does not answer; try again.')
    })
  })
  server.timeout = readerPauseMs
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(door.port, door.host, resolve)
  })
  return server
}

async function answer(door: ImageDoor, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url?.split('?')[0] ?? ''
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('connection', 'close')
    return refuse(response, 405, 'UNSUPPORTED', 'Images come from builds: they are pulled here, and pushed by nobody.')
  }
  if (path === '/token') return await giveToken(request, response)
  const actor = await actorAtDoor(request.headers.authorization)
  if (!actor) return challenge(response, null, 'The token is not good, or no longer.')
  if (path === '/v2/' || path === '/v2')
    // Engines ask this first, to learn how one signs in; those who show a token learn that it is good.
    return request.headers.authorization
      ? say(response, 200, {})
      : challenge(response, null, 'Sign in, or ask for a token.')
  const [, repository, rest] = readable.exec(path) ?? []
  if (!repository || !rest) return refuse(response, 404, 'NAME_UNKNOWN', 'There is no image at this address.')
  const modelId = repositoryOfModel.exec(repository)?.[1]
  const found = modelId ? await findModelById(context().db, modelId) : null
  const decision = found ? await can(actor, 'see', found.model) : 'hide'
  if (decision === 'allow') return await passOn(door, path, request, response)
  if (decision === 'unavailable')
    return refuse(response, 503, 'UNAVAILABLE', 'GitHub cannot be asked who may see this model; try again.')
  if (decision === 'forbid') return refuse(response, 403, 'DENIED', 'The token lacks the scope read.')
  // Private and missing are one answer.
  if (!actor.user) return challenge(response, repository, 'Sign in to pull this image, if it is there.')
  return refuse(response, 404, 'NAME_UNKNOWN', 'There is no image at this address.')
}

/** Exchanges an API token, sent as the password of any user name, for a pull token; without one, for a stranger's. */
async function giveToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const basic = /^Basic\s+([A-Za-z0-9+/=]{1,1000})$/i.exec(request.headers.authorization ?? '')?.[1]
  const apiToken = basic
    ? Buffer.from(basic, 'base64')
        .toString()
        .replace(/^[^:]*:/, '')
    : null
  if (request.headers.authorization && !(apiToken && (await actorOfApiToken(apiToken))))
    return refuse(response, 401, 'UNAUTHORIZED', 'The password is an API token of this site; this one is not good.')
  const token = makePullToken(context().secrets.key, apiToken)
  // Two names of one thing: older engines read the first, newer ones the second.
  say(response, 200, {
    token,
    access_token: token,
    expires_in: pullTokenSeconds,
    issued_at: new Date().toISOString(),
  })
}

/** Null for a token that is not good. An API token itself is as good as a pull token, for people with `curl`. */
async function actorAtDoor(authorization: string | undefined): Promise<RequestActor | null> {
  if (!authorization) return nobody
  const bearer = /^Bearer\s+([A-Za-z0-9_-]{1,1000})$/i.exec(authorization)?.[1]
  if (!bearer) return null
  const pull = readPullToken(context().secrets.key, bearer)
  if (pull?.apiToken === null) return nobody
  return await actorOfApiToken(pull?.apiToken ?? bearer)
}

async function passOn(
  door: ImageDoor,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(path, door.registry)
  const send = url.protocol === 'https:' ? requestHttps : requestHttp
  const headers = Object.fromEntries(
    asked.flatMap((name) => (request.headers[name] ? [[name, request.headers[name]]] : [])),
  )
  const { username, password } = door.registry
  const upstream = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = send(
      url,
      {
        method: request.method,
        headers,
        timeout: upstreamPauseMs,
        ...(username && { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
      },
      resolve,
    )
    sent.once('error', reject)
    sent.once('timeout', () => sent.destroy(new Error(`the image registry paused for ${upstreamPauseMs / 1000} s`)))
    sent.end()
  })
  // A registry that asks us to sign in is set up wrongly, and the engine could not answer it.
  if (upstream.statusCode === 401) {
    upstream.destroy()
    throw new Error('the image registry refused the name and password of IMAGE_REGISTRY_URL')
  }
  for (const name of told) {
    const value = upstream.headers[name]
    if (value !== undefined) response.setHeader(name, value)
  }
  response.writeHead(upstream.statusCode!, guard)
  await pipeline(upstream, response)
}

const guard = {
  'docker-distribution-api-version': 'registry/2.0',
  // Who may pull can change at any time, and a layer is a stranger's bytes.
  'cache-control': 'private, no-store',
  'content-security-policy': "default-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
}

function challenge(response: ServerResponse, repository: string | null, message: string): void {
  const { siteUrl, imageRegistry } = context().config
  // TLS is ended by the proxy in front, so only the settings know the scheme.
  const realm = `${new URL(siteUrl).protocol}//${imageRegistry}/token`
  const scope = repository ? `,scope="repository:${repository}:pull"` : ''
  response.setHeader('www-authenticate', `Bearer realm="${realm}",service="${imageRegistry}"${scope}`)
  refuse(response, 401, 'UNAUTHORIZED', message)
}

/** An error in the form of the distribution specification. */
function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  if (status === 503) response.setHeader('retry-after', '10')
  say(response, status, { errors: [{ code, message }] })
}

function say(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    ...guard,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  // To HEAD the length is told and nothing sent.
  response.end(response.req.method === 'HEAD' ? undefined : text)
}
