import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { decodeAwsChunked } from './aws-chunked.ts'
import { beginChecksum, type ChecksumName, checksumNames } from './checksums.ts'
import type { Request } from './request.ts'
import { S3Error } from './s3-error.ts'
import type { Signed } from './signature.ts'
import type { Blob, Store } from './store.ts'

/** AWS: the longest body of one PUT, and the longest part, in bytes (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html). */
export const maxPutBytes = 5 * 1024 ** 3

const chunkedPayloads = new Set([
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
])

/** A body that was received whole, lies on the disk and is what its sender said. */
export interface Received {
  blob: Blob
  /** Hex. */
  md5: string
  /** Base64, for each checksum that the sender named. */
  checksums: Partial<Record<ChecksumName, string>>
}

/** Streams a request's body to a new blob and checks it against every length, hash and checksum that the request names. */
export async function receiveBlob(request: Request, store: Store): Promise<Received> {
  const { signed } = request
  const chunked = chunkedPayloads.has(signed.payload)
  const length = declaredLength(request, chunked)
  if (length > maxPutBytes)
    throw new S3Error('EntityTooLarge', 'One PUT holds at most 5 GiB; send the object in parts.')
  const trailers = new Map<string, string>()
  const checks = new Checks(request)
  const blob = await store.writeBlob(async (file) => {
    request.acceptBody()
    const raw = request.body()
    const body = chunked
      ? decodeAwsChunked(raw, trailers, signed.payload.startsWith('STREAMING-AWS4') ? signed : null)
      : raw
    const size = await copyTo(file, body, length, checks)
    if (size !== length)
      throw new S3Error('IncompleteBody', `The body has ${size} bytes, and ${length} were announced.`)
    checks.end(trailers)
    return size
  })
  return { blob, md5: checks.md5, checksums: checks.found }
}

/** Reads a small body whole, such as a request's XML; refuses one of more than `maxBytes`. */
export async function receiveSmall(request: Request, maxBytes: number): Promise<Buffer> {
  if (Number(request.header('content-length') ?? 0) > maxBytes)
    throw new S3Error('EntityTooLarge', 'The request is too long.')
  request.acceptBody()
  const checks = new Checks(request)
  const pieces: Buffer[] = []
  let size = 0
  const chunked = chunkedPayloads.has(request.signed.payload)
  const trailers = new Map<string, string>()
  for await (const piece of chunked
    ? decodeAwsChunked(request.body(), trailers, signedChunks(request.signed))
    : request.body()) {
    size += piece.length
    if (size > maxBytes) throw new S3Error('EntityTooLarge', 'The request is too long.')
    checks.update(piece)
    pieces.push(piece)
  }
  checks.end(trailers)
  return Buffer.concat(pieces)
}

function signedChunks(signed: Signed): Signed | null {
  return signed.payload.startsWith('STREAMING-AWS4') ? signed : null
}

function declaredLength(request: Request, chunked: boolean): number {
  const text = request.header(chunked ? 'x-amz-decoded-content-length' : 'content-length')
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.')
  }
  return Number(text)
}

// Fewer and larger writes: a socket hands over 64 KiB at most.
const writeBytes = 1024 * 1024

async function copyTo(file: FileHandle, body: AsyncIterable<Buffer>, length: number, checks: Checks): Promise<number> {
  let size = 0
  let waiting: Buffer[] = []
  let waitingBytes = 0
  const write = async () => {
    await writeAll(file, Buffer.concat(waiting))
    waiting = []
    waitingBytes = 0
  }
  for await (const piece of body) {
    size += piece.length
    if (size > length)
      throw new S3Error('IncompleteBody', `The body is longer than the ${length} bytes that were announced.`)
    checks.update(piece)
    waiting.push(piece)
    waitingBytes += piece.length
    if (waitingBytes >= writeBytes) await write()
  }
  if (waitingBytes) await write()
  return size
}

/** Writes all of it; the system may take less at a time. */
export async function writeAll(file: FileHandle, data: Buffer): Promise<void> {
  for (let at = 0; at < data.length; ) at += (await file.write(data, at)).bytesWritten
}

/** The hashes of one body, as named by its sender in headers, in the query of a signed URL, or in trailers. */
class Checks {
  md5 = ''
  found: Partial<Record<ChecksumName, string>> = {}
  #request: Request
  #md5 = createHash('md5')
  #sha256 = createHash('sha256')
  #wantsSha256: boolean
  #running: Map<ChecksumName, ReturnType<typeof beginChecksum>>

  constructor(request: Request) {
    this.#request = request
    this.#wantsSha256 = /^[0-9a-f]{64}$/.test(request.signed.payload)
    if (
      !this.#wantsSha256 &&
      request.signed.payload !== 'UNSIGNED-PAYLOAD' &&
      !chunkedPayloads.has(request.signed.payload)
    ) {
      throw new S3Error(
        'InvalidArgument',
        'x-amz-content-sha256 is neither a SHA-256 nor a word that this server knows.',
      )
    }
    // A trailer's value comes last, so its name has to come first.
    const announced = (request.header('x-amz-trailer') ?? '').toLowerCase().split(/\s*,\s*/)
    const wanted = checksumNames.filter(
      (name) => request.amz(`x-amz-checksum-${name}`) !== undefined || announced.includes(`x-amz-checksum-${name}`),
    )
    this.#running = new Map(wanted.map((name) => [name, beginChecksum(name)]))
  }

  update(piece: Buffer): void {
    this.#md5.update(piece)
    if (this.#wantsSha256) this.#sha256.update(piece)
    for (const checksum of this.#running.values()) checksum.update(piece)
  }

  end(trailers: Map<string, string>): void {
    const md5 = this.#md5.digest()
    this.md5 = md5.toString('hex')
    const claimed = this.#request.header('content-md5')
    if (claimed !== undefined) {
      if (!/^[A-Za-z0-9+/]{22}==$/.test(claimed))
        throw new S3Error('InvalidDigest', 'The Content-MD5 is not an MD5 in base64.')
      if (claimed !== md5.toString('base64')) throw new S3Error('BadDigest', 'The Content-MD5 does not match the body.')
    }
    if (this.#wantsSha256 && this.#sha256.digest('hex') !== this.#request.signed.payload) {
      throw new S3Error('XAmzContentSHA256Mismatch', 'The x-amz-content-sha256 does not match the body.')
    }
    for (const [name, checksum] of this.#running) {
      const value = checksum.digest().toString('base64')
      const header = `x-amz-checksum-${name}`
      if ((this.#request.amz(header) ?? trailers.get(header)) !== value) {
        throw new S3Error('BadDigest', `The ${header} does not match the body.`)
      }
      this.found[name] = value
    }
  }
}
