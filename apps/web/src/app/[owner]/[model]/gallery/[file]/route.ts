import { serveImage } from '#src/features/gallery/serve-image.ts'

type Context = { params: Promise<{ owner: string; model: string; file: string }> }

export async function GET(request: Request, { params }: Context): Promise<Response> {
  const { owner, model, file } = await params
  return serveImage(request, owner, model, file)
}
