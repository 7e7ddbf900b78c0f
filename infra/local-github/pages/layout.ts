import { randomBytes } from 'node:crypto'
import { sameSecret, sign } from '../auth.ts'
import type { Context } from '../context.ts'
import { HttpError, type Request } from '../http.ts'
import type { Account } from '../store.ts'
import { type Html, html } from './html.ts'

// The site lives on the same address with another port, and ports do not separate cookies; so the name is our own.
const COOKIE = 'local_github'

/** Who looks at the pages; `csrf` belongs into every form. */
export interface Session {
  id: string
  account: Account | null
  csrf: string
}

/** Reads the visitor's cookie, or begins a session for one who has none. */
export function sessionOf(ctx: Context, request: Request): Session {
  const cookies = (request.req.headers.cookie ?? '').split(';').map((cookie) => cookie.trim())
  const value = cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? ''
  const [id, account, signature] = value.split('.')
  if (id && account && signature && sameSecret(signature, sign(ctx, `session:${id}.${account}`))) {
    return { id, account: ctx.store.accounts.get(Number(account)) ?? null, csrf: sign(ctx, `csrf:${id}.${account}`) }
  }
  return begin(ctx, request, null)
}

function begin(ctx: Context, request: Request, account: Account | null): Session {
  const id = randomBytes(16).toString('base64url')
  const named = `${id}.${account?.id ?? 0}`
  request.res.setHeader(
    'set-cookie',
    `${COOKIE}=${named}.${sign(ctx, `session:${named}`)}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000`,
  )
  return { id, account, csrf: sign(ctx, `csrf:${named}`) }
}

/** Remembers the account; the session gets a new id, so that a planted cookie gains nothing. */
export function signIn(ctx: Context, request: Request, session: Session, account: Account): void {
  if (session.account?.id !== account.id) begin(ctx, request, account)
}

/** Forgets the account. */
export function signOut(ctx: Context, request: Request): void {
  begin(ctx, request, null)
}

/** Gives the form back if it came from one of our own pages. */
export function checkedForm(session: Session, form: URLSearchParams): URLSearchParams {
  if (!sameSecret(form.get('csrf') ?? '', session.csrf)) {
    throw new HttpError(403, 'This form is too old or came from elsewhere. Go back, reload the page and send it again.')
  }
  return form
}

/** A whole page around its content. */
export function layout(ctx: Context, session: Session, title: string, content: Html): Html {
  const who = session.account
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · local GitHub</title>
<link rel="stylesheet" href="/assets/style.css">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
  <a href="/" class="brand">Local GitHub</a>
  <nav aria-label="Main">
    <a href="/apps/${ctx.config.appSlug}">App</a>
    ${who ? html`<a href="/${who.login}">${who.login}</a>` : ''}
    <a href="/login">${who ? 'Switch' : 'Sign in'}</a>
  </nav>
</header>
<main id="content" tabindex="-1">
${content}
</main>
<footer><p>A GitHub for this machine only. Any password works for any account; keep nothing secret here.</p></footer>
</body>
</html>
`
}

/** Sends a page; `formTarget` is another origin to which a form on it may lead. */
export function sendPage(request: Request, status: number, page: Html, formTarget = ''): void {
  const body = Buffer.from(page.text)
  request.res.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': body.length,
    'content-security-policy': `default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' ${formTarget}; base-uri 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  })
  request.res.end(body)
}

/** The stylesheet of all pages. */
export const STYLE = `:root { color-scheme: light dark; --text: #1f2328; --dim: #59636e; --page: #fff; --card: #f6f8fa;
  --line: #d1d9e0; --link: #0550ae; --good: #116329; --bad: #a40e26; --wait: #7a4d00; --button: #1a6b36; }
@media (prefers-color-scheme: dark) { :root { --text: #f0f6fc; --dim: #9ca6b0; --page: #0d1117; --card: #151b23;
  --line: #3d444d; --link: #6cb0ff; --good: #5fd47a; --bad: #ff8a84; --wait: #e3b341; --button: #1a6b36; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
a { color: var(--link); }
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 0.75rem 1rem; }
header { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; justify-content: space-between; border-bottom: 1px solid var(--line); }
header nav { display: flex; flex-wrap: wrap; gap: 1rem; }
.brand { font-weight: 600; color: var(--text); text-decoration: none; }
.skip { position: absolute; left: -100rem; } .skip:focus { left: 1rem; top: 0.5rem; background: var(--page); padding: 0.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.75rem 0; overflow-wrap: anywhere; } h2 { font-size: 1.125rem; margin: 1.5rem 0 0.5rem; }
footer { color: var(--dim); font-size: 0.875rem; border-top: 1px solid var(--line); margin-top: 2rem; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 0.75rem; font-size: 0.875rem; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-size: 0.9em; overflow-wrap: anywhere; }
ul.list { list-style: none; padding: 0; margin: 0; border: 1px solid var(--line); border-radius: 6px; }
ul.list > li { padding: 0.5rem 0.75rem; overflow-wrap: anywhere; } ul.list > li + li { border-top: 1px solid var(--line); }
fieldset { border: 1px solid var(--line); border-radius: 6px; } .choice { font-weight: 400; overflow-wrap: anywhere; } .choice input { min-height: 1.25rem; width: 1.25rem; vertical-align: middle; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 0.75rem 1rem; margin: 0.75rem 0; }
.dim { color: var(--dim); font-size: 0.875rem; } .row { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
label { display: block; margin: 0.5rem 0 0.25rem; font-weight: 600; }
input, select, button { font: inherit; color: inherit; min-height: 2.5rem; padding: 0.25rem 0.75rem; border: 1px solid var(--dim); border-radius: 6px; background: var(--page); max-width: 100%; }
input:not([type=hidden]):not([type=checkbox]) { width: 22rem; } button { cursor: pointer; }
button.primary { background: var(--button); border-color: var(--button); color: #fff; } button.danger { color: var(--bad); border-color: var(--bad); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); }
.tag { border: 1px solid var(--line); border-radius: 1rem; padding: 0 0.5rem; font-size: 0.8125rem; }
`
