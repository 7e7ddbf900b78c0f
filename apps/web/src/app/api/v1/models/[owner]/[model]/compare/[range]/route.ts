import { api, json } from '#src/api/route.ts'
import { compareJson } from '#src/features/compare/compare-json.ts'

type Params = { owner: string; model: string; range: string }

export const GET = api<Params>(async ({ params: { owner, model, range }, actor }) =>
  json(await compareJson(actor, owner, model, range)),
)
