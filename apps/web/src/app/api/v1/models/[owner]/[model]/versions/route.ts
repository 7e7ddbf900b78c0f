import { Page } from '@modelport/schema/api'
import { api, list, readQuery } from '#src/api/route.ts'
import { openModel } from '#src/features/models/open-model.ts'
import { pageOfVersions } from '#src/features/versions/version-json.ts'

export const dynamic = 'force-dynamic'

export const GET = api<{ owner: string; model: string }>(async ({ url, actor, params }) => {
  const { cursor, limit } = readQuery(url, Page)
  const { model } = await openModel(actor, params.owner, params.model)
  const { items, nextCursor } = await pageOfVersions(actor, model, cursor, limit)
  return list(items, nextCursor)
})
