import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
  ListPartsCommand,
  type ListPartsCommandOutput,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  type S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { StorageConfig, StorageSecrets } from './config.ts'
import { attachment } from './content-disposition.ts'
import { type OpenUpload, type Storage, StorageError, type StoredPart } from './storage.ts'

const partSeconds = 15 * 60
const defaultDownloadSeconds = 300
const defaultMaxBytes = 16 * 1024 * 1024

/** Opens an object store that speaks S3. Connects on first use. */
export function openS3Storage(config: StorageConfig, secrets: StorageSecrets): Storage {
  const { bucket } = config
  const client = makeClient(config.endpoint, config.region, secrets)
  // Signs only. The host is part of what is signed, so it has to be the one that browsers use.
  const signer = makeClient(config.publicEndpoint, config.region, secrets)
  const named = ({ key, uploadId }: OpenUpload) => ({ Bucket: bucket, Key: key, UploadId: uploadId })

  const head: Storage['head'] = async (key) => {
    const found = await orNull(client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })))
    if (!found) return null
    return {
      bytes: found.ContentLength!,
      etag: found.ETag!,
      modifiedAt: found.LastModified!,
      contentType: found.ContentType ?? null,
    }
  }

  const read: Storage['read'] = async (key, { start, end, etag } = {}) => {
    const range = start === undefined && end === undefined ? undefined : `bytes=${start ?? 0}-${end ?? ''}`
    const found = await orNull(
      client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: range, IfMatch: etag })),
    )
    return found ? (found.Body as unknown as AsyncIterable<Uint8Array>) : null
  }

  return {
    head,
    read,

    async createUpload(key) {
      const command = new CreateMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        ContentType: 'application/octet-stream',
      })
      return (await client.send(command)).UploadId!
    },

    async signPart({ number, bytes, sha256, ...upload }) {
      const command = new UploadPartCommand({
        ...named(upload),
        PartNumber: number,
        ContentLength: bytes,
        ChecksumSHA256: sha256,
      })
      const expiresAt = new Date(Date.now() + partSeconds * 1000)
      const url = await getSignedUrl(signer, command, { expiresIn: partSeconds })
      return { number, url, expiresAt }
    },

    async listParts(upload) {
      const parts: StoredPart[] = []
      try {
        // Not the client's own pages: they go on for as long as a marker comes, and it comes with the last page too.
        for (let marker: string | undefined; ; ) {
          const page: ListPartsCommandOutput = await client.send(
            new ListPartsCommand({ ...named(upload), PartNumberMarker: marker }),
          )
          for (const part of page.Parts ?? []) {
            parts.push({ number: part.PartNumber!, etag: part.ETag!, bytes: part.Size! })
          }
          if (!page.IsTruncated) break
          marker = page.NextPartNumberMarker
        }
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
      return parts.sort((a, b) => a.number - b.number)
    },

    async completeUpload(upload, parts) {
      const list = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag }))
      await client.send(new CompleteMultipartUploadCommand({ ...named(upload), MultipartUpload: { Parts: list } }))
    },

    async abortUpload(upload) {
      await orNull(client.send(new AbortMultipartUploadCommand(named(upload))))
    },

    async *listUploads(prefix) {
      let after: { KeyMarker?: string; UploadIdMarker?: string } = {}
      for (;;) {
        const page = await listUploadsPage(client, { Bucket: bucket, Prefix: prefix, ...after })
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          yield { key: Key!, uploadId: UploadId!, startedAt: Initiated! }
        }
        if (!page.IsTruncated) return
        after = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
      }
    },

    async signDownload(key, { fileName, seconds = defaultDownloadSeconds, method = 'GET' }) {
      const wish = {
        Bucket: bucket,
        Key: key,
        ResponseContentDisposition: attachment(fileName),
        // Never what was claimed at the upload: no browser shall run it.
        ResponseContentType: 'application/octet-stream',
        ResponseCacheControl: 'private, no-store',
      }
      return method === 'HEAD'
        ? getSignedUrl(signer, new HeadObjectCommand(wish), { expiresIn: seconds })
        : getSignedUrl(signer, new GetObjectCommand(wish), { expiresIn: seconds })
    },

    async put(key, body, { contentType }) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentType: contentType }))
    },

    async get(key, { maxBytes = defaultMaxBytes } = {}) {
      const found = await orNull(client.send(new GetObjectCommand({ Bucket: bucket, Key: key })))
      if (!found) return null
      const pieces: Uint8Array[] = []
      let bytes = 0
      for await (const piece of found.Body as unknown as AsyncIterable<Uint8Array>) {
        bytes += piece.length
        if (bytes > maxBytes)
          throw new StorageError('storage/too-large', `The object ${key} has more than ${maxBytes} bytes.`)
        pieces.push(piece)
      }
      return Buffer.concat(pieces)
    },

    async delete(keys) {
      // One by one: stores differ in the checksum that they demand of a DeleteObjects.
      for (const key of keys) await orNull(client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })))
    },

    async copy(from, to) {
      const source = `${bucket}/${from.split('/').map(encodeURIComponent).join('/')}`
      await client.send(new CopyObjectCommand({ Bucket: bucket, Key: to, CopySource: source }))
    },

    async *list(prefix) {
      for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
        for (const { Key, Size, LastModified } of page.Contents ?? []) {
          yield { key: Key!, bytes: Size!, modifiedAt: LastModified! }
        }
      }
    },

    async check() {
      await client.send(new HeadBucketCommand({ Bucket: bucket }))
    },

    close() {
      client.destroy()
      signer.destroy()
    },
  }
}

// Its versions are pinned; the client's advice to upgrade Node would stand in every log, and it asks the environment alone.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'

/** The one way in which we make a client, and sign with it. */
export function makeClient(endpoint: string, region: string, credentials: StorageSecrets): S3Client {
  return new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    // The default signs the checksum of an empty body into the URL of a part, and sends streams in a coding that Ceph
    // refuses. Our own SHA-256 over the whole file says more than either.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
}

function listUploadsPage(
  client: S3Client,
  input: ListMultipartUploadsCommandInput,
): Promise<ListMultipartUploadsCommandOutput> {
  return client.send(new ListMultipartUploadsCommand(input))
}

async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

function isMissing(error: unknown): boolean {
  const { name, $metadata } = error as Partial<S3ServiceException>
  return name === 'NoSuchKey' || name === 'NoSuchUpload' || (name === 'NotFound' && $metadata?.httpStatusCode === 404)
}
