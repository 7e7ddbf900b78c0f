import { RebuildRequest } from '@modelport/schema/api'
import { targets } from '@modelport/schema/words'
import { api, json, readBody } from '#src/api/route.ts'
import { openVersion } from '#src/features/models/open-model.ts'
import { rebuild } from '#src/features/versions/change-version.ts'
import { parseVersionNumber } from '#src/features/versions/version-json.ts'

export const dynamic = 'force-dynamic'

export const POST = api<{ owner: string; model: string; n: string }>(async ({ request, actor, params }) => {
  const number = parseVersionNumber(params.n)
  await openVersion(actor, params.owner, params.model, number, 'build')
  const options = await readBody(request, RebuildRequest)
  const done = await rebuild(actor, params.owner, params.model, number, options)
  return json(
    {
      kind: done.kind,
      version: done.version.number,
      targets: done.kind === 'attempt' ? done.targets : [...targets],
    },
    202,
    { location: `/api/v1/models/${params.owner}/${params.model}/versions/${done.version.number}` },
  )
})
