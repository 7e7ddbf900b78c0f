import { listVersions } from '@modelport/db/queries/versions'
import { Page } from '@modelport/schema/api'
import { api, list, readQuery } from '#src/api/route.ts'
import { can } from '#src/auth/can.ts'
import { context } from '#src/context.ts'
import { openModel } from '#src/features/models/open-model.ts'
import { versionSummary } from '#src/features/versions/version-json.ts'

export const dynamic = 'force-dynamic'

export const GET = api<{ owner: string; model: string }>(async ({ url, actor, params }) => {
  const { cursor, limit = 30 } = readQuery(url, Page)
  const { model } = await openModel(actor, params.owner, params.model)
  const inside = (await can(actor, 'see-versions', model)) === 'allow'
  const before = /^[1-9]\d{0,8}$/.test(cursor ?? '') ? Number(cursor) : null
  const rows = await listVersions(context().db, model.id, { before, limit: limit + 1, readyOnly: !inside })
  const page = rows.slice(0, limit)
  return list(
    page.map(({ version, builds }) =>
      versionSummary(version, builds, { inside, defaultVersionId: model.defaultVersionId }),
    ),
    rows.length > limit ? String(page[page.length - 1]!.version.number) : null,
  )
})
