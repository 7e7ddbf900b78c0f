import { ArrivedRequest, PartsRequest } from '@modelport/schema/api'
import { api, list, readBody } from '#src/api/route.ts'
import { openUpload } from '#src/features/files/open-files.ts'
import { noteParts, signParts } from '#src/features/files/upload-sessions.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string; upload: string }

export const POST = api<Params>(async ({ request, actor, params }) => {
  const upload = await openUpload(actor, params.owner, params.model, params.upload)
  return list(await signParts(upload, await readBody(request, PartsRequest)))
})

export const PUT = api<Params>(async ({ request, actor, params }) => {
  const upload = await openUpload(actor, params.owner, params.model, params.upload)
  await noteParts(upload, (await readBody(request, ArrivedRequest)).numbers)
  return new Response(null, { status: 204 })
})
