import { api, json } from '#src/api/route.ts'
import { abortUpload, getUpload } from '#src/features/files/upload-sessions.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string; upload: string }

export const GET = api<Params>(async ({ actor, params }) =>
  json(await getUpload(actor, params.owner, params.model, params.upload)),
)

export const DELETE = api<Params>(async ({ actor, params }) => {
  await abortUpload(actor, params.owner, params.model, params.upload)
  return new Response(null, { status: 204 })
})
