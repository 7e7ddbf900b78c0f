import { serveDownload } from '#src/features/files/serve-download.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string; address: string[] }

async function serve(request: Request, { params }: { params: Promise<Params> }) {
  const { owner, model, address } = await params
  return serveDownload(request, owner, model, address)
}

export { serve as GET, serve as HEAD }
