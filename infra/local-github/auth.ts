import { createHash, createHmac, randomBytes, timingSafeEqual, verify } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { findAccount } from './accounts.ts'
import type { Context } from './context.ts'
import { HttpError } from './http.ts'
import type { Account, Grant, Installation } from './store.ts'

/** Who is asking. */
export type Caller =
  | { kind: 'nobody' }
  | { kind: 'app' }
  | { kind: 'installation'; installation: Installation; grant: Grant }
  /** A person through the app: sees only what both may see. */
  | { kind: 'user-token'; account: Account; grant: Grant }
  /** A person with a password: on this stand-in any password fits. */
  | { kind: 'person'; account: Account }
  /** The app's OAuth credentials. */
  | { kind: 'client' }

/** Compares two secrets in a time that does not tell where they differ. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/** The name under which a token or code is stored: the text itself is kept by its holder only. */
export function grantId(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Makes a token of GitHub's looks. */
export function newToken(prefix: 'ghs' | 'ghu' | 'ghr' | 'code'): string {
  const text = randomBytes(27).toString('base64').replace(/[+/=]/g, 'x').slice(0, 36)
  return prefix === 'code' ? createHash('sha256').update(text).digest('hex').slice(0, 20) : `${prefix}_${text}`
}

/** Finds a grant by its text; null when it is unknown, of another kind, used or expired. */
export function findGrant(ctx: Context, token: string, kind: Grant['kind']): Grant | null {
  const grant = ctx.store.grants.get(grantId(token))
  if (!grant || grant.kind !== kind || grant.used || Date.parse(grant.expiresAt) <= Date.now()) return null
  return grant
}

/** Tells who sent a request, by its Authorization header; wrong credentials throw 401 rather than count as nobody. */
export function callerOf(ctx: Context, req: IncomingMessage): Caller {
  const header = req.headers.authorization
  if (!header) return { kind: 'nobody' }
  const [scheme, ...rest] = header.split(' ')
  const value = rest.join(' ').trim()
  if (/^basic$/i.test(scheme!)) {
    const [user, password] = basic(value)
    return callerOfPassword(ctx, user, password)
  }
  if (/^(?:bearer|token)$/i.test(scheme!)) return callerOfToken(ctx, value)
  throw badCredentials()
}

/** Tells who a user name and password belong to. */
export function callerOfPassword(ctx: Context, user: string, password: string): Caller {
  if (user === ctx.config.clientId && sameSecret(password, ctx.config.clientSecret)) return { kind: 'client' }
  // Git sends tokens as the password with any user name, and sometimes as the user name.
  const token = [password, user].find((text) => /^gh[su]_/.test(text))
  if (token) return callerOfToken(ctx, token)
  const account = findAccount(ctx, user)
  if (account?.type !== 'User' || password === '') throw badCredentials()
  return { kind: 'person', account }
}

/** Splits the value of a Basic authorization header. */
export function basic(value: string): [user: string, password: string] {
  const text = Buffer.from(value, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}

function callerOfToken(ctx: Context, token: string): Caller {
  if (token.startsWith('ghs_')) {
    const grant = findGrant(ctx, token, 'installation')
    const installation = grant?.installationId ? ctx.store.installations.get(grant.installationId) : undefined
    if (!grant || !installation) throw badCredentials()
    if (installation.suspendedAt) throw new HttpError(403, 'This installation has been suspended')
    return { kind: 'installation', installation, grant }
  }
  if (token.startsWith('ghu_')) {
    const grant = findGrant(ctx, token, 'user')
    const account = grant?.accountId ? ctx.store.accounts.get(grant.accountId) : undefined
    if (!grant || !account) throw badCredentials()
    return { kind: 'user-token', account, grant }
  }
  if (token.split('.').length === 3) {
    checkAppJwt(ctx, token)
    return { kind: 'app' }
  }
  throw badCredentials()
}

// GitHub allows a minute of clock drift, and no JWT that lives longer than ten minutes.
function checkAppJwt(ctx: Context, jwt: string): void {
  const [header, payload, signature] = jwt.split('.') as [string, string, string]
  let claims: { iss?: unknown; exp?: unknown; iat?: unknown }
  try {
    const head = JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as { alg?: unknown }
    // Naming the algorithm here is what keeps `none` and HMAC with the public key out.
    if (head.alg !== 'RS256') throw new Error('algorithm')
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as typeof claims
  } catch {
    throw new HttpError(401, 'A JSON web token could not be decoded')
  }
  const good = verify(
    'RSA-SHA256',
    Buffer.from(`${header}.${payload}`),
    ctx.config.appKey,
    Buffer.from(signature, 'base64url'),
  )
  if (!good) throw new HttpError(401, 'A JSON web token could not be decoded')
  const issuer = String(claims.iss)
  if (issuer !== String(ctx.config.appId) && issuer !== ctx.config.clientId)
    throw new HttpError(401, 'Integration not found')
  const time = Date.now() / 1000
  if (typeof claims.exp !== 'number' || claims.exp < time) {
    throw new HttpError(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    )
  }
  if (claims.exp > time + 660) {
    throw new HttpError(401, "'Expiration time' claim ('exp') is too far in the future")
  }
  if (typeof claims.iat !== 'number' || claims.iat > time + 60) {
    throw new HttpError(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    )
  }
}

/** The answer to credentials that fit nobody. */
export function badCredentials(): HttpError {
  return new HttpError(401, 'Bad credentials')
}

/** Signs a text with the key of this local GitHub's cookies. */
export function sign(ctx: Context, text: string): string {
  return createHmac('sha256', ctx.cookieKey).update(text).digest('base64url')
}
