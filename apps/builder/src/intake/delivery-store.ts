import type { NewDelivery } from '@modelport/db/queries/deliveries'

/** Statements under way at once, and deliveries in one of them. */
const limits = { statements: 3, deliveries: 100 }

type Accept = (arrived: readonly NewDelivery[]) => Promise<Set<string>>

/**
 * Stores deliveries that arrive together in one statement: a database flushes its disk once for all of them, and a burst
 * costs a few statements instead of hundreds. The promise of each resolves when it is durable, true when it is new. One
 * that the database refuses fails alone.
 */
export function deliveryStore(accept: Accept): (delivery: NewDelivery) => Promise<boolean> {
  interface Waiting {
    delivery: NewDelivery
    resolve(isNew: boolean): void
    reject(error: unknown): void
  }
  const waiting: Waiting[] = []
  let running = 0

  const storeNext = async () => {
    running++
    try {
      while (waiting.length > 0) await storeTogether(waiting.splice(0, limits.deliveries))
    } finally {
      running--
    }
  }
  const storeTogether = async (batch: Waiting[]) => {
    // The same delivery may have come twice in a moment, and a statement may touch a row once.
    const byGuid = new Map(batch.map(({ delivery }) => [delivery.guid, delivery]))
    try {
      const fresh = await accept([...byGuid.values()])
      for (const { delivery, resolve } of batch) resolve(fresh.delete(delivery.guid))
    } catch (error) {
      if (batch.length === 1) batch[0]!.reject(error)
      else await Promise.all(batch.map((each) => storeTogether([each])))
    }
  }
  return (delivery) =>
    new Promise((resolve, reject) => {
      waiting.push({ delivery, resolve, reject })
      // After this turn of the event loop, in which more may arrive.
      if (running < limits.statements) setImmediate(() => running < limits.statements && void storeNext())
    })
}
