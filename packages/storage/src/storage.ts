/** A multipart upload, as the object store knows it. */
export interface OpenUpload {
  key: string
  uploadId: string
}

/** A part that has arrived. */
export interface StoredPart {
  /** From 1. */
  number: number
  etag: string
  /** Size in bytes. */
  bytes: number
}

/** A URL under which a browser sends one part of exactly the signed length. */
export interface SignedPart {
  number: number
  url: string
  expiresAt: Date
}

/** What the object store says of an object. */
export interface StoredObject {
  /** Size in bytes. */
  bytes: number
  etag: string
  modifiedAt: Date
  contentType: string | null
}

/** What files need of an object store. Keys are made by us (`object-keys.ts`), never taken from a name that somebody typed. */
export interface Storage {
  /** Begins an upload in parts and returns its id. */
  createUpload(key: string): Promise<string>
  /** Signs one part for 15 minutes: this key, this upload, this number and this length in bytes, and with `sha256` (base64) these bytes. */
  signPart(part: OpenUpload & { number: number; bytes: number; sha256?: string }): Promise<SignedPart>
  /** The parts that have arrived, by number; null when there is no such upload (any more). */
  listParts(upload: OpenUpload): Promise<StoredPart[] | null>
  /** Makes one object of the parts. */
  completeUpload(upload: OpenUpload, parts: readonly Pick<StoredPart, 'number' | 'etag'>[]): Promise<void>
  /** Forgets an upload and its parts; one that is gone is no error. */
  abortUpload(upload: OpenUpload): Promise<void>
  /** The uploads that are under way below a prefix. */
  listUploads(prefix: string): AsyncIterable<OpenUpload & { startedAt: Date }>
  /** What is known of an object; null when there is none. */
  head(key: string): Promise<StoredObject | null>
  /**
   * A URL from which a browser downloads an object under `fileName`, never shows it; good for `seconds` (default 300).
   * The method is signed too: a URL for `HEAD` answers nothing else.
   */
  signDownload(key: string, options: { fileName: string; seconds?: number; method?: 'GET' | 'HEAD' }): Promise<string>
  /** Stores a small object, such as a picture or a log, in one piece. */
  put(key: string, body: Uint8Array, options: { contentType: string }): Promise<void>
  /** Reads a small object whole; null when there is none. One of more than `maxBytes` (default 16 MiB) is an error. */
  get(key: string, options?: { maxBytes?: number }): Promise<Uint8Array | null>
  /** Streams an object from byte `start` to byte `end`, both counted in; null when there is none. With `etag`, only while it is still that one. */
  read(key: string, range?: { start?: number; end?: number; etag?: string }): Promise<AsyncIterable<Uint8Array> | null>
  /** Deletes objects; those that are gone are no error. */
  delete(keys: readonly string[]): Promise<void>
  /** Copies an object of at most 5 GiB. */
  copy(from: string, to: string): Promise<void>
  /** The objects below a prefix, by key. */
  list(prefix: string): AsyncIterable<{ key: string; bytes: number; modifiedAt: Date }>
  /** Resolves when the bucket answers, for a readiness page. */
  check(): Promise<void>
  close(): void
}

/** A wrong use of the store or a wrong object in it, as a sentence with a stable code. */
export class StorageError extends Error {
  readonly code: 'storage/too-large' | 'storage/changed' | 'storage/incomplete'

  constructor(code: StorageError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
