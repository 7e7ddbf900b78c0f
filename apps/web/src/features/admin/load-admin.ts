import { listWorkers } from '@modelport/db/queries/workers'
import { notFound } from 'next/navigation'
import { mayAdminister } from '#src/auth/can.ts'
import { context } from '#src/context.ts'
import { requireSignIn } from '#src/features/dashboard/load-mine.ts'

/** Milliseconds of silence after which a worker is shown as gone; they report twice a minute. */
const silentMs = 90_000

/** Workers, their engines and the queue, for the people who run the installation; to others the page does not exist. */
export async function loadAdmin() {
  const actor = await requireSignIn('/admin')
  const { db, config } = context()
  if (!mayAdminister(actor, config.adminLogins)) notFound()
  const { workers, ...queue } = await listWorkers(db)
  return {
    queue,
    workers: workers.map((worker) => ({ ...worker, silent: Date.now() - worker.seenAt.getTime() > silentMs })),
  }
}
