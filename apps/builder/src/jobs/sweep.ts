import { isLiveLease, sweepBuilds, sweepReports } from '@modelport/db/queries/builds'
import { reportWorker, type WorkerReport } from '@modelport/db/queries/workers'
import { sweepScratch } from '../build/scratch.ts'
import type { WorkerContext } from '../context.ts'
import { regularly } from '../process.ts'

export type IsLive = (buildId: string, epoch: number) => Promise<boolean>

/** Runs the sweeps until the process stops. Every worker does so; they do not disturb each other. */
export async function sweepRegularly(
  worker: WorkerContext,
  room: { reap: (isLive: IsLive) => Promise<void>; report: () => Promise<WorkerReport> },
): Promise<void> {
  const { sweepSeconds, leftoversSeconds } = worker.config.recovery
  const process = { log: worker.log, signal: worker.stopping }
  await Promise.all([
    regularly(process, sweepSeconds * 1000, 'look for builds', async () => {
      const found = await sweepBuilds(worker.database.db)
      if (found > 0) worker.log.warn({ found }, 'builds without a live worker or message')
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
  ])
}
