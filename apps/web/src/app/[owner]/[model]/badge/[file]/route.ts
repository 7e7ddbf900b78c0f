import { serveBadge } from '#src/features/public-files/serve-badge.ts'

type Params = { owner: string; model: string; file: string }

export async function GET(request: Request, { params }: { params: Promise<Params> }) {
  const { owner, model, file } = await params
  return serveBadge(request, owner, model, file)
}
