import type { IncomingMessage } from 'node:http'
import { S3Error } from './s3-error.ts'
import type { Signed } from './signature.ts'

/** What a request asks for, before anyone looked at who sent it. */
export interface Target {
  method: string
  /** Decoded, with its leading slash. */
  path: string
  bucket: string
  /** Empty for the bucket itself. */
  key: string
  pairs: readonly (readonly [string, string])[]
}

/** A request whose signature was checked. */
export interface Request extends Target {
  signed: Signed
  query(name: string): string | undefined
  header(name: string): string | undefined
  /** An `x-amz-` value; a signed URL carries them in its query. */
  amz(name: string): string | undefined
  /** The `x-amz-meta-` values, by name without the prefix. */
  metadata(): [string, string][]
  /** Tells a sender that waits for it to send the body. */
  acceptBody(): void
  body(): AsyncIterable<Buffer>
}

/** Reads bucket and key from a path-style URL. The path is never normalised: a key may hold `..`, and it leads nowhere. */
export function readTarget(message: IncomingMessage): Target {
  const [rawPath = '/', rawQuery = ''] = splitOnce(message.url ?? '/', '?')
  const path = decode(rawPath)
  const [bucket, key] = splitOnce(path.slice(1), '/')
  if (!path.startsWith('/')) throw new S3Error('InvalidURI', 'The request names no path.')
  const pairs = rawQuery
    .split('&')
    .filter(Boolean)
    .map((pair) => splitOnce(pair, '=').map((part) => decode(part.replaceAll('+', ' '))) as [string, string])
  return { method: message.method!, path, bucket, key, pairs }
}

/** Joins what was asked with who asked it. */
export function makeRequest(target: Target, message: IncomingMessage, signed: Signed, acceptBody: () => void): Request {
  const query = new Map(target.pairs)
  const header = (name: string) => {
    const value = message.headers[name]
    return Array.isArray(value) ? value.join(',') : value
  }
  return {
    ...target,
    signed,
    query: (name) => query.get(name),
    header,
    amz: (name) => header(name) ?? query.get(name),
    metadata: () => {
      const values = new Map([...query, ...Object.keys(message.headers).map((name) => [name, header(name)!] as const)])
      return [...values]
        .map(([name, value]): [string, string] => [name.toLowerCase(), value])
        .filter(([name]) => name.startsWith('x-amz-meta-'))
        .map(([name, value]) => [name.slice('x-amz-meta-'.length), value])
    },
    acceptBody,
    body: () => message as AsyncIterable<Buffer>,
  }
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error('InvalidURI', 'The URL is not percent-encoded UTF-8.')
  }
}
