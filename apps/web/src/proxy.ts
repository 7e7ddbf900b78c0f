import { type NextRequest, NextResponse } from 'next/server'
import { hereHeader } from '#src/here.ts'

/**
 * Gives a page its policy, and pages the address that they stand at. Who may see what is decided where the data is read,
 * never here. What every answer carries is set in `next.config.ts`.
 */
export function proxy(request: NextRequest) {
  const nonce = btoa(crypto.randomUUID())
  // Somebody else's picture, opened by itself, is a document that may do nothing.
  const policy = isPicture(request.nextUrl.pathname)
    ? "default-src 'none'; sandbox; frame-ancestors 'none'"
    : contentSecurityPolicy(nonce, process.env, request.nextUrl.pathname)
  const headers = new Headers(request.headers)
  // Next puts the nonce that it finds here on its own scripts.
  headers.set('content-security-policy', policy)
  headers.set(hereHeader, request.nextUrl.pathname + request.nextUrl.search)
  const response = NextResponse.next({ request: { headers } })
  response.headers.set('content-security-policy', policy)
  return response
}

// All but what programs ask for, whose policy is the same each time: this costs a millisecond of every request. The same
// places as in `next.config.ts`.
export const config = { matcher: '/((?!api/|healthz$|readyz$|models/suggest$|_next/static/).*)' }

const isPicture = (path: string) => /\.webp$|\/opengraph-image$/.test(path)

function contentSecurityPolicy(nonce: string, env: NodeJS.ProcessEnv, path: string): string {
  const github = new URL(env.GITHUB_WEB_URL || 'https://github.com').origin
  const development = env.NODE_ENV === 'development'
  // Where browsers send the parts of their uploads. On every page: a link leads to Files without a new document.
  const store = env.S3_PUBLIC_ENDPOINT || env.S3_ENDPOINT
  // github.com serves the files of repositories, and the pictures of people, from hosts of its own.
  const images =
    github === 'https://github.com'
      ? `${github} https://raw.githubusercontent.com https://avatars.githubusercontent.com`
      : github
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${development ? " 'unsafe-eval'" : ''}`,
    `style-src 'self' 'nonce-${nonce}'`,
    `img-src 'self' data: ${images}`,
    `connect-src 'self'${store && URL.canParse(store) ? ` ${new URL(store).origin}` : ''}`,
    "worker-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    // The one page from which a form leads to GitHub.
    `form-action 'self'${path === '/admin/connect' ? ` ${github}` : ''}`,
    "frame-ancestors 'none'",
  ].join('; ')
}
