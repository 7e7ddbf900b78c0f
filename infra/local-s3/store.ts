import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync } from 'node:fs'
import { constants, copyFile, type FileHandle, link, mkdir, open, rename, rm, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { takeLock } from '../local/lock.ts'
import type { ChecksumName } from './checksums.ts'
import type { CorsRule } from './cors.ts'
import { S3Error } from './s3-error.ts'
import { SortedKeys } from './sorted-keys.ts'

// On the disk:
//   buckets/<bucket>/bucket.json                     its settings
//   buckets/<bucket>/objects/<2 hex>/<sha256>.json   one object; the name is the SHA-256 of the key, so no key is a path
//   buckets/<bucket>/uploads/<id>/upload.json, <n>.json   a multipart upload and its parts
//   blobs/<2 hex>/<random>                           bytes; written once, never changed, each of one object or part
//   tmp/                                             drafts
// A blob is on the disk before the record that names it, and a record appears by one rename. So a crash leaves a record
// whole or absent, and at worst a blob that no record names: the next start deletes those. All records are held in
// memory, about 1 KB an object, which is right for one machine; one process writes.

/** Bytes on the disk. */
export interface Blob {
  id: string
  /** In bytes. */
  size: number
}

export type Checksums = Partial<Record<ChecksumName, string>>

/** An object: what is known of it, and the blobs that hold it one after another. */
export interface ObjectRecord {
  key: string
  /** In bytes. */
  size: number
  /** Without its quotes. */
  etag: string
  modifiedAt: number
  /** Content-Type, Cache-Control and the like, as they are sent with it. */
  headers: Record<string, string>
  /** What the `x-amz-meta-` headers said. */
  metadata: Record<string, string>
  checksums: Checksums
  blobs: Blob[]
  /** The multipart upload that made it. */
  uploadId?: string
}

export interface PartRecord {
  number: number
  blob: Blob
  /** Hex MD5. */
  etag: string
  modifiedAt: number
  checksums: Checksums
}

/** A multipart upload that is under way. */
export interface UploadRecord {
  id: string
  key: string
  startedAt: number
  headers: Record<string, string>
  metadata: Record<string, string>
}

export interface Upload extends UploadRecord {
  parts: Map<number, PartRecord>
}

interface BucketSettings {
  name: string
  createdAt: number
  cors: CorsRule[]
}

export interface Bucket extends BucketSettings {
  objects: Map<string, ObjectRecord>
  keys: SortedKeys
  uploads: Map<string, Upload>
}

/** A folder of buckets. Opening it takes its lock, for two writers would delete each other's blobs. */
export class Store {
  readonly buckets = new Map<string, Bucket>()
  readonly #dir: string
  readonly #lock: { release(): void }
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #readers = new Map<ObjectRecord, number>()
  readonly #retired = new Set<ObjectRecord>()

  constructor(dir: string) {
    for (const folder of ['buckets', 'blobs', 'tmp']) mkdirSync(join(dir, folder), { recursive: true, mode: 0o700 })
    this.#dir = dir
    this.#lock = takeLock(join(dir, 'lock'), `The object store in ${dir}`)
    try {
      this.#load()
    } catch (error) {
      this.#lock.release()
      throw error
    }
  }

  close(): void {
    this.#lock.release()
  }

  /** Runs `work` alone among the works of this name. */
  async exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name) ?? Promise.resolve()
    const turn = before.then(work, work)
    const settled = turn.catch(() => {})
    this.#turns.set(name, settled)
    try {
      return await turn
    } finally {
      if (this.#turns.get(name) === settled) this.#turns.delete(name)
    }
  }

  /** Makes a bucket, or finds that it is there. */
  async createBucket(name: string): Promise<Bucket> {
    return this.exclusive(`bucket ${name}`, async () => {
      const known = this.buckets.get(name)
      if (known) return known
      await mkdir(join(this.#bucketDir(name), 'objects'), { recursive: true })
      await mkdir(join(this.#bucketDir(name), 'uploads'), { recursive: true })
      const bucket = emptyBucket({ name, createdAt: Date.now(), cors: [] })
      await this.#saveBucket(bucket)
      await syncFolder(join(this.#dir, 'buckets'))
      this.buckets.set(name, bucket)
      return bucket
    })
  }

  async setCors(bucket: Bucket, cors: CorsRule[]): Promise<void> {
    bucket.cors = cors
    await this.#saveBucket(bucket)
  }

  /** Deletes a bucket that holds nothing. */
  async deleteBucket(bucket: Bucket): Promise<void> {
    if (bucket.objects.size || bucket.uploads.size)
      throw new S3Error('BucketNotEmpty', 'The bucket still holds objects or uploads.')
    this.buckets.delete(bucket.name)
    await this.#removeFolder(this.#bucketDir(bucket.name))
  }

  /** Writes new bytes, and has them on the disk when it resolves; `fill` returns how many. */
  async writeBlob(fill: (file: FileHandle) => Promise<number>): Promise<Blob> {
    const id = randomBytes(16).toString('hex')
    const path = this.#blobPath(id)
    await makeFolder(dirname(path))
    try {
      const file = await open(path, 'wx', 0o600)
      let size: number
      try {
        size = await fill(file)
        await file.sync()
      } finally {
        await file.close()
      }
      await syncFolder(dirname(path))
      return { id, size }
    } catch (error) {
      await this.discard([{ id, size: 0 }])
      throw diskError(error)
    }
  }

  /** A second blob of the same bytes, for a copy; costs no space where the disk knows links. */
  async cloneBlob(blob: Blob): Promise<Blob> {
    const id = randomBytes(16).toString('hex')
    const path = this.#blobPath(id)
    await makeFolder(dirname(path))
    try {
      await link(this.#blobPath(blob.id), path)
    } catch {
      await copyFile(this.#blobPath(blob.id), path, constants.COPYFILE_FICLONE)
      const file = await open(path, 'r+')
      await file.sync().finally(() => file.close())
    }
    await syncFolder(dirname(path))
    return { id, size: blob.size }
  }

  openBlob(blob: Blob): Promise<FileHandle> {
    return open(this.#blobPath(blob.id), 'r')
  }

  /** Deletes blobs that no record names. */
  async discard(blobs: readonly Blob[]): Promise<void> {
    for (const { id } of blobs) await unlink(this.#blobPath(id)).catch(() => {})
  }

  /** Puts an object in its place. `expected` is asked, with what is there now, at the last moment. */
  async putObject(
    bucket: Bucket,
    record: ObjectRecord,
    expected: (now: ObjectRecord | undefined) => void = () => {},
  ): Promise<void> {
    await this.exclusive(`object ${bucket.name}/${record.key}`, async () => {
      const before = bucket.objects.get(record.key)
      expected(before)
      await this.#writeJson(this.#objectPath(bucket.name, record.key), record)
      bucket.objects.set(record.key, record)
      if (!before) bucket.keys.add(record.key)
      else await this.#retire(before)
    })
  }

  /** Deletes an object; one that is not there is deleted already. */
  async deleteObject(bucket: Bucket, key: string): Promise<void> {
    await this.exclusive(`object ${bucket.name}/${key}`, async () => {
      const record = bucket.objects.get(key)
      if (!record) return
      const path = this.#objectPath(bucket.name, key)
      await unlink(path)
      await syncFolder(dirname(path))
      bucket.objects.delete(key)
      bucket.keys.remove(key)
      await this.#retire(record)
    })
  }

  /** Keeps an object's bytes until the returned function is called, even when the object goes meanwhile. */
  hold(record: ObjectRecord): () => void {
    this.#readers.set(record, (this.#readers.get(record) ?? 0) + 1)
    return () => {
      const left = this.#readers.get(record)! - 1
      if (left) this.#readers.set(record, left)
      else {
        this.#readers.delete(record)
        if (this.#retired.delete(record)) void this.discard(record.blobs)
      }
    }
  }

  async createUpload(bucket: Bucket, values: Omit<UploadRecord, 'id' | 'startedAt'>): Promise<Upload> {
    const record: UploadRecord = { ...values, id: randomBytes(24).toString('hex'), startedAt: Date.now() }
    const folder = this.#uploadDir(bucket.name, record.id)
    await mkdir(folder)
    await this.#writeJson(join(folder, 'upload.json'), record)
    await syncFolder(dirname(folder))
    const upload = { ...record, parts: new Map() }
    bucket.uploads.set(record.id, upload)
    return upload
  }

  /** Adds a part, or replaces the one of its number. */
  async putPart(bucket: Bucket, upload: Upload, part: PartRecord): Promise<void> {
    await this.exclusive(`upload ${upload.id}`, async () => {
      if (!bucket.uploads.has(upload.id)) {
        throw new S3Error('NoSuchUpload', 'The upload was completed or aborted while this part was on its way.')
      }
      await this.#writeJson(join(this.#uploadDir(bucket.name, upload.id), `${part.number}.json`), part)
      const before = upload.parts.get(part.number)
      upload.parts.set(part.number, part)
      if (before) await this.discard([before.blob])
    })
  }

  /** Forgets an upload; `kept` are the blobs of it that an object has taken over. */
  async endUpload(bucket: Bucket, upload: Upload, kept: readonly Blob[] = []): Promise<void> {
    bucket.uploads.delete(upload.id)
    await this.#removeFolder(this.#uploadDir(bucket.name, upload.id))
    const ids = new Set(kept.map(({ id }) => id))
    await this.discard([...upload.parts.values()].map(({ blob }) => blob).filter(({ id }) => !ids.has(id)))
  }

  /** Aborts uploads that began more than `lifeMs` ago. Returns how many. */
  async sweepUploads(lifeMs: number, now = Date.now()): Promise<number> {
    let swept = 0
    for (const bucket of this.buckets.values()) {
      for (const upload of [...bucket.uploads.values()]) {
        if (now - upload.startedAt < lifeMs) continue
        await this.exclusive(`upload ${upload.id}`, async () => {
          if (!bucket.uploads.has(upload.id)) return
          await this.endUpload(bucket, upload)
          swept++
        })
      }
    }
    return swept
  }

  async #retire(record: ObjectRecord): Promise<void> {
    if (this.#readers.has(record)) this.#retired.add(record)
    else await this.discard(record.blobs)
  }

  async #saveBucket({ name, createdAt, cors }: BucketSettings): Promise<void> {
    await this.#writeJson(join(this.#bucketDir(name), 'bucket.json'), { name, createdAt, cors })
  }

  async #writeJson(path: string, value: unknown): Promise<void> {
    const draft = join(this.#dir, 'tmp', randomBytes(16).toString('hex'))
    try {
      const file = await open(draft, 'wx', 0o600)
      try {
        await file.writeFile(JSON.stringify(value))
        await file.sync()
      } finally {
        await file.close()
      }
      await makeFolder(dirname(path))
      await rename(draft, path)
      // A rename is on the disk only when its folder is.
      await syncFolder(dirname(path))
    } catch (error) {
      await unlink(draft).catch(() => {})
      throw diskError(error)
    }
  }

  /** Takes a folder away in one move, so that no half of it is found after a crash. */
  async #removeFolder(folder: string): Promise<void> {
    const away = join(this.#dir, 'tmp', randomBytes(16).toString('hex'))
    await rename(folder, away)
    await syncFolder(dirname(folder))
    await rm(away, { recursive: true, force: true })
  }

  #load(): void {
    const tmp = join(this.#dir, 'tmp')
    for (const name of readdirSync(tmp)) rmSync(join(tmp, name), { recursive: true, force: true })
    let whole = true
    const read = <T>(path: string): T | null => {
      try {
        return JSON.parse(readFileSync(path, 'utf8')) as T
      } catch (error) {
        console.error(`${path} cannot be read and is left as it is: ${(error as Error).message}`)
        whole = false
        return null
      }
    }
    for (const name of readdirSync(join(this.#dir, 'buckets'))) {
      const folder = this.#bucketDir(name)
      const settings = readdirSync(folder).includes('bucket.json') && read<BucketSettings>(join(folder, 'bucket.json'))
      if (settings) this.buckets.set(name, this.#loadBucket(emptyBucket(settings), read))
    }
    // A record that cannot be read may name any blob.
    if (whole) this.#deleteUnnamedBlobs()
  }

  #loadBucket(bucket: Bucket, read: <T>(path: string) => T | null): Bucket {
    const objects = join(this.#bucketDir(bucket.name), 'objects')
    for (const shard of readdirSync(objects)) {
      for (const file of readdirSync(join(objects, shard))) {
        const record = read<ObjectRecord>(join(objects, shard, file))
        if (record) bucket.objects.set(record.key, record)
      }
    }
    bucket.keys = new SortedKeys(bucket.objects.keys())
    const uploads = join(this.#bucketDir(bucket.name), 'uploads')
    for (const id of readdirSync(uploads)) {
      const files = readdirSync(join(uploads, id))
      const record = files.includes('upload.json') && read<UploadRecord>(join(uploads, id, 'upload.json'))
      // Completed, but the process died before it forgot the upload: its blobs are the object's now.
      if (!record || bucket.objects.get(record.key)?.uploadId === id) {
        if (record !== null) rmSync(join(uploads, id), { recursive: true })
        continue
      }
      const parts = files
        .filter((file) => file !== 'upload.json')
        .map((file) => read<PartRecord>(join(uploads, id, file)))
      bucket.uploads.set(id, {
        ...record,
        parts: new Map(parts.flatMap((part) => (part ? [[part.number, part]] : []))),
      })
    }
    return bucket
  }

  #deleteUnnamedBlobs(): void {
    const named = new Set<string>()
    for (const { objects, uploads } of this.buckets.values()) {
      for (const { blobs } of objects.values()) for (const { id } of blobs) named.add(id)
      for (const { parts } of uploads.values()) for (const { blob } of parts.values()) named.add(blob.id)
    }
    const blobs = join(this.#dir, 'blobs')
    for (const shard of readdirSync(blobs)) {
      for (const id of readdirSync(join(blobs, shard))) if (!named.has(id)) unlinkSync(join(blobs, shard, id))
    }
  }

  #bucketDir(bucket: string): string {
    return join(this.#dir, 'buckets', basename(bucket))
  }

  #objectPath(bucket: string, key: string): string {
    const name = createHash('sha256').update(key).digest('hex')
    return join(this.#bucketDir(bucket), 'objects', name.slice(0, 2), `${name}.json`)
  }

  #uploadDir(bucket: string, id: string): string {
    return join(this.#bucketDir(bucket), 'uploads', basename(id))
  }

  #blobPath(id: string): string {
    return join(this.#dir, 'blobs', id.slice(0, 2), basename(id))
  }
}

function emptyBucket(settings: BucketSettings): Bucket {
  return { ...settings, objects: new Map(), keys: new SortedKeys([]), uploads: new Map() }
}

async function makeFolder(path: string): Promise<void> {
  if (await mkdir(path, { recursive: true })) await syncFolder(dirname(path))
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}

function diskError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new S3Error('InsufficientStorage', 'The disk of this server is full.')
}
