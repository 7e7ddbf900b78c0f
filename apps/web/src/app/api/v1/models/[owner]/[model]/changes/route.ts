import { ChangesQuery } from '@modelport/schema/api'
import { api, list, readQuery } from '#src/api/route.ts'
import { openModel } from '#src/features/models/open-model.ts'
import { changeJson, changesOf } from '#src/features/settings/load-changes.ts'

export const dynamic = 'force-dynamic'

export const GET = api<{ owner: string; model: string }>(async ({ url, actor, params }) => {
  const { model } = await openModel(actor, params.owner, params.model, 'see-changes')
  const { cursor, limit, what } = readQuery(url, ChangesQuery)
  const { items, next } = await changesOf(model.id, { cursor, limit, what })
  return list(items.map(changeJson), next)
})
