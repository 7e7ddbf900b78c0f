import { serveCard } from '#src/features/open-graph/serve-card.ts'

type Params = { owner: string; model: string }

export async function GET(request: Request, { params }: { params: Promise<Params> }) {
  const { owner, model } = await params
  return serveCard(request, owner, model)
}
