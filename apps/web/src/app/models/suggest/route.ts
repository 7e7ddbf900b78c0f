import { Refusal } from '#src/auth/refusal.ts'
import { suggest } from '#src/features/directory/suggest.ts'

export async function GET(request: Request): Promise<Response> {
  try {
    const found = await suggest(new URL(request.url).searchParams.get('q') ?? '')
    return Response.json(found, { headers: { 'cache-control': 'private, max-age=30' } })
  } catch (error) {
    // The field works without its offers.
    if (error instanceof Refusal) return Response.json({ models: [], publishers: [] }, { status: 503 })
    throw error
  }
}
