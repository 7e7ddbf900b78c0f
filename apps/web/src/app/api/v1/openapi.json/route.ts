import { openApiDocument } from '@modelport/schema/api'
import { context } from '#src/context.ts'

export const dynamic = 'force-dynamic'

// The same until the next start, and longer to make than a page.
let text: string | null = null

export const GET = () => {
  text ??= JSON.stringify(openApiDocument(context().config.siteUrl))
  return new Response(text, { headers: { 'content-type': 'application/json', 'cache-control': 'public, max-age=300' } })
}
