import { api, json } from '#src/api/route.ts'
import { cancel } from '#src/features/versions/change-version.ts'
import { parseVersionNumber } from '#src/features/versions/version-json.ts'

export const dynamic = 'force-dynamic'

export const POST = api<{ owner: string; model: string; n: string }>(async ({ actor, params }) =>
  json({ builds: await cancel(actor, params.owner, params.model, parseVersionNumber(params.n)) }, 202),
)
