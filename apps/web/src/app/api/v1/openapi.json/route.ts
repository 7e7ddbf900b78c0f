import { openApiDocument } from '@modelport/schema/api'
import { context } from '#src/context.ts'

export const dynamic = 'force-dynamic'

export const GET = () =>
  Response.json(openApiDocument(context().config.siteUrl), { headers: { 'cache-control': 'public, max-age=300' } })
