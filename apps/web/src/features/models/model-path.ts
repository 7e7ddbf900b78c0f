/** What the `[model]` segment of a page names. */
export interface ModelPath {
  slug: string
  version:
    | { kind: 'default' }
    | { kind: 'number'; number: number }
    | { kind: 'latest' }
    | { kind: 'commit'; prefix: string }
}

/**
 * Reads `my-model`, `my-model@3`, `my-model@latest` and `my-model@sha-4f2a91c`. A page gets the segment still encoded
 * (`my-model%403`), a route handler gets it decoded; so it is decoded once here, and what then still holds an escape
 * is no model's name. Null when it cannot name a model.
 */
export function parseModelPath(segment: string): ModelPath | null {
  const text = decodeOnce(segment)
  const match = /^([A-Za-z0-9._-]{1,100})(?:@(.{1,50}))?$/.exec(text ?? '')
  if (!match?.[1] || match[1] === '.' || match[1] === '..') return null
  const [, slug, suffix] = match as unknown as [string, string, string | undefined]
  if (suffix === undefined) return { slug, version: { kind: 'default' } }
  if (/^[1-9]\d{0,8}$/.test(suffix)) return { slug, version: { kind: 'number', number: Number(suffix) } }
  if (suffix === 'latest') return { slug, version: { kind: 'latest' } }
  const commit = /^sha-([0-9a-f]{7,40})$/.exec(suffix)?.[1]
  return commit ? { slug, version: { kind: 'commit', prefix: commit } } : null
}

function decodeOnce(segment: string): string | null {
  try {
    return decodeURIComponent(segment)
  } catch {
    return null
  }
}

/** Whether owner and name could be a model's; also keeps out what Postgres refuses in a text, such as NUL. */
export const couldBePath = (owner: string, slug: string) => /^[\w-]{1,100}$/.test(owner) && /^[\w.-]{1,100}$/.test(slug)

/** Owners that would hide a page of ours. */
export const reservedOwners = new Set(
  'models new w workspaces dashboard settings login logout docs api schemas admin hash badge feed.atom sitemap.xml robots.txt healthz readyz metrics _next favicon.ico status about explore search remote-image'.split(
    ' ',
  ),
)

export function parseOwner(segment: string): string | null {
  const text = decodeOnce(segment)
  return text && /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/.test(text) && !reservedOwners.has(text.toLowerCase()) ? text : null
}
