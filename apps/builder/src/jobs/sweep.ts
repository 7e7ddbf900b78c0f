import type { Db } from '@modelport/db/client'
import { endSilentSessions, isLiveLease, sweepBuilds, sweepReports } from '@modelport/db/queries/builds'
import {
  dropFilesOfDeletedModels,
  expireUploads,
  sweepBlobs,
  unknownObjectKeys,
  workObjectDeletions,
} from '@modelport/db/queries/files'
import { reportWorker, type WorkerReport } from '@modelport/db/queries/workers'
import type { Storage } from '@modelport/storage/storage'
import { removeObjects, sweepStorage } from '@modelport/storage/sweep-storage'
import { sweepScratch } from '../build/scratch.ts'
import type { WorkerContext } from '../context.ts'
import { regularly } from '../process.ts'

export type IsLive = (buildId: string, epoch: number) => Promise<boolean>

/** Runs the sweeps until the process stops. Every worker does so; they do not disturb each other. */
export async function sweepRegularly(
  worker: WorkerContext,
  room: { reap: (isLive: IsLive) => Promise<void>; report: () => Promise<WorkerReport> },
): Promise<void> {
  const { sweepSeconds, leftoversSeconds, silentSeconds } = worker.config.recovery
  const process = { log: worker.log, signal: worker.stopping }
  await Promise.all([
    regularly(process, sweepSeconds * 1000, 'look for builds', async () => {
      // A little before the server ends the one that stands still, after which nothing tells of the others.
      const silent = await endSilentSessions(worker.database.db, 0.8 * silentSeconds)
      if (silent > 0) worker.log.warn({ silent }, 'transactions of a worker that stands still were ended')
      const { lost, waiting } = await sweepBuilds(worker.database.db)
      if (lost > 0) worker.log.warn({ lost }, 'builds whose worker is gone')
      if (waiting > 0) worker.log.debug({ waiting }, 'builds that wait were sent to the queue again')
    }),
    regularly(process, leftoversSeconds * 1000, 'look for leftovers', async () => {
      const untold = await sweepReports(worker.database.db, 2 * leftoversSeconds)
      if (untold > 0) worker.log.warn({ untold }, 'builds that GitHub was not told of')
      // Asked for each find at the time it is found: a build that started since is live.
      const isLive = (buildId: string, epoch: number) => isLiveLease(worker.database.db, { buildId, epoch })
      await sweepScratch(worker.config.home, isLive, 2 * leftoversSeconds * 1000)
      await room.reap(isLive)
      await reportWorker(worker.database.db, worker.name, await room.report())
    }),
    ...(worker.storage ? sweepFilesRegularly(worker, worker.storage) : []),
  ])
}

/** What nobody knows of in the object store is a day old before it is touched, so a look now and then is enough. */
const storeSweepSeconds = 3600

function sweepFilesRegularly(worker: WorkerContext, storage: Storage): Promise<void>[] {
  const { db } = worker.database
  const process = { log: worker.log, signal: worker.stopping }
  return [
    regularly(process, worker.config.recovery.sweepSeconds * 1000, 'sweep files', async () => {
      const found = await sweepFiles(db, storage)
      if (Object.values(found).some((count) => count > 0)) worker.log.info(found, 'files were swept')
    }),
    regularly(process, storeSweepSeconds * 1000, 'sweep the object store', async () => {
      const found = await sweepStorage(storage, (keys) => unknownObjectKeys(db, keys))
      if (found.uploads + found.objects > 0) worker.log.warn(found, 'objects that nothing knew of')
    }),
  ]
}

/** Ends uploads whose time ran out, forgets content that no file has, and removes from the store what has to go. */
export async function sweepFiles(db: Db, storage: Pick<Storage, 'abortUpload' | 'delete'>) {
  const ended = (await dropFilesOfDeletedModels(db)) + (await expireUploads(db))
  const blobs = await sweepBlobs(db)
  let objects = 0
  for (let some = -1; some !== 0; objects += some)
    some = await workObjectDeletions(db, (due) => removeObjects(storage, due))
  return { ended, blobs, objects }
}
