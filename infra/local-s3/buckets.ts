import { type Answer, emptyAnswer, xmlAnswer } from './answer.ts'
import { receiveSmall } from './body.ts'
import { corsFields, readCors } from './cors.ts'
import { pageSize } from './multipart.ts'
import { checkKey, isoTime } from './objects.ts'
import type { Request } from './request.ts'
import { S3Error } from './s3-error.ts'
import { compareKeys } from './sorted-keys.ts'
import type { Bucket, Store } from './store.ts'
import { parseXml, textOf, type XmlFields } from './xml.ts'

const maxXmlBytes = 2 * 1024 * 1024
const maxDeletes = 1000

/** GET of the service: the buckets. */
export function listBuckets(store: Store): Answer {
  const buckets = [...store.buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  return xmlAnswer('ListAllMyBucketsResult', {
    Owner: { ID: 'local', DisplayName: 'local' },
    Buckets: { Bucket: buckets.map(({ name, createdAt }) => ({ Name: name, CreationDate: isoTime(createdAt) })) },
  })
}

/** PUT of a bucket; one that is there stays as it is. */
export async function createBucket(store: Store, request: Request): Promise<Answer> {
  checkBucketName(request.bucket)
  await receiveSmall(request, maxXmlBytes)
  await store.createBucket(request.bucket)
  return emptyAnswer(200, { location: `/${request.bucket}` })
}

/** docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and `healthz`, which is ours. */
export function checkBucketName(name: string): void {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) || name.includes('..') || name === 'healthz') {
    throw new S3Error('InvalidBucketName', 'The name of a bucket is 3 to 63 of a-z, 0-9, dot and hyphen.')
  }
}

export async function deleteBucket(store: Store, bucket: Bucket): Promise<Answer> {
  await store.deleteBucket(bucket)
  return emptyAnswer(204)
}

export function readBucketCors(bucket: Bucket): Answer {
  if (bucket.cors.length === 0) throw new S3Error('NoSuchCORSConfiguration', 'The CORS configuration does not exist.')
  return xmlAnswer('CORSConfiguration', corsFields(bucket.cors))
}

export async function putBucketCors(store: Store, bucket: Bucket, request: Request): Promise<Answer> {
  await store.setCors(bucket, readCors(parseXml((await receiveSmall(request, maxXmlBytes)).toString())))
  return emptyAnswer(200)
}

export async function deleteBucketCors(store: Store, bucket: Bucket): Promise<Answer> {
  await store.setCors(bucket, [])
  return emptyAnswer(204)
}

/** POST ?delete: up to 1000 objects in one request. */
export async function deleteObjects(store: Store, bucket: Bucket, request: Request): Promise<Answer> {
  const root = parseXml((await receiveSmall(request, maxXmlBytes)).toString())
  const keys = root.children
    .filter(({ name }) => name === 'Object')
    .map((object) => object.children.find(({ name }) => name === 'Key')?.text ?? '')
  if (root.name !== 'Delete' || keys.length === 0 || keys.length > maxDeletes) {
    throw new S3Error('MalformedXML', 'A Delete lists 1 to 1000 objects.')
  }
  for (const key of keys) checkKey(key)
  for (const key of keys) await store.deleteObject(bucket, key)
  return xmlAnswer('DeleteResult', { Deleted: textOf(root, 'Quiet') === 'true' ? [] : keys.map((Key) => ({ Key })) })
}

/** GET of a bucket: its objects in pages, in either version of the call. */
export function listObjects(bucket: Bucket, request: Request): Answer {
  const second = request.query('list-type') === '2'
  const most = pageSize(request.query('max-keys'))
  const prefix = request.query('prefix') ?? ''
  const delimiter = request.query('delimiter') ?? ''
  const encodes = request.query('encoding-type') === 'url'
  const token = request.query('continuation-token')
  const marker = second
    ? token === undefined
      ? (request.query('start-after') ?? '')
      : readToken(token)
    : (request.query('marker') ?? '')
  const { keys, prefixes, next } = page(bucket, { prefix, delimiter, marker, most })
  const shown = (text: string) => (encodes ? encodeURIComponent(text).replaceAll('%2F', '/') : text)
  const contents = keys.map((key): XmlFields => {
    const { etag, size, modifiedAt } = bucket.objects.get(key)!
    return {
      Key: shown(key),
      LastModified: isoTime(modifiedAt),
      ETag: `"${etag}"`,
      Size: size,
      StorageClass: 'STANDARD',
    }
  })
  return xmlAnswer('ListBucketResult', {
    Name: bucket.name,
    Prefix: shown(prefix),
    Delimiter: delimiter ? shown(delimiter) : undefined,
    EncodingType: encodes ? 'url' : undefined,
    MaxKeys: most,
    IsTruncated: next !== null,
    ...(second
      ? {
          KeyCount: keys.length + prefixes.length,
          ContinuationToken: token,
          StartAfter: request.query('start-after') === undefined ? undefined : shown(request.query('start-after')!),
          NextContinuationToken: next === null ? undefined : Buffer.from(next).toString('base64url'),
        }
      : { Marker: shown(marker), NextMarker: next === null ? undefined : shown(next) }),
    Contents: contents,
    CommonPrefixes: prefixes.map((Prefix) => ({ Prefix: shown(Prefix) })),
  })
}

interface Page {
  keys: string[]
  prefixes: string[]
  /** The key or common prefix after which the next page begins; null on the last page. */
  next: string | null
}

function page(bucket: Bucket, wanted: { prefix: string; delimiter: string; marker: string; most: number }): Page {
  const { prefix, delimiter, marker, most } = wanted
  const found: Page = { keys: [], prefixes: [], next: null }
  if (most === 0) return found
  let last = ''
  // A common prefix stands for all keys below it, so a marker that is one skips them all.
  for (const key of bucket.keys.from(compareKeys(marker, prefix) > 0 ? marker : prefix)) {
    if (!key.startsWith(prefix)) break
    const cut = delimiter ? key.indexOf(delimiter, prefix.length) : -1
    const group = cut < 0 ? null : key.slice(0, cut + delimiter.length)
    if (key === marker || (group !== null && (group === marker || group === found.prefixes.at(-1)))) continue
    if (found.keys.length + found.prefixes.length === most) {
      found.next = last
      break
    }
    if (group === null) found.keys.push(key)
    else found.prefixes.push(group)
    last = group ?? key
  }
  return found
}

function readToken(token: string): string {
  if (!/^[\w-]*$/.test(token)) throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect.')
  return Buffer.from(token, 'base64url').toString()
}
