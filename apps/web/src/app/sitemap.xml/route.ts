import { serveSitemap } from '#src/features/public-files/serve-sitemap.ts'

// The address of the site is known when it runs, not when it is built.
export const dynamic = 'force-dynamic'

export const GET = (request: Request) => serveSitemap(request)
