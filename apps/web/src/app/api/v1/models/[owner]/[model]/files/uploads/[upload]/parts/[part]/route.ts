import { api } from '#src/api/route.ts'
import { openUpload } from '#src/features/files/open-files.ts'
import { noteParts } from '#src/features/files/upload-sessions.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string; upload: string; part: string }

export const PUT = api<Params>(async ({ actor, params }) => {
  const upload = await openUpload(actor, params.owner, params.model, params.upload)
  // 0 is no part of any file.
  await noteParts(upload, [/^[1-9]\d{0,4}$/.test(params.part) ? Number(params.part) : 0])
  return new Response(null, { status: 204 })
})
