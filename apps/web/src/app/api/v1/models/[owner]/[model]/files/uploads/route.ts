import { api, list } from '#src/api/route.ts'
import { getUploads } from '#src/features/files/upload-sessions.ts'

export const dynamic = 'force-dynamic'

export const GET = api<{ owner: string; model: string }>(async ({ actor, params }) =>
  list(await getUploads(actor, params.owner, params.model)),
)
