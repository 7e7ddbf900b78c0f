import type { Db } from '@modelport/db/client'
import { heartbeat, type Lease } from '@modelport/db/queries/builds'
import { Cancelled, LeaseLost } from '../build/build-error.ts'

/** The part of a lease between two heartbeats: three may be missed. */
const beat = 4 / 15
/** The part of a lease without a good heartbeat after which it must be taken for lost. */
const patience = 13 / 15

export interface LeaseKeeper {
  /** Aborts with `LeaseLost` or `Cancelled` as its reason. */
  signal: AbortSignal
  /** Looks at the row at once, for example because somebody asked to cancel. */
  beatNow(): void
  stop(): void
}

/** Keeps a lease alive, and aborts the build when it is lost or when somebody asks to cancel. */
export function keepLease(db: Db, lease: Lease, leaseSeconds: number, outside: AbortSignal): LeaseKeeper {
  const controller = new AbortController()
  let lastGood = performance.now()
  let beating = false
  const look = async () => {
    if (beating || controller.signal.aborted) return
    beating = true
    // The lease counts from when it was asked for, not from the answer.
    const asked = performance.now()
    try {
      const held = await heartbeat(db, lease, leaseSeconds)
      if (!held) controller.abort(new LeaseLost('another worker holds the build'))
      else if (held.cancelRequestedBy)
        controller.abort(new Cancelled('build/cancelled', `${held.cancelRequestedBy} cancelled the build.`))
      else lastGood = asked
    } catch {
      // The database may be restarting. Longer than the lease lasts, and another worker may have taken it.
      if (performance.now() - lastGood > patience * leaseSeconds * 1000)
        controller.abort(new LeaseLost('the lease could not be prolonged'))
    } finally {
      beating = false
    }
  }
  const timer = setInterval(() => void look(), beat * leaseSeconds * 1000)
  const onOutside = () => controller.abort(outside.reason)
  outside.addEventListener('abort', onOutside, { once: true })
  return {
    signal: controller.signal,
    beatNow: () => void look(),
    stop() {
      clearInterval(timer)
      outside.removeEventListener('abort', onOutside)
    },
  }
}
