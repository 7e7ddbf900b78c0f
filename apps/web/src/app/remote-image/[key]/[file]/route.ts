import { serveRemoteImage } from '#src/features/remote-image/remote-image.ts'

type Params = { key: string; file: string }

export async function GET(_request: Request, { params }: { params: Promise<Params> }) {
  const { key, file } = await params
  return serveRemoteImage(key, file)
}
