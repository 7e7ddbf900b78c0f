import { PartsRequest } from '@modelport/schema/api'
import { api, list, readBody } from '#src/api/route.ts'
import { openUpload } from '#src/features/files/open-files.ts'
import { signParts } from '#src/features/files/upload-sessions.ts'

export const dynamic = 'force-dynamic'

export const POST = api<{ owner: string; model: string; upload: string }>(async ({ request, actor, params }) => {
  await openUpload(actor, params.owner, params.model, params.upload)
  const wish = await readBody(request, PartsRequest)
  return list(await signParts(actor, params.owner, params.model, params.upload, wish))
})
