import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { closeSession, openSession, syncUser } from '@modelport/db/queries/people'
import { z } from 'zod'
import { actorOfSession, readCookie } from '#src/auth/actor.ts'
import { cookie, sessionCookie, signInCookie } from '#src/auth/cookies.ts'
import { GithubUnavailable, SignInRefused } from '#src/auth/github.ts'
import { isSameOrigin, safeNext } from '#src/auth/same-origin.ts'
import { seal, unseal } from '#src/auth/seal.ts'
import { sealTokens } from '#src/auth/session.ts'
import { context } from '#src/context.ts'

/** What the browser keeps between going to GitHub and coming back; sealed, so that it cannot be made up. */
const Attempt = z.object({ state: z.string(), verifier: z.string(), next: z.string(), at: z.number() })
const attemptSeconds = 600

const random = () => randomBytes(32).toString('base64url')

/** Sends the browser to GitHub, with a `state` that only this browser can bring back and a PKCE challenge. */
export function beginSignIn(request: Request): Response {
  const { config, secrets } = context()
  if (!config.githubClientId || !secrets.githubClientSecret)
    return page(
      503,
      'Sign-in is not set up',
      'This installation has no GitHub App configured; its operator sets GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET.',
    )
  const attempt = {
    state: random(),
    verifier: random(),
    next: safeNext(new URL(request.url).searchParams.get('next')),
    at: Date.now(),
  }
  const address = new URL(`${config.githubWebUrl}/login/oauth/authorize`)
  address.search = new URLSearchParams({
    client_id: config.githubClientId,
    redirect_uri: `${config.siteUrl}/login/callback`,
    state: attempt.state,
    code_challenge: createHash('sha256').update(attempt.verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  return redirect(address.href, [
    cookie(config, signInCookie(config), seal(secrets.key, JSON.stringify(attempt)), attemptSeconds),
  ])
}

/** Takes what GitHub sent back: makes the person's row and a new session. The attempt is spent, whatever comes of it. */
export async function finishSignIn(request: Request): Promise<Response> {
  const { config, db, github } = context()
  const spent = cookie(config, signInCookie(config), '', 0)
  const query = new URL(request.url).searchParams
  const attempt = readAttempt(readCookie(request, signInCookie(config)))
  if (query.get('error'))
    return page(
      400,
      'Sign-in was cancelled',
      'GitHub was told not to let this site know who you are. Nothing was changed.',
      [spent],
    )
  const code = query.get('code')
  if (!attempt || !code || !sameText(attempt.state, query.get('state') ?? ''))
    return page(
      400,
      'This sign-in was not started here',
      'It belongs to another browser, was used already, or is older than ten minutes.',
      [spent],
    )
  try {
    const tokens = await github.exchangeCode(code, attempt.verifier)
    const user = await syncUser(db, await github.whoIs(tokens.access))
    // A session that the browser had before is ended, never continued.
    const before = await actorOfSession(readCookie(request, sessionCookie(config)))
    if (before.session) await closeSession(db, before.session.id)
    const secret = await openSession(db, user.id, sealTokens(tokens))
    return redirect(`${config.siteUrl}${attempt.next}`, [
      spent,
      cookie(config, sessionCookie(config), secret, 30 * 86_400),
    ])
  } catch (error) {
    if (error instanceof SignInRefused) return page(400, 'GitHub refused this sign-in', error.message, [spent])
    if (error instanceof GithubUnavailable) {
      console.error('A sign-in could not be finished.', error)
      return page(503, 'GitHub did not answer', 'Try again in a minute.', [spent])
    }
    throw error
  }
}

export async function signOut(request: Request): Promise<Response> {
  const { config, db } = context()
  if (!isSameOrigin(request.headers, config.siteUrl))
    return page(403, 'Not signed out', 'The request did not come from a page of this site.')
  const actor = await actorOfSession(readCookie(request, sessionCookie(config)))
  if (actor.session) await closeSession(db, actor.session.id)
  return redirect(`${config.siteUrl}/`, [cookie(config, sessionCookie(config), '', 0)], 303)
}

function readAttempt(sealed: string | undefined): z.infer<typeof Attempt> | null {
  const text = sealed ? unseal(context().secrets.key, sealed) : null
  const parsed = text ? Attempt.safeParse(JSON.parse(text)) : null
  return parsed?.success && Date.now() - parsed.data.at < attemptSeconds * 1000 ? parsed.data : null
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function redirect(location: string, cookies: string[], status = 302): Response {
  const headers = new Headers({ location, 'cache-control': 'no-store' })
  for (const value of cookies) headers.append('set-cookie', value)
  return new Response(null, { status, headers })
}

/** A page without parts of others: sign-in may fail in ways that must not depend on them. All text is ours or escaped. */
function page(status: number, title: string, text: string, cookies: string[] = []): Response {
  const headers = new Headers({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
  for (const value of cookies) headers.append('set-cookie', value)
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)} · Modelport</title><main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p>
<p><a href="/login">Sign in</a> · <a href="/">Home</a></p></main></html>\n`
  return new Response(body, { status, headers })
}

const escapeHtml = (text: string) => text.replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
