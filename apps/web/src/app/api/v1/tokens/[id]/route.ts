import { api } from '#src/api/route.ts'
import { dropToken } from '#src/features/settings/tokens.ts'

export const dynamic = 'force-dynamic'

export const DELETE = api<{ id: string }>(async ({ actor, params }) => {
  await dropToken(actor, params.id)
  return new Response(null, { status: 204 })
})
