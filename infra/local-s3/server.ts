import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isIP } from 'node:net'
import { type Answer, emptyAnswer, errorAnswer, sendAnswer } from './answer.ts'
import {
  checkBucketName,
  createBucket,
  deleteBucket,
  deleteBucketCors,
  deleteObjects,
  listBuckets,
  listObjects,
  putBucketCors,
  readBucketCors,
} from './buckets.ts'
import type { LocalS3Config } from './config.ts'
import { corsHeaders, siteRule } from './cors.ts'
import { abortUpload, completeUpload, createUpload, listParts, listUploads, putPart } from './multipart.ts'
import { copyObject, deleteObject, putObject, readObject } from './objects.ts'
import { makeRequest, type Request, readTarget, type Target } from './request.ts'
import { S3Error } from './s3-error.ts'
import { checkSignature } from './signature.ts'
import { type Bucket, Store } from './store.ts'

export interface LocalS3 {
  /** `http://HOST:PORT` */
  url: string
  close(): Promise<void>
}

const patienceMs = 5_000
/** A sender that sends nothing for this long is cut off. */
const idleMs = 120_000
const sweepEveryMs = 3600_000
/** How much of a refused body is read before the connection is closed, so that its sender gets to read the refusal. */
const drainBytes = 16 * 1024 * 1024

/** Starts an S3 server for this machine on a folder, and gives its address and what ends it. */
export async function startLocalS3(config: LocalS3Config): Promise<LocalS3> {
  let serve: ((message: IncomingMessage, response: ServerResponse, waits: boolean) => Promise<void>) | null = null
  const take = (waits: boolean) => (message: IncomingMessage, response: ServerResponse) => {
    if (serve) void serve(message, response, waits)
    else response.writeHead(503, { 'retry-after': '1' }).end()
  }
  // A large part over a slow line takes as long as it takes; what counts is that it moves.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 30_000 }, take(false))
  server.on('checkContinue', take(true))
  server.timeout = idleMs
  await listen(server, config)
  let store: Store
  try {
    store = new Store(config.dir)
    const bucket = await store.createBucket(config.bucket)
    if (config.corsOrigins.length) await store.setCors(bucket, [siteRule(config.corsOrigins)])
    await store.sweepUploads(config.uploadLifeMs)
  } catch (error) {
    server.close()
    throw error
  }
  const sweeper = setInterval(() => {
    store.sweepUploads(config.uploadLifeMs).catch((error) => console.error('The sweep of uploads failed:', error))
  }, sweepEveryMs)
  sweeper.unref()
  serve = (message, response, waits) => handle({ config, store, message, response, waits })
  return {
    url: `http://${isIP(config.host) === 6 ? `[${config.host}]` : config.host}:${(server.address() as AddressInfo).port}`,
    async close() {
      clearInterval(sweeper)
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      // A client that stalls in the middle of a part does not hold the end up.
      const impatience = setTimeout(() => server.closeAllConnections(), patienceMs)
      await closed
      clearTimeout(impatience)
      store.close()
    },
  }
}

async function listen(server: Server, { port, host }: LocalS3Config): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new Error(
        `The local S3 server cannot listen on ${host}:${port}, because another program does; stop it or set LOCAL_S3_PORT.`,
      )
    }
    throw error
  }
}

interface Exchange {
  config: LocalS3Config
  store: Store
  message: IncomingMessage
  response: ServerResponse
  /** Whether the client waits for `100 Continue` before it sends the body. */
  waits: boolean
}

async function handle(exchange: Exchange): Promise<void> {
  const { store, message, response } = exchange
  const requestId = randomBytes(8).toString('hex')
  // What people uploaded is never a page: not even for a browser that guesses types.
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('content-security-policy', "default-src 'none'; sandbox")
  response.setHeader('x-amz-request-id', requestId)
  response.setHeader('server', 'modelport-local-s3')
  let answer: Answer
  try {
    answer = await decide(exchange)
  } catch (error) {
    // A client that went away in the middle of its body made no mistake of ours.
    if (message.destroyed && !message.complete) return void response.destroy()
    if (!(error instanceof S3Error)) console.error(`${message.method} ${message.url?.split('?')[0]}:`, error)
    const shown =
      error instanceof S3Error ? error : new S3Error('InternalError', 'This server made a mistake; its log says which.')
    answer = errorAnswer(shown, message.url?.split('?')[0] ?? '/', requestId)
  }
  if (!message.complete && message.headers['content-length'] !== '0') leaveBody(message, response)
  try {
    await sendAnswer(answer, response, message.method === 'HEAD')
  } catch (error) {
    if (!response.headersSent && (error as NodeJS.ErrnoException).code === 'ERR_INVALID_CHAR')
      response.writeHead(400).end()
    else {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE')
        console.error(`${message.method} ${message.url?.split('?')[0]}:`, error)
      response.destroy()
    }
  }

  async function decide({ config, waits }: Exchange): Promise<Answer> {
    const target = readTarget(message)
    if (target.path === '/healthz')
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"status":"ok"}' }
    const origin = message.headers.origin
    const rules = store.buckets.get(target.bucket)?.cors ?? []
    if (message.method === 'OPTIONS') return preflight(message, rules)
    const cors = origin === undefined ? null : corsHeaders(rules, origin, message.method!)
    for (const [name, value] of Object.entries(cors ?? {})) response.setHeader(name, value)
    const signed = checkSignature(
      { method: target.method, path: target.path, query: target.pairs, headers: message.headers },
      config,
    )
    const request = makeRequest(target, message, signed, () => {
      if (waits) response.writeContinue()
    })
    return route(store, target, request)
  }
}

function preflight(message: IncomingMessage, rules: Bucket['cors']): Answer {
  const { origin, 'access-control-request-method': method, 'access-control-request-headers': list } = message.headers
  if (!origin || !method)
    throw new S3Error('InvalidRequest', 'A preflight has an Origin and an Access-Control-Request-Method.')
  const headers = (list ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  const allowed = corsHeaders(rules, origin, method, headers)
  if (!allowed) throw new S3Error('AccessForbidden', 'CORSResponse: This CORS request is not allowed.')
  return emptyAnswer(200, allowed)
}

/** Reads on for a while after a refusal, then closes: a sender that is cut off at once never sees why. */
function leaveBody(message: IncomingMessage, response: ServerResponse): void {
  response.setHeader('connection', 'close')
  let left = drainBytes
  message.on('data', (piece: Buffer) => {
    left -= piece.length
    if (left < 0) message.destroy()
  })
  message.on('error', () => {})
  message.resume()
}

// Calls of S3 that are told apart by a word in the query. One that is not known here must not pass for a plain PUT or
// GET, which would overwrite an object with the text of its ACL.
const knownWords = new Set(['cors', 'delete', 'location', 'uploads', 'versioning'])
const words =
  /^(accelerate|acl|analytics|attributes|cors|delete|encryption|intelligent-tiering|inventory|legal-hold|lifecycle|location|logging|metadata\w*|metrics|notification|object-lock|ownershipControls|policy|policyStatus|publicAccessBlock|renameObject|replication|requestPayment|restore|retention|select|session|tagging|torrent|uploads|versionId|versioning|versions|website)$/

async function route(store: Store, target: Target, request: Request): Promise<Answer> {
  const word = target.pairs.map(([name]) => name).find((name) => words.test(name)) ?? ''
  if (word && !knownWords.has(word)) throw new S3Error('NotImplemented', `This server does not know ?${word}.`)
  if (target.bucket === '') return target.method === 'GET' ? listBuckets(store) : notAllowed(target)
  if (target.key === '' && target.method === 'PUT' && word === '') return createBucket(store, request)
  checkBucketName(target.bucket)
  const bucket = store.buckets.get(target.bucket)
  if (!bucket) throw new S3Error('NoSuchBucket', 'The specified bucket does not exist.')
  return target.key === '' ? routeBucket(store, bucket, request, word) : routeObject(store, bucket, request, word)
}

async function routeBucket(store: Store, bucket: Bucket, request: Request, word: string): Promise<Answer> {
  switch (`${request.method} ${word}`) {
    case 'GET ':
      return listObjects(bucket, request)
    case 'HEAD ':
      return emptyAnswer(200)
    case 'DELETE ':
      return deleteBucket(store, bucket)
    case 'GET cors':
      return readBucketCors(bucket)
    case 'PUT cors':
      return putBucketCors(store, bucket, request)
    case 'DELETE cors':
      return deleteBucketCors(store, bucket)
    case 'GET uploads':
      return listUploads(bucket, request)
    case 'POST delete':
      return deleteObjects(store, bucket, request)
    case 'GET location':
      return xmlOf('LocationConstraint')
    case 'GET versioning':
      return xmlOf('VersioningConfiguration')
  }
  return notAllowed(request)
}

async function routeObject(store: Store, bucket: Bucket, request: Request, word: string): Promise<Answer> {
  const ofUpload = request.query('uploadId') !== undefined
  switch (`${request.method} ${ofUpload ? 'uploadId' : word}`) {
    case 'GET ':
    case 'HEAD ':
      return readObject(store, bucket, request)
    case 'PUT ':
      return request.amz('x-amz-copy-source') === undefined
        ? putObject(store, bucket, request)
        : copyObject(store, bucket, request)
    case 'DELETE ':
      return deleteObject(store, bucket, request.key)
    case 'POST uploads':
      return createUpload(store, bucket, request)
    case 'PUT uploadId':
      return putPart(store, bucket, request)
    case 'GET uploadId':
      return listParts(bucket, request)
    case 'POST uploadId':
      return completeUpload(store, bucket, request)
    case 'DELETE uploadId':
      return abortUpload(store, bucket, request)
  }
  return notAllowed(request)
}

function xmlOf(root: string): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`
  return { status: 200, headers: { 'content-type': 'application/xml' }, body }
}

function notAllowed({ method }: Target): Answer {
  throw new S3Error('MethodNotAllowed', `This server does not know this ${method}.`)
}
