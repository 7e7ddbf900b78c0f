import { api } from '#src/api/route.ts'
import { notePart } from '#src/features/files/upload-sessions.ts'

export const dynamic = 'force-dynamic'

export const PUT = api<{ owner: string; model: string; upload: string; part: string }>(async ({ actor, params }) => {
  await notePart(actor, params.owner, params.model, params.upload, params.part)
  return new Response(null, { status: 204 })
})
