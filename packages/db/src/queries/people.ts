import { createHash, randomBytes } from 'node:crypto'
import { and, desc, eq, isNull, or, sql } from 'drizzle-orm'
import type { Db, Tx } from '../client.ts'
import { apiTokens, modelPermissions, sessions, users } from '../tables/people.ts'

export type User = typeof users.$inferSelect
export type Session = typeof sessions.$inferSelect
export type ApiToken = typeof apiTokens.$inferSelect
export type Permission = 'none' | 'read' | 'write' | 'admin'

export const tokenScopes = ['read', 'write', 'files', 'admin'] as const
export type TokenScope = (typeof tokenScopes)[number]

const hash = (secret: string) => createHash('sha256').update(secret).digest('hex')

/** Makes the person's row equal to what GitHub says; keyed by the numeric id. */
export async function syncUser(
  db: Tx,
  account: { id: number; login: string; name?: string | null; avatar_url?: string | null },
): Promise<User> {
  const values = { login: account.login, name: account.name ?? null, avatarUrl: account.avatar_url ?? null }
  const [row] = await db
    .insert(users)
    .values({ githubId: account.id, ...values })
    .onConflictDoUpdate({ target: users.githubId, set: values })
    .returning()
  return row!
}

/** Opens a session of at most 30 days, and 7 days without use. Returns the secret for the cookie; only its hash is stored. */
export async function openSession(
  db: Db,
  userId: string,
  tokens: { sealed: string; accessExpiresAt: Date | null },
): Promise<string> {
  const secret = randomBytes(32).toString('base64url')
  await db.insert(sessions).values({
    tokenHash: hash(secret),
    userId,
    githubTokens: tokens.sealed,
    accessExpiresAt: tokens.accessExpiresAt,
    expiresAt: new Date(Date.now() + 30 * 86_400_000),
  })
  return secret
}

/** The session of a cookie, when it is still good. */
export async function findSession(db: Db, secret: string): Promise<{ session: Session; user: User } | null> {
  const [row] = await db
    .select({ session: sessions, user: users })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        eq(sessions.tokenHash, hash(secret)),
        isNull(sessions.revokedAt),
        sql`${sessions.expiresAt} > now()`,
        sql`${sessions.lastUsedAt} > now() - interval '7 days'`,
      ),
    )
  if (!row) return null
  // Once an hour is enough for the idle limit, and keeps reads from becoming writes.
  if (Date.now() - row.session.lastUsedAt.getTime() > 3_600_000)
    await db.update(sessions).set({ lastUsedAt: sql`now()` }).where(eq(sessions.id, row.session.id))
  return row
}

/**
 * Replaces a session's GitHub tokens under a lock: a refresh token is good once, so two requests must not both use it.
 * `refresh` gets the sealed tokens as they are now and returns new ones, or null to leave them.
 */
export async function refreshSession(
  db: Db,
  sessionId: string,
  refresh: (current: Session) => Promise<{ sealed: string; accessExpiresAt: Date | null } | null>,
): Promise<Session | null> {
  return db.transaction(async (tx) => {
    const [current] = await tx.select().from(sessions).where(eq(sessions.id, sessionId)).for('update')
    if (!current || current.revokedAt) return null
    const renewed = await refresh(current)
    if (!renewed) return current
    const [row] = await tx
      .update(sessions)
      .set({ githubTokens: renewed.sealed, accessExpiresAt: renewed.accessExpiresAt })
      .where(eq(sessions.id, sessionId))
      .returning()
    return row!
  })
}

export async function closeSession(db: Db, sessionId: string): Promise<void> {
  await db
    .update(sessions)
    .set({ revokedAt: sql`now()` })
    .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt)))
}

/** Ends every session of a person, for example when they revoked the app on GitHub. */
export async function closeSessionsOf(db: Tx, githubUserId: number): Promise<void> {
  await db.execute(sql`update sessions set revoked_at = now() where revoked_at is null
    and user_id in (select id from users where github_id = ${githubUserId})`)
}

/** Makes an API token. The secret is returned once; the table holds its hash. */
export async function createApiToken(
  db: Db,
  userId: string,
  {
    name,
    scopes = [...tokenScopes],
    expiresAt = null,
  }: { name: string; scopes?: TokenScope[]; expiresAt?: Date | null },
): Promise<{ secret: string; token: ApiToken }> {
  const secret = `mp_${randomBytes(30).toString('base64url')}`
  const [token] = await db
    .insert(apiTokens)
    .values({ userId, name, scopes, expiresAt, tokenHash: hash(secret), prefix: secret.slice(0, 8) })
    .returning()
  return { secret, token: token! }
}

/** The person and scopes behind a bearer token, when it is still good. */
export async function findApiToken(db: Db, secret: string): Promise<{ token: ApiToken; user: User } | null> {
  const [row] = await db
    .select({ token: apiTokens, user: users })
    .from(apiTokens)
    .innerJoin(users, eq(users.id, apiTokens.userId))
    .where(
      and(
        eq(apiTokens.tokenHash, hash(secret)),
        isNull(apiTokens.revokedAt),
        or(isNull(apiTokens.expiresAt), sql`${apiTokens.expiresAt} > now()`),
      ),
    )
  if (!row) return null
  if (!row.token.lastUsedAt || Date.now() - row.token.lastUsedAt.getTime() > 60_000)
    await db.update(apiTokens).set({ lastUsedAt: sql`now()` }).where(eq(apiTokens.id, row.token.id))
  return row
}

export async function listApiTokens(db: Db, userId: string): Promise<ApiToken[]> {
  return db
    .select()
    .from(apiTokens)
    .where(and(eq(apiTokens.userId, userId), isNull(apiTokens.revokedAt)))
    .orderBy(desc(apiTokens.createdAt))
}

/** Returns false when the person has no such token. */
export async function revokeApiToken(db: Db, userId: string, id: string): Promise<boolean> {
  const rows = await db
    .update(apiTokens)
    .set({ revokedAt: sql`now()` })
    .where(and(eq(apiTokens.id, id), eq(apiTokens.userId, userId), isNull(apiTokens.revokedAt)))
    .returning({ id: apiTokens.id })
  return rows.length > 0
}

/** What GitHub said of this person and model, and when; null when it was never asked. */
export async function findPermission(db: Db, userId: string, modelId: string) {
  const [row] = await db
    .select()
    .from(modelPermissions)
    .where(and(eq(modelPermissions.userId, userId), eq(modelPermissions.modelId, modelId)))
  return row ?? null
}

export async function recordPermission(db: Tx, userId: string, modelId: string, permission: Permission): Promise<void> {
  await db
    .insert(modelPermissions)
    .values({ userId, modelId, permission })
    .onConflictDoUpdate({
      target: [modelPermissions.userId, modelPermissions.modelId],
      set: { permission, checkedAt: sql`now()` },
    })
}

/** Forgets what GitHub said about a model, so that it is asked again. */
export async function forgetPermissions(db: Tx, modelId: string): Promise<void> {
  await db.delete(modelPermissions).where(eq(modelPermissions.modelId, modelId))
}

/** Forgets what GitHub said about a person, on every model. */
export async function forgetPermissionsOf(db: Tx, githubUserId: number): Promise<void> {
  await db.execute(sql`delete from model_permissions
    where user_id in (select id from users where github_id = ${githubUserId})`)
}
