import type { Model } from '@modelport/db/queries/models'
import { findVersionById } from '@modelport/db/queries/versions'
import { DefaultVersionRequest } from '@modelport/schema/api'
import { api, json, readBody } from '#src/api/route.ts'
import { context } from '#src/context.ts'
import { openModel } from '#src/features/models/open-model.ts'
import { chooseDefault } from '#src/features/versions/change-version.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string }

async function answer(model: Model): Promise<Response> {
  const version = model.defaultVersionId ? await findVersionById(context().db, model.defaultVersionId) : null
  return json({ policy: model.defaultPolicy, version: version?.number ?? null })
}

export const GET = api<Params>(async ({ actor, params }) =>
  answer((await openModel(actor, params.owner, params.model)).model),
)

export const PUT = api<Params>(async ({ request, actor, params }) => {
  await openModel(actor, params.owner, params.model, 'publish')
  const choice = await readBody(request, DefaultVersionRequest)
  return answer((await chooseDefault(actor, params.owner, params.model, choice)).model)
})
