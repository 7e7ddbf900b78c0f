import { countSitemap, listSitemap } from '@modelport/db/queries/pages'
import { context } from '#src/context.ts'
import { fileAnswer, nothingHere, xml } from '#src/features/public-files/answer.ts'

/** The protocol allows 50 000 addresses in a file. */
const partLength = 10_000
const namespace = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'

/** The pages of public models; split into parts once there are more than fit one file. */
export async function serveSitemap(request: Request): Promise<Response> {
  const { db, config } = context()
  const asked = new URL(request.url).searchParams.get('part')
  if (asked !== null && !/^[1-9]\d{0,3}$/.test(asked)) return nothingHere()
  const parts = asked === null ? Math.ceil((await countSitemap(db)) / partLength) : 0
  if (parts > 1) {
    const places = Array.from({ length: parts }, (_, i) => `${config.siteUrl}/sitemap.xml?part=${i + 1}`)
    return answer(
      request,
      'sitemapindex',
      places.map((place) => `<sitemap><loc>${xml(place)}</loc></sitemap>`),
    )
  }
  const part = Number(asked ?? 1)
  const rows = await listSitemap(db, { offset: (part - 1) * partLength, limit: partLength })
  if (asked !== null && rows.length === 0) return nothingHere()
  const pages = [
    ...(part === 1
      ? [`<url><loc>${xml(config.siteUrl)}/</loc></url>`, `<url><loc>${xml(config.siteUrl)}/models</loc></url>`]
      : []),
    ...rows.map(
      ({ owner, slug, updatedAt }) =>
        `<url><loc>${xml(`${config.siteUrl}/${owner}/${slug}`)}</loc><lastmod>${updatedAt.toISOString()}</lastmod></url>`,
    ),
  ]
  return answer(request, 'urlset', pages)
}

function answer(request: Request, element: string, lines: string[]): Response {
  const body = ['<?xml version="1.0" encoding="utf-8"?>', `<${element} ${namespace}>`, ...lines, `</${element}>`, '']
  return fileAnswer(request, body.join('\n'), { type: 'application/xml', seconds: 3600, shared: true })
}

/** What crawlers need not ask for: it is behind a sign-in, or is no page. */
export async function serveRobots(request: Request): Promise<Response> {
  const text = [
    'User-agent: *',
    ...['/api/', '/dashboard', '/login', '/logout', '/new', '/settings', '/*/badge/', '/*/compare/'].map(
      (path) => `Disallow: ${path}`,
    ),
    '',
    `Sitemap: ${context().config.siteUrl}/sitemap.xml`,
    '',
  ]
  return fileAnswer(request, text.join('\n'), { type: 'text/plain', seconds: 3600, shared: true })
}
