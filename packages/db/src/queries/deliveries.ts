import { and, desc, eq, lt, sql } from 'drizzle-orm'
import type { Sql } from 'postgres'
import type { Db, Tx } from '../client.ts'
import { deliveries } from '../tables/intake.ts'

export type Delivery = typeof deliveries.$inferSelect
export type NewDelivery = Pick<
  typeof deliveries.$inferInsert,
  'guid' | 'bodySha256' | 'event' | 'action' | 'repositoryId' | 'repositoryName' | 'installationId' | 'payload'
>

/** What the inbox did with a delivery, as the page "what happened to my push" shows it. */
export interface Decision {
  decision: 'version' | 'rebuild' | 'synced' | 'nothing'
  /** One sentence. */
  reason: string
  modelId?: string | null
  versionId?: string | null
}

/**
 * Stores a delivery once by its GitHub id. A redelivery of one that failed is opened again; of any other it changes
 * nothing. Returns whether there is something new to work.
 */
export async function acceptDelivery(db: Tx, delivery: NewDelivery): Promise<boolean> {
  const rows = await db
    .insert(deliveries)
    .values(delivery)
    .onConflictDoUpdate({
      target: deliveries.guid,
      set: { state: 'received', tries: 0, notBefore: null },
      setWhere: eq(deliveries.state, 'failed'),
    })
    .returning({ id: deliveries.id })
  if (rows.length > 0) await db.execute(sql`select pg_notify('modelport_inbox', '')`)
  return rows.length > 0
}

/**
 * Stores several deliveries as `acceptDelivery` does, in one statement whose text is always the same, and tells nobody.
 * They must have different ids. Returns the ids of those that are new to work.
 */
export async function acceptDeliveries(sql: Sql, arrived: readonly NewDelivery[]): Promise<Set<string>> {
  const rows = await sql<{ guid: string }[]>`
    insert into deliveries
      (guid, event, action, body_sha256, repository_id, repository_name, installation_id, payload, received_at)
    select guid, event, action, body_sha256, repository_id, repository_name, installation_id, payload,
      clock_timestamp() -- not now(): within a statement, too, the order of arrival is kept
    from jsonb_to_recordset(${JSON.stringify(arrived.map(columnsOf))}::text::jsonb) as arrived(
      guid text, event text, action text, body_sha256 text, repository_id bigint, repository_name text,
      installation_id bigint, payload jsonb)
    on conflict (guid) do update set state = 'received', tries = 0, not_before = null
      where deliveries.state = 'failed'
    returning guid`
  return new Set(rows.map((row) => row.guid))
}

const columnsOf = (delivery: NewDelivery) => ({
  guid: delivery.guid,
  event: delivery.event,
  action: delivery.action,
  body_sha256: delivery.bodySha256,
  repository_id: delivery.repositoryId,
  repository_name: delivery.repositoryName,
  installation_id: delivery.installationId,
  payload: delivery.payload,
})

/**
 * Locks the oldest open delivery for the transaction `tx`, one repository at a time and in the order of arrival.
 * A delivery that another process holds is passed over, and so is every later one of its repository. The look goes from
 * repository to repository along an index, so that thousands that wait behind a first one cost nothing.
 */
export async function nextDelivery(tx: Tx): Promise<Delivery | null> {
  const first = sql.raw('id, repository_id, received_at, not_before')
  const inOrder = sql.raw('order by repository_id, received_at, id limit 1')
  const candidates = sql`
    with recursive heads as (
      (select ${first} from deliveries where state = 'received' and repository_id is not null ${inOrder})
      union all
      select next.* from heads, lateral (
        select ${first} from deliveries where state = 'received' and repository_id > heads.repository_id ${inOrder}
      ) next
    ), homeless as (
      -- Those that concern no single repository wait for nobody.
      select ${first} from deliveries where state = 'received' and repository_id is null
    )
    select id from (select * from heads union all select * from homeless) open
    where not_before is null or not_before <= now()`
  const [row] = await tx
    .select()
    .from(deliveries)
    .where(and(eq(deliveries.state, 'received'), sql`${deliveries.id} in (${candidates})`))
    .orderBy(deliveries.receivedAt, deliveries.id)
    .limit(1)
    .for('update', { skipLocked: true })
  return row ?? null
}

/** Closes a delivery that `nextDelivery` gave, in the transaction that holds its effect. */
export async function closeDelivery(tx: Tx, id: string, outcome: Decision): Promise<void> {
  await tx
    .update(deliveries)
    .set({
      state: 'done',
      decision: outcome.decision,
      reason: outcome.reason,
      modelId: outcome.modelId ?? null,
      versionId: outcome.versionId ?? null,
      workedAt: sql`now()`,
      tries: sql`${deliveries.tries} + 1`,
    })
    .where(and(eq(deliveries.id, id), eq(deliveries.state, 'received')))
}

/** After a failure that is ours or GitHub's: tries again after 1, 2, 4 ... s (at most 5 min), and gives up after `maxTries`. */
export async function postponeDelivery(db: Tx, id: string, reason: string, maxTries = 12): Promise<void> {
  await db
    .update(deliveries)
    .set({
      tries: sql`${deliveries.tries} + 1`,
      reason,
      state: sql`case when ${deliveries.tries} + 1 >= ${maxTries} then 'failed' else 'received' end`,
      notBefore: sql`now() + least(300, power(2, ${deliveries.tries})) * interval '1 second'`,
    })
    .where(and(eq(deliveries.id, id), eq(deliveries.state, 'received')))
}

/** Opens a delivery again by hand. Returns false when there is none of this id. */
export async function reopenDelivery(db: Tx, id: string): Promise<boolean> {
  const rows = await db
    .update(deliveries)
    .set({ state: 'received', tries: 0, notBefore: null })
    .where(eq(deliveries.id, id))
    .returning({ id: deliveries.id })
  if (rows.length > 0) await db.execute(sql`select pg_notify('modelport_inbox', '')`)
  return rows.length > 0
}

export async function findDelivery(db: Db, id: string): Promise<Delivery | null> {
  const [row] = await db.select().from(deliveries).where(eq(deliveries.id, id))
  return row ?? null
}

/** The newest deliveries of one repository, without their payloads; `before` is the `receivedAt` of the last one seen. */
export async function listDeliveries(
  db: Db,
  { repositoryId, before, limit = 50 }: { repositoryId: number; before?: Date | null; limit?: number },
): Promise<Omit<Delivery, 'payload'>[]> {
  const { payload: _payload, ...columns } = deliveriesColumns()
  return db
    .select(columns)
    .from(deliveries)
    .where(and(eq(deliveries.repositoryId, repositoryId), before ? lt(deliveries.receivedAt, before) : undefined))
    .orderBy(desc(deliveries.receivedAt))
    .limit(limit)
}

function deliveriesColumns() {
  return {
    id: deliveries.id,
    guid: deliveries.guid,
    bodySha256: deliveries.bodySha256,
    event: deliveries.event,
    action: deliveries.action,
    repositoryId: deliveries.repositoryId,
    repositoryName: deliveries.repositoryName,
    installationId: deliveries.installationId,
    payload: deliveries.payload,
    state: deliveries.state,
    tries: deliveries.tries,
    notBefore: deliveries.notBefore,
    decision: deliveries.decision,
    reason: deliveries.reason,
    modelId: deliveries.modelId,
    versionId: deliveries.versionId,
    receivedAt: deliveries.receivedAt,
    workedAt: deliveries.workedAt,
  }
}
