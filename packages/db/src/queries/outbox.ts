import { asc, inArray, sql } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { outbox } from '../tables/intake.ts'

export type OutboxMessage = typeof outbox.$inferSelect

/**
 * Hands due messages to `send` and deletes them in the same transaction: a message is sent again after a crash
 * between the two, never lost. Returns how many were sent.
 */
export async function relayOutbox(
  db: Db,
  send: (messages: OutboxMessage[]) => Promise<void>,
  limit = 100,
): Promise<number> {
  return db.transaction(async (tx) => {
    const due = await tx
      .select()
      .from(outbox)
      .where(sql`coalesce(${outbox.notBefore}, now()) <= now()`)
      .orderBy(asc(outbox.id))
      .limit(limit)
      .for('update', { skipLocked: true })
    if (due.length === 0) return 0
    await send(due)
    await tx.delete(outbox).where(
      inArray(
        outbox.id,
        due.map((m) => m.id),
      ),
    )
    return due.length
  })
}
