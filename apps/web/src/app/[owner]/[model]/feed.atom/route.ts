import { serveModelFeed } from '#src/features/public-files/serve-feed.ts'

export async function GET(request: Request, { params }: { params: Promise<{ owner: string; model: string }> }) {
  const { owner, model } = await params
  return serveModelFeed(request, owner, model)
}
