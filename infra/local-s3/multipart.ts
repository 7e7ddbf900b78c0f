import { createHash } from 'node:crypto'
import { type Answer, emptyAnswer, xmlAnswer } from './answer.ts'
import { maxPutBytes, receiveBlob, receiveSmall, writeAll } from './body.ts'
import { beginChecksum, checksumNames } from './checksums.ts'
import {
  checkKey,
  checksumHeaders,
  findSource,
  isoTime,
  putCondition,
  readBytesOf,
  readRange,
  readStoredHeaders,
} from './objects.ts'
import type { Request } from './request.ts'
import { S3Error } from './s3-error.ts'
import type { Bucket, Checksums, ObjectRecord, PartRecord, Store, Upload } from './store.ts'
import { type Element, parseXml, textOf } from './xml.ts'

// docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const minPartBytes = 5 * 1024 ** 2
const maxParts = 10_000
const maxXmlBytes = 8 * 1024 * 1024

/** POST ?uploads: begins an upload. */
export async function createUpload(store: Store, bucket: Bucket, request: Request): Promise<Answer> {
  checkKey(request.key)
  const upload = await store.createUpload(bucket, { key: request.key, ...readStoredHeaders(request) })
  const chosen = ['x-amz-checksum-algorithm', 'x-amz-checksum-type'].flatMap((name) => {
    const value = request.amz(name)
    return value ? [[name, value]] : []
  })
  return xmlAnswer(
    'InitiateMultipartUploadResult',
    { Bucket: bucket.name, Key: upload.key, UploadId: upload.id },
    Object.fromEntries(chosen),
  )
}

/** PUT ?partNumber&uploadId: one part, from the body or from another object. */
export async function putPart(store: Store, bucket: Bucket, request: Request): Promise<Answer> {
  const upload = findUpload(bucket, request)
  const number = Number(request.query('partNumber'))
  if (!Number.isInteger(number) || number < 1 || number > maxParts) {
    throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive.')
  }
  const copies = request.amz('x-amz-copy-source') !== undefined
  const { blob, md5, checksums } = copies ? await copyPart(store, request) : await receiveBlob(request, store)
  const part: PartRecord = { number, blob, etag: md5, modifiedAt: Date.now(), checksums }
  try {
    await store.putPart(bucket, upload, part)
  } catch (error) {
    await store.discard([blob])
    throw error
  }
  if (copies) return xmlAnswer('CopyPartResult', { ETag: `"${md5}"`, LastModified: isoTime(part.modifiedAt) })
  return emptyAnswer(200, { etag: `"${md5}"`, ...checksumHeaders(part) })
}

async function copyPart(
  store: Store,
  request: Request,
): Promise<{ blob: PartRecord['blob']; md5: string; checksums: Checksums }> {
  const source = findSource(store, request)
  const header = request.amz('x-amz-copy-source-range')
  const range = readRange(header, source.size)
  if (header !== undefined && (!range || range[1] !== Number(header.split('-')[1]))) {
    throw new S3Error('InvalidArgument', 'x-amz-copy-source-range is bytes=first-last within the source.')
  }
  const [first, last] = range ?? [0, source.size - 1]
  if (last - first + 1 > maxPutBytes) throw new S3Error('EntityTooLarge', 'A part has at most 5 GiB.')
  const release = store.hold(source)
  const hash = createHash('md5')
  try {
    const blob = await store.writeBlob(async (file) => {
      for await (const piece of readBytesOf(store, source, first, last)) {
        hash.update(piece)
        await writeAll(file, piece)
      }
      return last - first + 1
    })
    return { blob, md5: hash.digest('hex'), checksums: {} }
  } finally {
    release()
  }
}

/** POST ?uploadId: makes one object of the parts that the request lists. No byte is moved: the object is the list. */
export async function completeUpload(store: Store, bucket: Bucket, request: Request): Promise<Answer> {
  const id = request.query('uploadId')!
  const wanted = readParts(parseXml((await receiveSmall(request, maxXmlBytes)).toString()))
  const expected = putCondition(request)
  const record = await store.exclusive(`upload ${id}`, async () => {
    // Sent twice, for the first answer was lost on the way: the second is the same.
    const done = bucket.objects.get(request.key)
    if (!bucket.uploads.has(id) && done?.uploadId === id && done.etag === etagOf(wanted)) return done
    const upload = findUpload(bucket, request)
    const parts = wanted.map((part, i) => checkPart(upload, part, i === wanted.length - 1))
    const made: ObjectRecord = {
      key: upload.key,
      size: parts.reduce((sum, { blob }) => sum + blob.size, 0),
      etag: etagOf(parts),
      modifiedAt: Date.now(),
      headers: upload.headers,
      metadata: upload.metadata,
      checksums: compositeChecksums(parts),
      blobs: parts.map(({ blob }) => blob),
      uploadId: id,
    }
    const size = request.amz('x-amz-mp-object-size')
    if (size !== undefined && Number(size) !== made.size) {
      throw new S3Error(
        'InvalidRequest',
        `The parts have ${made.size} bytes together, and x-amz-mp-object-size says ${size}.`,
      )
    }
    await store.putObject(bucket, made, expected)
    await store.endUpload(bucket, upload, made.blobs)
    return made
  })
  return xmlAnswer('CompleteMultipartUploadResult', {
    Location: `/${bucket.name}/${record.key}`,
    Bucket: bucket.name,
    Key: record.key,
    ETag: `"${record.etag}"`,
  })
}

/** DELETE ?uploadId: forgets an upload and its parts. */
export async function abortUpload(store: Store, bucket: Bucket, request: Request): Promise<Answer> {
  const { id } = findUpload(bucket, request)
  await store.exclusive(`upload ${id}`, async () => store.endUpload(bucket, findUpload(bucket, request)))
  return emptyAnswer(204)
}

/** GET ?uploadId: the parts that arrived, in pages. */
export function listParts(bucket: Bucket, request: Request): Answer {
  const upload = findUpload(bucket, request)
  const most = pageSize(request.query('max-parts'))
  const after = Number(request.query('part-number-marker') ?? 0)
  const rest = [...upload.parts.values()].filter(({ number }) => number > after).sort((a, b) => a.number - b.number)
  const page = rest.slice(0, most)
  return xmlAnswer('ListPartsResult', {
    Bucket: bucket.name,
    Key: upload.key,
    UploadId: upload.id,
    StorageClass: 'STANDARD',
    PartNumberMarker: after,
    NextPartNumberMarker: page.at(-1)?.number ?? after,
    MaxParts: most,
    IsTruncated: rest.length > page.length,
    Part: page.map((part) => ({
      PartNumber: part.number,
      LastModified: isoTime(part.modifiedAt),
      ETag: `"${part.etag}"`,
      Size: part.blob.size,
      ...Object.fromEntries(checksumNames.map((name) => [`Checksum${name.toUpperCase()}`, part.checksums[name]])),
    })),
  })
}

/** GET ?uploads: the uploads that are under way, in pages, by key and then by id. */
export function listUploads(bucket: Bucket, request: Request): Answer {
  const most = pageSize(request.query('max-uploads'))
  const prefix = request.query('prefix') ?? ''
  const [keyMarker, idMarker] = [request.query('key-marker') ?? '', request.query('upload-id-marker') ?? '']
  const isAfter = ({ key, id }: Upload) => key > keyMarker || (key === keyMarker && idMarker !== '' && id > idMarker)
  const rest = [...bucket.uploads.values()]
    .filter((upload) => upload.key.startsWith(prefix) && isAfter(upload))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.id < b.id ? -1 : 1))
  const page = rest.slice(0, most)
  const cut = rest.length > page.length
  return xmlAnswer('ListMultipartUploadsResult', {
    Bucket: bucket.name,
    Prefix: prefix,
    KeyMarker: keyMarker,
    UploadIdMarker: idMarker,
    NextKeyMarker: cut ? page.at(-1)?.key : undefined,
    NextUploadIdMarker: cut ? page.at(-1)?.id : undefined,
    MaxUploads: most,
    IsTruncated: cut,
    Upload: page.map(({ key, id, startedAt }) => ({
      Key: key,
      UploadId: id,
      StorageClass: 'STANDARD',
      Initiated: isoTime(startedAt),
    })),
  })
}

/** S3's pages have at most 1000 entries. */
export function pageSize(text: string | undefined): number {
  const size = Number(text ?? 1000)
  if (!Number.isInteger(size) || size < 0) throw new S3Error('InvalidArgument', 'The size of a page is a whole number.')
  return Math.min(size, 1000)
}

/** An upload belongs to its key: its id with another key is no upload. */
function findUpload(bucket: Bucket, request: Request): Upload {
  const upload = bucket.uploads.get(request.query('uploadId') ?? '')
  if (upload?.key !== request.key) {
    throw new S3Error('NoSuchUpload', 'The upload does not exist: it was never begun, or it was completed or aborted.')
  }
  return upload
}

interface WantedPart {
  number: number
  etag: string
  checksums: Checksums
}

function readParts(root: Element): WantedPart[] {
  const parts = root.children
    .filter(({ name }) => name === 'Part')
    .map((part) => ({
      number: Number(textOf(part, 'PartNumber')),
      etag: (textOf(part, 'ETag') ?? '').replace(/^"(.*)"$/, '$1'),
      checksums: Object.fromEntries(
        checksumNames.flatMap((name) => {
          const value = textOf(part, `Checksum${name.toUpperCase()}`)
          return value ? [[name, value]] : []
        }),
      ) as Checksums,
    }))
  if (root.name !== 'CompleteMultipartUpload' || parts.length === 0 || parts.length > maxParts) {
    throw new S3Error('MalformedXML', 'A CompleteMultipartUpload lists 1 to 10000 parts.')
  }
  for (let i = 1; i < parts.length; i++) {
    if (!(parts[i]!.number > parts[i - 1]!.number)) {
      throw new S3Error('InvalidPartOrder', 'The list of parts was not in ascending order.')
    }
  }
  return parts
}

function checkPart(upload: Upload, wanted: WantedPart, isLast: boolean): PartRecord {
  const part = upload.parts.get(wanted.number)
  if (!part || part.etag !== wanted.etag) {
    throw new S3Error('InvalidPart', `Part ${wanted.number} was not uploaded, or has another ETag.`)
  }
  for (const [name, value] of Object.entries(wanted.checksums)) {
    const known = part.checksums[name as keyof Checksums]
    if (known !== undefined && known !== value)
      throw new S3Error('InvalidPart', `Part ${wanted.number} has another ${name}.`)
  }
  if (!isLast && part.blob.size < minPartBytes) {
    throw new S3Error(
      'EntityTooSmall',
      `Part ${wanted.number} has ${part.blob.size} bytes; all but the last need 5 MiB.`,
    )
  }
  return part
}

/** The MD5 of the parts' MD5s and their number. */
function etagOf(parts: readonly { etag: string }[]): string {
  const hash = createHash('md5')
  for (const { etag } of parts) hash.update(Buffer.from(etag, 'hex'))
  return `${hash.digest('hex')}-${parts.length}`
}

/**
 * The checksums of the parts' checksums, where all parts have one. CRC-64/NVME knows no such form: each part was checked
 * against it, and the object is left without.
 */
function compositeChecksums(parts: readonly PartRecord[]): Checksums {
  const found: Checksums = {}
  for (const name of checksumNames) {
    if (name === 'crc64nvme' || !parts.every((part) => part.checksums[name])) continue
    const checksum = beginChecksum(name)
    for (const part of parts) checksum.update(Buffer.from(part.checksums[name]!, 'base64'))
    found[name] = `${checksum.digest().toString('base64')}-${parts.length}`
  }
  return found
}
