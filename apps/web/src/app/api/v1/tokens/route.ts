import { TokenRequest } from '@modelport/schema/api'
import { api, json, list, readBody } from '#src/api/route.ts'
import { makeToken, tokenJson, tokensOf } from '#src/features/settings/tokens.ts'

export const dynamic = 'force-dynamic'

export const GET = api(async ({ actor }) => list((await tokensOf(actor)).map(tokenJson)))

export const POST = api(async ({ request, actor }) => {
  await tokensOf(actor)
  const { secret, token } = await makeToken(actor, await readBody(request, TokenRequest))
  return json({ ...tokenJson(token), token: secret }, 201)
})
