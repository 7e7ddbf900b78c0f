import type { ChangedThing, ChangeKind } from '@modelport/schema/model-changes'
import { and, desc, eq, lt } from 'drizzle-orm'
import type { Tx } from '../client.ts'
import { recordedChanges } from '../tables/models.ts'

export type RecordedChange = typeof recordedChanges.$inferSelect

/** Who changed something: somebody by GitHub login, the repository on GitHub, or the policy. */
export type By = { kind: Exclude<ChangeKind, 'person'> } | { kind: 'person'; login: string }

export const person = (login: string): By => ({ kind: 'person', login })
export const repository: By = { kind: 'repository' }
export const policy: By = { kind: 'policy' }

/** Long texts are kept by their beginnings: the record says what changed, it does not keep every draft. */
const longest = 500

/** Notes who changed what on a model. Call it in the transaction of the change; one that changes nothing leaves no row. */
export async function recordChange(
  tx: Tx,
  modelId: string,
  by: By,
  change: { what: ChangedThing; from: unknown; to: unknown; reason?: string | null },
): Promise<void> {
  if (JSON.stringify(change.from ?? null) === JSON.stringify(change.to ?? null)) return
  await tx.insert(recordedChanges).values({
    modelId,
    kind: by.kind,
    changedBy: by.kind === 'person' ? by.login : null,
    what: change.what,
    from: shortened(change.from ?? null),
    to: shortened(change.to ?? null),
    reason: change.reason?.slice(0, longest) ?? null,
  })
}

function shortened(value: unknown): unknown {
  if (typeof value === 'string') return value.length > longest ? `${value.slice(0, longest)}…` : value
  if (Array.isArray(value)) return value.map(shortened)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shortened(inner)]))
  return value
}

/** The newest changes of a model first; `before` is the id of the last one seen. */
export async function listChanges(
  db: Tx,
  modelId: string,
  { before, what, limit = 30 }: { before?: number | null; what?: ChangedThing; limit?: number } = {},
): Promise<RecordedChange[]> {
  return db
    .select()
    .from(recordedChanges)
    .where(
      and(
        eq(recordedChanges.modelId, modelId),
        before ? lt(recordedChanges.id, before) : undefined,
        what ? eq(recordedChanges.what, what) : undefined,
      ),
    )
    .orderBy(desc(recordedChanges.id))
    .limit(limit)
}
