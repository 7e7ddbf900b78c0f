import { serveLive } from '#src/features/versions/serve-live.ts'

export const dynamic = 'force-dynamic'

export async function GET(request: Request, { params }: { params: Promise<{ owner: string; model: string }> }) {
  const { owner, model } = await params
  return serveLive(request, owner, model)
}
