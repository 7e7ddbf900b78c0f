import { DefaultVersionRequest } from '@modelport/schema/api'
import { api, json, readBody } from '#src/api/route.ts'
import { defaultVersionJson } from '#src/features/models/model-json.ts'
import { openModel } from '#src/features/models/open-model.ts'
import { chooseDefault } from '#src/features/versions/change-version.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string }

export const GET = api<Params>(async ({ actor, params }) => {
  const { model } = await openModel(actor, params.owner, params.model)
  return json(await defaultVersionJson(model))
})

export const PUT = api<Params>(async ({ request, actor, params }) => {
  await openModel(actor, params.owner, params.model, 'publish')
  const choice = await readBody(request, DefaultVersionRequest)
  const { model } = await chooseDefault(actor, params.owner, params.model, choice)
  return json(await defaultVersionJson(model))
})
