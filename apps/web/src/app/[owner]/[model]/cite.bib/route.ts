import { serveCitation } from '#src/features/public-files/serve-citation.ts'

export async function GET(request: Request, { params }: { params: Promise<{ owner: string; model: string }> }) {
  const { owner, model } = await params
  return serveCitation(request, owner, model)
}
