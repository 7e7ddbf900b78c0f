import { serveOwnerFeed } from '#src/features/public-files/serve-feed.ts'

export async function GET(request: Request, { params }: { params: Promise<{ owner: string }> }) {
  return serveOwnerFeed(request, (await params).owner)
}
