import {
  extendVerification,
  failVerification,
  finishVerification,
  reopenUpload,
  takeVerification,
  type UploadSession,
  type VerificationLease,
} from '@modelport/db/queries/files'
import { listPickleImports } from '@modelport/storage/pickle-imports'
import { type Storage, StorageError } from '@modelport/storage/storage'
import { storedFile } from '@modelport/storage/stored-file'
import { finishUpload } from '@modelport/storage/upload-parts'
import { verifyUpload } from '@modelport/storage/verify-upload'
import { LeaseLost } from '../build/build-error.ts'
import type { WorkerContext } from '../context.ts'
import { failPoint } from '../fail-point.ts'
import { described } from '../log.ts'
import { pause } from '../process.ts'

/** So that a file of 20 GiB does not hold up all smaller ones. */
const atOnce = 2
const lookEveryMs = 1000
const afterFailureMs = 5000
/** Well within the minute that a lease lasts. */
const beatMs = 10_000

type Verifier = Pick<WorkerContext, 'database' | 'log' | 'name' | 'stopping'> & { storage: Storage }

/** Verifies uploads until the process stops. Every worker does so; a lease keeps two from the same upload. */
export async function verifyUploadsRegularly(worker: WorkerContext): Promise<void> {
  const { storage } = worker
  if (!storage) return
  await Promise.all(Array.from({ length: atOnce }, () => lookRegularly({ ...worker, storage })))
}

async function lookRegularly(worker: Verifier): Promise<void> {
  let failed = false
  while (!worker.stopping.aborted) {
    try {
      // While the store is away nothing is taken: each start counts, and an upload has a few only.
      if (failed) await worker.storage.check()
      failed = false
      if (await verifyNext(worker)) continue
    } catch (error) {
      if (worker.stopping.aborted) return
      failed = true
      worker.log.warn(described(error), 'an upload could not be verified; it is tried again')
    }
    await pause(failed ? afterFailureMs : lookEveryMs, worker.stopping)
  }
}

/**
 * Takes one upload whose parts are all there, makes an object of them, hashes what is stored, and puts the file in its
 * place. Whatever happens on the way, another start goes on: each step may be done twice, and each write names the epoch.
 * False when no upload waits. Throws what is not the upload's own fault.
 */
export async function verifyNext(worker: Verifier): Promise<boolean> {
  const taken = await takeVerification(worker.database.db, worker.name)
  if (!taken) return false
  const { session, lease } = taken
  failPoint('upload:taken')
  const log = worker.log.child({ upload: session.id, epoch: lease.epoch })
  try {
    await verify(worker, session, lease)
    log.info({ bytes: session.bytes }, 'upload verified')
  } catch (error) {
    if (error instanceof LeaseLost) {
      log.info('the upload was cancelled, or another worker has it')
    } else if (error instanceof StorageError && error.code === 'storage/incomplete') {
      await reopenUpload(worker.database.db, lease)
      log.warn(described(error), 'parts of an upload are missing; its sender is asked for them')
    } else {
      throw error
    }
  }
  return true
}

async function verify(worker: Verifier, session: UploadSession, lease: VerificationLease): Promise<void> {
  const { storage } = worker
  const { db } = worker.database
  const { key, uploadId, bytes } = session
  if (!uploadId) throw new StorageError('storage/incomplete', 'The upload was never begun in the object store.')
  using beat = keepVerification(worker, lease)
  await finishUpload(storage, { key, uploadId, bytes, partBytes: session.partBytes })
  failPoint('upload:finished')
  const found = await verifyUpload(storage, {
    key,
    bytes,
    sha256: session.claimedSha256,
    signal: beat.signal,
    onProgress: (done) => {
      beat.verifiedBytes = done
    },
  })
  failPoint('upload:hashed')
  if (!found.ok) {
    await failVerification(db, lease, { code: found.code, sentence: found.sentence })
    return
  }
  const inspection = await listPickleImports(storedFile(storage, key, bytes))
  beat.signal.throwIfAborted()
  if (!(await finishVerification(db, lease, { sha256: found.sha256, inspection }))) throw new LeaseLost('it was taken')
  failPoint('upload:done')
}

/** Keeps the lease and shows how far it is. Its signal aborts when the lease is lost or the process stops. */
function keepVerification({ database, stopping }: Verifier, lease: VerificationLease) {
  const controller = new AbortController()
  const kept = {
    signal: controller.signal,
    verifiedBytes: 0,
    [Symbol.dispose]() {
      clearInterval(timer)
      clearInterval(shown)
      stopping.removeEventListener('abort', stop)
    },
  }
  let told = 0
  const extend = async () => {
    told = kept.verifiedBytes
    // A database that does not answer now may answer in ten seconds; the lease lasts for sixty.
    const held = await extendVerification(database.db, lease, kept.verifiedBytes).catch(() => true)
    if (!held) controller.abort(new LeaseLost('another worker verifies it, or it was cancelled'))
  }
  const stop = () => controller.abort(stopping.reason)
  stopping.addEventListener('abort', stop)
  const timer = setInterval(() => void extend(), beatMs)
  // More often while there is progress to show.
  const shown = setInterval(() => void (kept.verifiedBytes > told && extend()), 1000)
  return kept
}
