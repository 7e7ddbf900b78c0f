import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { ensureUser } from './accounts.ts'
import { basic, findGrant, grantId, newToken, sameSecret } from './auth.ts'
import type { Context } from './context.ts'
import { HttpError, type Request, type Router, readBody, readForm } from './http.ts'
import { html } from './pages/html.ts'
import { checkedForm, layout, sendPage, sessionOf, signIn } from './pages/layout.ts'
import type { Account, Grant } from './store.ts'

const CODE_MS = 10 * 60_000
const USER_TOKEN_S = 8 * 3600
const REFRESH_TOKEN_S = 184 * 24 * 3600

interface Authorization {
  redirectUri: string
  state: string | null
  codeChallenge: string | null
}

const tokenRequest = z.object({
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  code: z.string().max(200).optional(),
  redirect_uri: z.string().max(2000).optional(),
  code_verifier: z.string().max(200).optional(),
  grant_type: z.string().max(100).optional(),
  refresh_token: z.string().max(200).optional(),
})

/** The app's way to act for a person: the page where they agree, and the tokens that follow. */
export function oauthRoutes(router: Router<Context>): void {
  router.on('GET', '/login/oauth/authorize', (ctx, request) => {
    const wanted = readAuthorization(ctx, request.url.searchParams)
    const session = sessionOf(ctx, request)
    const people = ctx.store.accounts
      .all()
      .filter((account) => account.type === 'User')
      .sort((a, b) => a.login.localeCompare(b.login))
      .slice(0, 200)
    const suggested = request.url.searchParams.get('login') ?? session.account?.login ?? people[0]?.login ?? ''
    const appName = ctx.config.appSlug
    const page = layout(
      ctx,
      session,
      `Authorize ${appName}`,
      html`
      <h1>Authorize ${appName}</h1>
      <p>${appName} asks to know who you are, and to see the repositories that it is installed on and that you may see.
        This is the GitHub of this machine: choose any account, or type a new name. No password is asked.</p>
      <form method="post" action="/login/oauth/authorize" class="card">
        <input type="hidden" name="csrf" value="${session.csrf}">
        <input type="hidden" name="client_id" value="${ctx.config.clientId}">
        <input type="hidden" name="redirect_uri" value="${wanted.redirectUri}">
        ${wanted.state !== null && html`<input type="hidden" name="state" value="${wanted.state}">`}
        ${
          wanted.codeChallenge &&
          html`<input type="hidden" name="code_challenge" value="${wanted.codeChallenge}">
          <input type="hidden" name="code_challenge_method" value="S256">`
        }
        <label for="login">Account</label>
        <input id="login" name="login" list="accounts" value="${suggested}" required maxlength="39"
          autocomplete="username" autocapitalize="none" spellcheck="false">
        <datalist id="accounts">${people.map((account) => html`<option value="${account.login}"></option>`)}</datalist>
        <div class="row">
          <button name="answer" value="authorize" class="primary">Authorize</button>
          <button name="answer" value="cancel" formnovalidate>Cancel</button>
        </div>
      </form>`,
    )
    // Browsers check the redirect that follows a form against this list too.
    sendPage(request, 200, page, new URL(wanted.redirectUri).origin)
  })

  router.on('POST', '/login/oauth/authorize', async (ctx, request) => {
    const session = sessionOf(ctx, request)
    const form = checkedForm(session, await readForm(request))
    const wanted = readAuthorization(ctx, form)
    const back = new URL(wanted.redirectUri)
    if (wanted.state !== null) back.searchParams.set('state', wanted.state)
    if (form.get('answer') !== 'authorize') {
      back.searchParams.set('error', 'access_denied')
      back.searchParams.set('error_description', 'The user has denied your application access.')
    } else {
      const account = ensureUser(ctx, (form.get('login') ?? '').trim())
      if (!account)
        throw new HttpError(
          422,
          'This cannot be the name of a person: up to 39 letters, digits, hyphens and underscores.',
        )
      signIn(ctx, request, session, account)
      back.searchParams.set('code', issueCode(ctx, account, wanted))
    }
    // Not 302: some clients would repeat the POST.
    request.res.writeHead(303, { location: back.href, 'cache-control': 'no-store' })
    request.res.end()
  })

  router.on('POST', '/login/oauth/access_token', async (ctx, request) => {
    const answer = exchange(ctx, await readTokenRequest(request))
    // GitHub answers errors with 200 too, and in the form encoding unless JSON is asked for.
    const json = (request.req.headers.accept ?? '').includes('json')
    const body = json
      ? JSON.stringify(answer)
      : new URLSearchParams(
          Object.entries(answer).map(([name, value]) => [name, String(value)] as [string, string]),
        ).toString()
    request.res.writeHead(200, {
      'content-type': json ? 'application/json; charset=utf-8' : 'application/x-www-form-urlencoded; charset=utf-8',
      'cache-control': 'no-store',
    })
    request.res.end(body)
  })
}

function readAuthorization(ctx: Context, query: URLSearchParams): Authorization {
  if (query.get('client_id') !== ctx.config.clientId) throw new HttpError(404, 'There is no app with this client id.')
  const redirectUri = query.get('redirect_uri') ?? ctx.config.redirectUrls[0]!
  // An error here must not be sent to the address itself: that is what an attacker would have chosen.
  if (!isAllowedRedirect(ctx.config.redirectUrls, redirectUri)) {
    throw new HttpError(400, 'The redirect_uri is not associated with this application.')
  }
  const codeChallenge = query.get('code_challenge')
  if (codeChallenge !== null) {
    if ((query.get('code_challenge_method') ?? 'S256') !== 'S256' || !/^[A-Za-z0-9_-]{43}$/.test(codeChallenge)) {
      throw new HttpError(400, 'Only the code_challenge_method S256 is supported.')
    }
  }
  return { redirectUri, state: query.get('state'), codeChallenge }
}

/** Tells whether a sign-in may return to an address: an allowed one, or a path below it, on the same host and port. */
export function isAllowedRedirect(allowed: string[], wanted: string): boolean {
  if (!URL.canParse(wanted)) return false
  const url = new URL(wanted)
  if (url.username || url.password || url.hash) return false
  return allowed.some((text) => {
    const own = new URL(text)
    const folder = own.pathname.endsWith('/') ? own.pathname : `${own.pathname}/`
    return own.origin === url.origin && (url.pathname === own.pathname || url.pathname.startsWith(folder))
  })
}

function issueCode(ctx: Context, account: Account, wanted: Authorization): string {
  const code = newToken('code')
  ctx.store.grants.put({
    ...emptyGrant('code', account, new Date(Date.now() + CODE_MS)),
    id: grantId(code),
    redirectUri: wanted.redirectUri,
    codeChallenge: wanted.codeChallenge,
    family: randomUUID(),
  })
  return code
}

async function readTokenRequest(request: Request): Promise<z.output<typeof tokenRequest>> {
  const text = (await readBody(request.req, 64 * 1024)).toString('utf8')
  const isJson = (request.req.headers['content-type'] ?? '').includes('json')
  let given: unknown
  try {
    given = isJson ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text))
  } catch {
    throw new HttpError(400, 'Problems parsing JSON')
  }
  // Some clients send everything in the query.
  const merged = { ...Object.fromEntries(request.url.searchParams), ...(given as Record<string, unknown>) }
  const header = /^basic (.+)$/i.exec(request.req.headers.authorization ?? '')?.[1]
  if (header) [merged.client_id, merged.client_secret] = basic(header)
  const parsed = tokenRequest.safeParse(merged)
  if (!parsed.success) throw new HttpError(422, 'Validation Failed')
  return parsed.data
}

type TokenAnswer = Record<string, string | number>

function exchange(ctx: Context, given: z.output<typeof tokenRequest>): TokenAnswer {
  const isClient =
    given.client_id === ctx.config.clientId && sameSecret(given.client_secret ?? '', ctx.config.clientSecret)
  if (!isClient) {
    return failed('incorrect_client_credentials', 'The client_id and/or client_secret passed are incorrect.')
  }
  if (given.grant_type === 'refresh_token') return refresh(ctx, given.refresh_token ?? '')
  if (given.grant_type !== undefined && given.grant_type !== 'authorization_code') {
    return failed('unsupported_grant_type', 'The grant_type is not supported.')
  }

  const bad = () => failed('bad_verification_code', 'The code passed is incorrect or expired.')
  const known = ctx.store.grants.get(grantId(given.code ?? ''))
  if (known?.kind === 'code' && known.used) {
    // A code that comes twice was stolen by one of the two, so what it gave is taken back.
    dropFamily(ctx, known.family)
    return bad()
  }
  const code = findGrant(ctx, given.code ?? '', 'code')
  const account = code && ctx.store.accounts.get(code.accountId!)
  if (!code || !account) return bad()
  if (given.redirect_uri !== undefined && given.redirect_uri !== code.redirectUri) {
    return failed(
      'redirect_uri_mismatch',
      'The redirect_uri MUST match the registered callback URL for this application.',
    )
  }
  ctx.store.grants.put({ ...code, used: true })
  if (code.codeChallenge) {
    const proof = createHash('sha256')
      .update(given.code_verifier ?? '')
      .digest('base64url')
    if (!sameSecret(proof, code.codeChallenge)) return bad()
  }
  return issueTokens(ctx, account, code.family)
}

function refresh(ctx: Context, token: string): TokenAnswer {
  const grant = findGrant(ctx, token, 'refresh')
  const account = grant && ctx.store.accounts.get(grant.accountId!)
  if (!grant || !account) return failed('bad_refresh_token', 'The refresh token passed is incorrect or expired.')
  // One use only, and the token that it belonged to ends with it.
  dropFamily(ctx, grant.family)
  return issueTokens(ctx, account, randomUUID())
}

function dropFamily(ctx: Context, family: string): void {
  for (const grant of ctx.store.grants.by('family', family))
    if (grant.kind !== 'code') ctx.store.grants.delete(grant.id)
}

function issueTokens(ctx: Context, account: Account, family: string): TokenAnswer {
  const access = newToken('ghu')
  const again = newToken('ghr')
  const after = (seconds: number) => new Date(Date.now() + seconds * 1000)
  ctx.store.grants.put({ ...emptyGrant('user', account, after(USER_TOKEN_S)), id: grantId(access), family })
  ctx.store.grants.put({ ...emptyGrant('refresh', account, after(REFRESH_TOKEN_S)), id: grantId(again), family })
  return {
    access_token: access,
    expires_in: USER_TOKEN_S,
    refresh_token: again,
    refresh_token_expires_in: REFRESH_TOKEN_S,
    token_type: 'bearer',
    scope: '',
  }
}

function emptyGrant(kind: Grant['kind'], account: Account, expires: Date): Omit<Grant, 'id'> {
  return {
    kind,
    expiresAt: expires.toISOString(),
    accountId: account.id,
    installationId: null,
    repositoryIds: null,
    permissions: null,
    redirectUri: null,
    codeChallenge: null,
    family: '',
    used: false,
  }
}

function failed(error: string, description: string): TokenAnswer {
  return {
    error,
    error_description: description,
    error_uri: 'https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors',
  }
}
