import type { PlaceName } from '#src/features/files/places.ts'
import { openPartAddresses, type PartAddresses } from '#src/features/files/upload/part-addresses.ts'
import { openPartNotes } from '#src/features/files/upload/part-notes.ts'
import type { Reason, ServerUpload, UploadEvent } from '#src/features/files/upload/upload-state.ts'

// The multipart client. It knows nothing of React, of the page and of XMLHttpRequest: what it needs of the world is handed
// in, so that tests cut its link where they like.

export interface UploadWish extends PlaceName {
  name: string
  size: number
  lastModified: number
  fingerprint: string
  sha256?: string
}

/** Our own API. Each call throws a `SendError` when it is not answered with success. */
export interface UploadApi {
  begin(wish: UploadWish): Promise<{ upload: ServerUpload | null; file: { sha256: string } | null }>
  look(id: string): Promise<ServerUpload>
  /** An address in the object store for each of these parts, in their order. */
  sign(id: string, parts: readonly number[]): Promise<string[]>
  note(id: string, parts: readonly number[]): Promise<void>
  complete(id: string, sha256: string | undefined): Promise<ServerUpload>
  cancel(id: string): Promise<void>
}

export interface World {
  api: UploadApi
  /** Sends bytes to the object store. */
  put(url: string, bytes: Blob, options: { signal: AbortSignal; onProgress: (sent: number) => void }): Promise<void>
  /** Waits, but not longer than until the machine is online again. */
  wait(ms: number, signal: AbortSignal): Promise<void>
  now(): number
}

/** A request that was not answered with success: by our API (`api`) or by the object store. Status 0: it got no answer. */
export class SendError extends Error {
  constructor(
    readonly status: number,
    readonly from: 'api' | 'store',
    readonly reason: Reason,
  ) {
    super(reason.sentence)
  }
}

/** How many parts of one file are on their way at once. */
const lanes = 4
/** An answer that will not become better by asking again is asked for a few times all the same: a proxy may have given it. */
const refusals = 5
const verifyEveryMs = 1000
const showEveryMs = 200

interface Sending {
  file: Blob
  upload: ServerUpload
  /** What this browser computed of the file, or nothing where it could not. */
  sha256: Promise<string | undefined>
  signal: AbortSignal
  tell: (event: UploadEvent) => void
}

/** Sends what is missing, has the server verify it, and tells how it ended. Rejects with the signal's reason when it aborts. */
export async function sendFile(world: World, sending: Sending): Promise<void> {
  const { signal, tell } = sending
  try {
    let upload = sending.upload
    while (upload.status === 'uploading') {
      await sendParts(world, sending, upload.missing ?? [])
      const sha256 = await unlessAborted(sending.sha256, signal)
      upload = await again(world, sending, () => world.api.complete(upload.id, sha256)).catch((error: unknown) => {
        // The store has not all of it: what is missing is sent again.
        if (error instanceof SendError && error.reason.code === 'files/parts-missing')
          return again(world, sending, () => world.api.look(upload.id))
        throw error
      })
      if (upload.status === 'verifying') upload = await watch(world, sending, upload)
      if (upload.status === 'uploading') tell({ type: 'begun', upload })
    }
    tell(endOf(upload))
  } catch (error) {
    signal.throwIfAborted()
    tell({ type: 'failed', reason: reasonOf(error) })
  }
}

/** Follows the server's verification to its end. */
export async function watch(
  world: World,
  sending: Pick<Sending, 'signal' | 'tell'>,
  begun: ServerUpload,
): Promise<ServerUpload> {
  let upload = begun
  while (upload.status === 'verifying') {
    sending.tell({ type: 'verifying', verified: upload.verified })
    await world.wait(verifyEveryMs, sending.signal)
    upload = await again(world, sending, () => world.api.look(begun.id))
  }
  return upload
}

export function endOf(upload: ServerUpload): UploadEvent {
  if (upload.status === 'complete') return { type: 'complete', sha256: upload.file?.sha256 ?? '', linked: false }
  if (upload.status === 'cancelled') return { type: 'cancelled' }
  return {
    type: 'failed',
    reason: upload.failure ?? { code: 'files/over', sentence: 'This upload ended. Choose the file to begin again.' },
  }
}

async function sendParts(world: World, sending: Sending, missing: readonly number[]): Promise<void> {
  const { id } = sending.upload
  const queue = [...missing]
  // One lane that gives up stops the others, which would go on into nothing.
  const stop = new AbortController()
  const signal = AbortSignal.any([sending.signal, stop.signal])
  const addresses = openPartAddresses((parts) => world.api.sign(id, parts), missing, world.now)
  const notes = openPartNotes(world, id, signal)
  const lane = async () => {
    for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
      await sendPart(world, { ...sending, signal }, addresses, part)
      notes.arrived(part)
    }
  }
  try {
    await Promise.all(Array.from({ length: lanes }, lane))
  } finally {
    stop.abort()
  }
}

async function sendPart(world: World, sending: Sending, addresses: PartAddresses, part: number): Promise<void> {
  const { file, upload, signal, tell } = sending
  const start = (part - 1) * upload.partSize
  const bytes = file.slice(start, Math.min(start + upload.partSize, upload.size))
  let told = 0
  await again(
    world,
    sending,
    async () => {
      try {
        await world.put(await addresses.of(part), bytes, {
          signal,
          onProgress: (sent) => {
            const at = world.now()
            if (at - told < showEveryMs) return
            told = at
            tell({ type: 'moved', part, bytes: sent, at })
          },
        })
      } catch (error) {
        if (error instanceof SendError && error.from === 'store') addresses.failed(part, error)
        tell({ type: 'moved', part, bytes: 0, at: world.now() })
        throw error
      }
    },
    bytes,
  )
  addresses.done(part)
  tell({ type: 'arrived', part, bytes: bytes.size, at: world.now() })
}

/** Asks until it is answered: a link that is down is waited for, with longer and longer pauses. */
export async function again<T>(
  world: World,
  { signal, tell }: Pick<Sending, 'signal' | 'tell'>,
  ask: () => Promise<T>,
  bytes?: Blob,
): Promise<T> {
  let refused = 0
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof SendError)) throw error
      if (!mayPass(error) && (error.from === 'api' || ++refused >= refusals)) throw error
      // A file that was changed or unplugged looks like a broken link: it is the file that has to be asked.
      await bytes?.slice(0, 1).arrayBuffer()
      tell({ type: 'lost' })
      await world.wait(pauseAfter(failures), signal)
    }
  }
}

/** Whether the same request may do better a little later. */
const mayPass = ({ status }: SendError) => status === 0 || status === 408 || status === 429 || status >= 500

/** Half a second, doubled up to half a minute, and up to a half more, so that many do not come back at once. */
const pauseAfter = (failures: number) => Math.min(30_000, 500 * 2 ** failures) * (1 + Math.random() / 2)

export function reasonOf(error: unknown): Reason {
  if (error instanceof SendError) {
    if (error.status === 401)
      return { code: 'signed-out', sentence: 'You are signed out. Sign in, and choose the file again.' }
    return error.reason
  }
  if (error instanceof DOMException && (error.name === 'NotReadableError' || error.name === 'NotFoundError'))
    return { code: 'files/unreadable', sentence: 'The file changed or cannot be read any more. Choose it again.' }
  return { code: 'files/unexpected', sentence: 'Something failed in this page. Choose the file again to go on.' }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
