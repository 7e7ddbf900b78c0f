import { serveHash } from '#src/features/files/serve-download.ts'

export const dynamic = 'force-dynamic'

export async function GET(request: Request, { params }: { params: Promise<{ sha256: string }> }) {
  return serveHash(request, (await params).sha256)
}
