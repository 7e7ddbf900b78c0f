import { DeliveriesQuery } from '@modelport/schema/api'
import { api, list, readQuery } from '#src/api/route.ts'
import { deliveriesOf, deliveryJson } from '#src/features/deliveries/deliveries.ts'
import { readCursor, writeCursor } from '#src/features/directory/load-directory.ts'
import { openModel } from '#src/features/models/open-model.ts'

export const dynamic = 'force-dynamic'

export const GET = api(async ({ url, actor }) => {
  const { repository, cursor, limit = 50 } = readQuery(url, DeliveriesQuery)
  const [owner, name] = repository.split('/') as [string, string]
  const { model } = await openModel(actor, owner, name, 'see-versions')
  const rows = await deliveriesOf(model.githubRepositoryId, readCursor(cursor), limit + 1)
  const page = rows.slice(0, limit)
  return list(
    page.map((row) => deliveryJson(row, row.versionNumber)),
    rows.length > limit ? writeCursor(page[page.length - 1]!.receivedAt) : null,
  )
})
