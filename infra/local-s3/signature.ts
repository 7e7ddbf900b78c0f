import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { S3Error } from './s3-error.ts'

// AWS Signature Version 4 for S3, in the header and in the query:
// docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
}

/** What a signature is checked over: the request as it arrived. */
export interface SignedRequest {
  method: string
  /** Decoded, with its leading slash. */
  path: string
  /** Decoded pairs in the order in which they came. */
  query: readonly (readonly [string, string])[]
  headers: IncomingHttpHeaders
}

/** What a checked signature says about the body, and what signs the pieces of a body that comes in pieces. */
export interface Signed {
  /** Hex SHA-256 of the body, or one of S3's words such as `UNSIGNED-PAYLOAD`. */
  payload: string
  signature: string
  signingKey: Buffer
  /** `20261120T120000Z` */
  date: string
  scope: string
}

const algorithm = 'AWS4-HMAC-SHA256'
const maxSkewMs = 15 * 60_000
const maxExpirySeconds = 7 * 24 * 3600

/** Checks who signed the request and when, or throws S3's refusal. An unsigned request is always refused. */
export function checkSignature(request: SignedRequest, credentials: Credentials, now = Date.now()): Signed {
  const query = new Map(request.query.map(([name, value]) => [name, value]))
  const inQuery = query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature')
  if (inQuery && request.headers.authorization) {
    throw new S3Error(
      'InvalidArgument',
      'Only one of the Authorization header and the X-Amz-Algorithm parameter is allowed.',
    )
  }
  if (inQuery) return checkQuery(request, query, credentials, now)
  if (request.headers.authorization) return checkHeader(request, credentials, now)
  throw new S3Error('AccessDenied', 'The request is not signed.')
}

function checkHeader(request: SignedRequest, credentials: Credentials, now: number): Signed {
  const header = request.headers.authorization!
  const match = /^AWS4-HMAC-SHA256 Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/.exec(
    header,
  )
  if (!match)
    throw new S3Error('AuthorizationHeaderMalformed', 'The Authorization header is not a version 4 signature.')
  const date = one(request.headers['x-amz-date'])
  const payload = one(request.headers['x-amz-content-sha256'])
  if (!payload) throw new S3Error('InvalidRequest', 'The header x-amz-content-sha256 is missing.')
  if (Math.abs(timeOf(date) - now) > maxSkewMs) {
    throw new S3Error('RequestTimeTooSkewed', 'The time of the request and the time of this server differ too much.')
  }
  return check({
    request,
    credentials,
    credential: match[1]!,
    signedHeaders: match[2]!,
    signature: match[3]!,
    date: date!,
    payload,
  })
}

function checkQuery(request: SignedRequest, query: Map<string, string>, credentials: Credentials, now: number): Signed {
  const read = (name: string) => {
    const value = query.get(name)
    if (!value) throw new S3Error('AuthorizationHeaderMalformed', `The query parameter ${name} is missing.`)
    return value
  }
  if (read('X-Amz-Algorithm') !== algorithm) {
    throw new S3Error('AuthorizationHeaderMalformed', 'X-Amz-Algorithm is not AWS4-HMAC-SHA256.')
  }
  const date = read('X-Amz-Date')
  const seconds = Number(read('X-Amz-Expires'))
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > maxExpirySeconds) {
    throw new S3Error('AuthorizationHeaderMalformed', 'X-Amz-Expires is from 1 to 604800 seconds.')
  }
  const signedAt = timeOf(date)
  if (signedAt - now > maxSkewMs) throw new S3Error('AccessDenied', 'The request is not valid yet.')
  if (now > signedAt + seconds * 1000) throw new S3Error('AccessDenied', 'Request has expired')
  const payload =
    one(request.headers['x-amz-content-sha256']) ?? query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD'
  return check({
    request: { ...request, query: request.query.filter(([name]) => name !== 'X-Amz-Signature') },
    credentials,
    credential: read('X-Amz-Credential'),
    signedHeaders: read('X-Amz-SignedHeaders'),
    signature: read('X-Amz-Signature'),
    date,
    payload,
  })
}

interface Claim {
  request: SignedRequest
  credentials: Credentials
  credential: string
  signedHeaders: string
  signature: string
  date: string
  payload: string
}

function check({ request, credentials, credential, signedHeaders, signature, date, payload }: Claim): Signed {
  const [accessKeyId, day, region, service, end, ...more] = credential.split('/')
  if (service !== 's3' || end !== 'aws4_request' || !region || more.length || day !== date.slice(0, 8)) {
    throw new S3Error(
      'AuthorizationHeaderMalformed',
      'The credential is not KEY/DAY/REGION/s3/aws4_request for the day of the request.',
    )
  }
  const names = signedHeaders.split(';')
  requireSignedHeaders(request.headers, names)
  const scope = `${day}/${region}/s3/aws4_request`
  const canonical = [
    request.method,
    encode(request.path).replaceAll('%2F', '/'),
    canonicalQuery(request.query),
    ...names.map((name) => `${name}:${headerValue(request.headers, name)}`),
    '',
    signedHeaders,
    payload,
  ].join('\n')
  const signingKey = [day!, region, 's3', 'aws4_request'].reduce(
    hmac,
    Buffer.from(`AWS4${credentials.secretAccessKey}`),
  )
  const expected = hmac(signingKey, [algorithm, date, scope, sha256(canonical)].join('\n')).toString('hex')
  // The signature is compared for a wrong key id too, so that both refusals take equally long.
  const matches = isEqual(expected, signature)
  if (!isEqual(accessKeyId!, credentials.accessKeyId)) {
    throw new S3Error('InvalidAccessKeyId', 'The access key is not known here.')
  }
  if (!matches) {
    throw new S3Error(
      'SignatureDoesNotMatch',
      'The signature does not match the request: it was signed for another one, or with another secret.',
    )
  }
  return { payload, signature, signingKey, date, scope }
}

/** S3 demands that the host and every x-amz header are signed, so that nobody on the way adds one. */
function requireSignedHeaders(headers: IncomingHttpHeaders, names: readonly string[]): void {
  const unsigned = Object.keys(headers).filter((name) => name.startsWith('x-amz-') && !names.includes(name))
  if (!names.includes('host')) unsigned.push('host')
  if (unsigned.length)
    throw new S3Error('AccessDenied', `There were headers present which were not signed: ${unsigned.join(', ')}`)
}

/** Checks the signature of one chunk of a body and returns it, for the next one is signed over it. */
export function checkChunkSignature(
  signed: Signed,
  previous: string,
  sha256OfChunk: string,
  signature: string,
): string {
  const text = ['AWS4-HMAC-SHA256-PAYLOAD', signed.date, signed.scope, previous, sha256(''), sha256OfChunk].join('\n')
  if (!isEqual(hmac(signed.signingKey, text).toString('hex'), signature)) {
    throw new S3Error('SignatureDoesNotMatch', 'The signature of a chunk does not match its bytes.')
  }
  return signature
}

/** Checks the signature of the trailers that follow the last chunk; `trailers` are the lines `name:value` with their ends. */
export function checkTrailerSignature(signed: Signed, previous: string, trailers: string, signature: string): void {
  const text = ['AWS4-HMAC-SHA256-TRAILER', signed.date, signed.scope, previous, sha256(trailers)].join('\n')
  if (!isEqual(hmac(signed.signingKey, text).toString('hex'), signature)) {
    throw new S3Error('SignatureDoesNotMatch', 'The signature of the trailers does not match them.')
  }
}

function canonicalQuery(query: SignedRequest['query']): string {
  return query
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => order(a, b) || order(x, y))
    .map((pair) => pair.join('='))
    .join('&')
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function headerValue(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name]
  return (Array.isArray(value) ? value.join(',') : (value ?? '')).trim().replace(/ +/g, ' ')
}

/** Milliseconds of a date such as `20261120T120000Z`. */
function timeOf(date: string | undefined): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date ?? '')
  if (!match) throw new S3Error('AccessDenied', 'The request carries no date of the form 20261120T120000Z.')
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number)
  return Date.UTC(year!, month! - 1, day, hour, minute, second)
}

/** RFC 3986, with only its unreserved characters left as they are. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

// Hashes have one length, whatever was claimed.
function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
