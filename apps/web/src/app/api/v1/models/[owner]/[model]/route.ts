import { ModelChange } from '@modelport/schema/api'
import { api, json, readBody } from '#src/api/route.ts'
import { can } from '#src/auth/can.ts'
import { changeModel, removeModel } from '#src/features/models/change-model.ts'
import { modelJson } from '#src/features/models/model-json.ts'
import { openModel } from '#src/features/models/open-model.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string }

export const GET = api<Params>(async ({ actor, params }) => {
  const { model, publisher } = await openModel(actor, params.owner, params.model)
  return json(await modelJson(model, publisher, (await can(actor, 'change-settings', model)) === 'allow'))
})

export const PATCH = api<Params>(async ({ request, actor, params }) => {
  // Whoever may not change a model learns nothing from how their body is read.
  await openModel(actor, params.owner, params.model, 'change-settings')
  const change = await readBody(request, ModelChange)
  const { model, publisher } = await changeModel(actor, params.owner, params.model, change)
  return json(await modelJson(model, publisher, true))
})

export const DELETE = api<Params>(async ({ actor, params }) => {
  await removeModel(actor, params.owner, params.model)
  return new Response(null, { status: 204 })
})
