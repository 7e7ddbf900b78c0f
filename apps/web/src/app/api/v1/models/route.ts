import { ImportRequest, ModelsQuery } from '@modelport/schema/api'
import { api, json, readBody, readQuery } from '#src/api/route.ts'
import { can } from '#src/auth/can.ts'
import { deliveryJson } from '#src/features/deliveries/deliveries.ts'
import { loadDirectory } from '#src/features/directory/load-directory.ts'
import { importModel } from '#src/features/import/import-model.ts'
import { listedModelJson, modelJson } from '#src/features/models/model-json.ts'

export const dynamic = 'force-dynamic'

export const GET = api(async ({ url }) => {
  const { cursor, limit } = readQuery(url, ModelsQuery)
  const page = await loadDirectory(url.searchParams, { cursor, limit, counts: !cursor })
  const { total, corrected, counts } = page
  return json({
    items: page.models.map(listedModelJson),
    nextCursor: page.next,
    total,
    corrected,
    facets: counts ? { ...counts.facets, size: counts.size, about: counts.about } : null,
  })
})

export const POST = api(async ({ request, actor }) => {
  const { repository } = await readBody(request, ImportRequest)
  const imported = await importModel(actor, repository)
  if (imported.kind === 'pending')
    return json(deliveryJson(imported.delivery, null), 202, { location: `/api/v1/deliveries/${imported.delivery.id}` })
  const { model, publisher } = imported.found
  const mayChange = (await can(actor, 'change-settings', model)) === 'allow'
  return json(await modelJson(model, publisher, mayChange), imported.created ? 201 : 200, {
    location: `/api/v1/models/${publisher.slug}/${model.slug}`,
  })
})
