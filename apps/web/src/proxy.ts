import { type NextRequest, NextResponse } from 'next/server'
import { hereHeader } from '#src/here.ts'

/** Sets headers and nothing else. Who may see what is decided where the data is read, never here. */
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
  response.headers.set('x-content-type-options', 'nosniff')
  response.headers.set('x-frame-options', 'DENY')
  response.headers.set('referrer-policy', 'strict-origin-when-cross-origin')
  response.headers.set('cross-origin-opener-policy', 'same-origin')
  response.headers.set('cross-origin-resource-policy', 'same-origin')
  response.headers.set('permissions-policy', 'camera=(), microphone=(), geolocation=()')
  return response
}

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
