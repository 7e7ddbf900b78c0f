/** Whether a state change comes from a page of this site. A browser that says nothing about it is refused. */
export function isSameOrigin(headers: Headers, siteUrl: string): boolean {
  const origin = headers.get('origin')
  if (origin !== null) return origin === new URL(siteUrl).origin
  return headers.get('sec-fetch-site') === 'same-origin'
}

/** The path to go to after signing in: one of this site, or the home page. */
export function safeNext(next: string | null | undefined): string {
  if (!next || next.length > 2000 || !next.startsWith('/')) return '/'
  // Browsers read `\` as `/` and drop tabs and line ends; what is left must still be a path here.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\\\u0000-\u001f\u007f]/.test(next) || next.startsWith('//')) return '/'
  const here = 'http://here.invalid'
  try {
    const url = new URL(next, here)
    return url.origin === here && !url.pathname.startsWith('//') ? `${url.pathname}${url.search}${url.hash}` : '/'
  } catch {
    return '/'
  }
}
