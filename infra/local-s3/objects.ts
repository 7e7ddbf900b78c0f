import { type Answer, emptyAnswer, xmlAnswer } from './answer.ts'
import { maxPutBytes, receiveBlob } from './body.ts'
import { checksumNames } from './checksums.ts'
import type { Request } from './request.ts'
import { S3Error } from './s3-error.ts'
import type { Blob, Bucket, ObjectRecord, Store } from './store.ts'

/** Headers that are kept with an object and sent with it, and what a signed request may override them with. */
const keptHeaders = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
]
const maxMetadataBytes = 2048
const readBytes = 256 * 1024

/** PUT of an object in one piece. */
export async function putObject(store: Store, bucket: Bucket, request: Request): Promise<Answer> {
  checkKey(request.key)
  const expected = putCondition(request)
  // Before the body, so that nobody sends gigabytes for nothing; and once more at the end.
  expected(bucket.objects.get(request.key))
  const values = readStoredHeaders(request)
  const { blob, md5, checksums } = await receiveBlob(request, store)
  const record: ObjectRecord = {
    key: request.key,
    size: blob.size,
    etag: md5,
    modifiedAt: Date.now(),
    ...values,
    checksums,
    blobs: [blob],
  }
  try {
    await store.putObject(bucket, record, expected)
  } catch (error) {
    await store.discard([blob])
    throw error
  }
  return emptyAnswer(200, { etag: `"${md5}"`, ...checksumHeaders(record) })
}

/** PUT of an object as a copy of another, in the same store. */
export async function copyObject(store: Store, bucket: Bucket, request: Request): Promise<Answer> {
  checkKey(request.key)
  const source = findSource(store, request)
  if (source.size > maxPutBytes) {
    throw new S3Error(
      'InvalidRequest',
      'The source is larger than the 5 GiB that one copy may have; copy it part by part.',
    )
  }
  const replaces = request.amz('x-amz-metadata-directive')?.toUpperCase() === 'REPLACE'
  const { headers, metadata } = replaces ? readStoredHeaders(request) : source
  const release = store.hold(source)
  const blobs: Blob[] = []
  try {
    for (const blob of source.blobs) blobs.push(await store.cloneBlob(blob))
    const record: ObjectRecord = {
      key: request.key,
      size: source.size,
      etag: source.etag,
      modifiedAt: Date.now(),
      headers,
      metadata,
      checksums: source.checksums,
      blobs,
    }
    await store.putObject(bucket, record, putCondition(request))
    return xmlAnswer('CopyObjectResult', { ETag: `"${record.etag}"`, LastModified: isoTime(record.modifiedAt) })
  } catch (error) {
    await store.discard(blobs)
    throw error
  } finally {
    release()
  }
}

/** GET and HEAD of an object, whole or one range of it. */
export function readObject(store: Store, bucket: Bucket, request: Request): Answer {
  const record = findObject(bucket, request.key)
  const unchanged = checkReadConditions(record, request)
  const headers: Record<string, string> = {
    etag: `"${record.etag}"`,
    'last-modified': new Date(record.modifiedAt).toUTCString(),
    'accept-ranges': 'bytes',
  }
  if (unchanged) return emptyAnswer(304, headers)
  Object.assign(headers, { 'content-type': 'binary/octet-stream' }, record.headers)
  for (const [name, value] of Object.entries(record.metadata)) headers[`x-amz-meta-${name}`] = value
  for (const name of keptHeaders) {
    const override = request.query(`response-${name}`)
    if (override !== undefined) headers[name] = headerText(override)
  }
  const range = readRange(request.header('range'), record.size)
  if (!range && request.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED')
    Object.assign(headers, checksumHeaders(record))
  const [first, last] = range ?? [0, record.size - 1]
  headers['content-length'] = String(last - first + 1)
  if (range) headers['content-range'] = `bytes ${first}-${last}/${record.size}`
  const release = store.hold(record)
  return { status: range ? 206 : 200, headers, stream: () => readBytesOf(store, record, first, last), done: release }
}

/** DELETE of an object, there or not. */
export async function deleteObject(store: Store, bucket: Bucket, key: string): Promise<Answer> {
  await store.deleteObject(bucket, key)
  return emptyAnswer(204)
}

/** The bytes `first` to `last`, both counted in, of an object that is held. */
export async function* readBytesOf(
  store: Store,
  record: ObjectRecord,
  first: number,
  last: number,
): AsyncGenerator<Buffer> {
  let start = 0
  for (const blob of record.blobs) {
    const from = Math.max(first - start, 0)
    const to = Math.min(last - start, blob.size - 1)
    start += blob.size
    if (from > to) continue
    const file = await store.openBlob(blob)
    try {
      for (let at = from; at <= to; ) {
        const buffer = Buffer.allocUnsafe(Math.min(readBytes, to - at + 1))
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at)
        if (bytesRead === 0) throw new Error(`The blob ${blob.id} is shorter than its record says.`)
        yield buffer.subarray(0, bytesRead)
        at += bytesRead
      }
    } finally {
      await file.close()
    }
  }
}

export function findObject(bucket: Bucket, key: string): ObjectRecord {
  const record = bucket.objects.get(key)
  if (!record) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
  return record
}

/** The object that `x-amz-copy-source` names: `/bucket/key`, percent-encoded. */
export function findSource(store: Store, request: Request): ObjectRecord {
  let path: string
  try {
    path = decodeURIComponent(request.amz('x-amz-copy-source')!).replace(/^\//, '')
  } catch {
    throw new S3Error('InvalidArgument', 'x-amz-copy-source is not percent-encoded UTF-8.')
  }
  const slash = path.indexOf('/')
  const bucket = store.buckets.get(path.slice(0, Math.max(slash, 0)))
  if (!bucket) throw new S3Error('NoSuchBucket', 'The bucket of the copy source does not exist.')
  const source = findObject(bucket, path.slice(slash + 1))
  const wanted = request.amz('x-amz-copy-source-if-match')
  if (wanted !== undefined && !namesEtag(wanted, source.etag)) {
    throw new S3Error('PreconditionFailed', 'The copy source has another ETag.')
  }
  return source
}

/** One range `bytes=a-b`, `bytes=a-` or `bytes=-n` as first and last byte; null when the header asks for none that S3 knows. */
export function readRange(header: string | undefined, size: number): [number, number] | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  if (!match || (!match[1] && !match[2])) return null
  const [, from, to] = match
  const [first, last] = from
    ? [Number(from), to ? Math.min(Number(to), size - 1) : size - 1]
    : [Math.max(size - Number(to), 0), size - 1]
  // RFC 9110, 14.1.1: a range whose end lies before its start is none at all.
  if (from && to && Number(to) < Number(from)) return null
  if (first > last) throw new S3Error('InvalidRange', 'The range lies outside of the object.')
  return [first, last]
}

/** Refuses keys that S3 refuses, and those that its XML lists could not carry. */
export function checkKey(key: string): void {
  if (Buffer.byteLength(key) > 1024) throw new S3Error('KeyTooLongError', 'A key has at most 1024 bytes.')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are refused
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(key)) {
    throw new S3Error('InvalidURI', 'The key holds a control character.')
  }
}

/** The headers and metadata that a PUT or a new upload leaves with its object. */
export function readStoredHeaders(request: Request): Pick<ObjectRecord, 'headers' | 'metadata'> {
  const headers: Record<string, string> = {}
  for (const name of keptHeaders) {
    const value = request.header(name)
    // `aws-chunked` is how the body travels, not how it is coded.
    const kept = name === 'content-encoding' ? value?.replace(/\s*aws-chunked\s*,?/, '') : value
    if (kept) headers[name] = kept
  }
  const metadata: Record<string, string> = {}
  let bytes = 0
  for (const [name, value] of request.metadata()) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value)
    metadata[name] = headerText(value)
  }
  if (bytes > maxMetadataBytes) throw new S3Error('InvalidArgument', 'The metadata has more than 2 KiB.')
  return { headers, metadata }
}

/** What `If-Match` and `If-None-Match` of a PUT demand of what is there now. */
export function putCondition(request: Request): (now: ObjectRecord | undefined) => void {
  const ifNoneMatch = request.header('if-none-match')
  const ifMatch = request.header('if-match')
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new S3Error('NotImplemented', 'If-None-Match of a PUT knows only *.')
  }
  return (now) => {
    if (ifNoneMatch && now)
      throw new S3Error(
        'PreconditionFailed',
        'At least one of the pre-conditions you specified did not hold: the key exists.',
      )
    if (ifMatch !== undefined && !now) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
    if (ifMatch !== undefined && now && !namesEtag(ifMatch, now.etag)) {
      throw new S3Error(
        'PreconditionFailed',
        'At least one of the pre-conditions you specified did not hold: the ETag is another.',
      )
    }
  }
}

/** RFC 9110, 13.2.2. True when the client has it already. */
function checkReadConditions(record: ObjectRecord, request: Request): boolean {
  const seconds = Math.floor(record.modifiedAt / 1000) * 1000
  const ifMatch = request.header('if-match')
  const unmodifiedSince = Date.parse(request.header('if-unmodified-since') ?? '')
  if (ifMatch === undefined ? seconds > unmodifiedSince : !namesEtag(ifMatch, record.etag)) {
    throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold.')
  }
  const ifNoneMatch = request.header('if-none-match')
  if (ifNoneMatch !== undefined) return namesEtag(ifNoneMatch, record.etag)
  return seconds <= Date.parse(request.header('if-modified-since') ?? '')
}

function namesEtag(list: string, etag: string): boolean {
  return list.split(',').some((item) =>
    ['*', etag].includes(
      item
        .trim()
        .replace(/^W\//, '')
        .replace(/^"(.*)"$/, '$1'),
    ),
  )
}

export function checksumHeaders(record: Pick<ObjectRecord, 'checksums'>): Record<string, string> {
  return Object.fromEntries(
    checksumNames.flatMap((name) =>
      record.checksums[name] ? [[`x-amz-checksum-${name}`, record.checksums[name]]] : [],
    ),
  )
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

/** Refuses what would end a header, as an `response-content-disposition` could try. */
function headerText(text: string): string {
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text))
    throw new S3Error('InvalidArgument', 'A header value holds characters that headers cannot carry.')
  return text
}
