import { VersionChange } from '@modelport/schema/api'
import { api, json, readBody } from '#src/api/route.ts'
import { Refusal } from '#src/auth/refusal.ts'
import { openVersion } from '#src/features/models/open-model.ts'
import { yank } from '#src/features/versions/change-version.ts'
import { answerVersion, parseVersionNumber } from '#src/features/versions/version-json.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string; n: string }

export const GET = api<Params>(async ({ actor, params }) => {
  const found = await openVersion(actor, params.owner, params.model, parseVersionNumber(params.n))
  return json(await answerVersion(actor, found.model, found.version))
})

export const PATCH = api<Params>(async ({ request, actor, params }) => {
  const number = parseVersionNumber(params.n)
  await openVersion(actor, params.owner, params.model, number, 'publish')
  const { yanked, reason } = await readBody(request, VersionChange)
  if (yanked && !reason) throw new Refusal('invalid', 'reason: say why, for the people who use this version')
  await yank(actor, params.owner, params.model, number, yanked ? (reason ?? '') : null)
  const { model, version } = await openVersion(actor, params.owner, params.model, number)
  return json(await answerVersion(actor, model, version))
})
