import { upstreamCatalogue } from '@modelport/schema/catalogues/upstream'
import { modelConfigJsonSchema } from '@modelport/schema/model-config-json-schema'

/** The JSON Schema of `runway.yml`, for editors: any page may read it, so that editors in a browser can too. */
export async function GET(_request: Request, { params }: { params: Promise<{ file: string }> }): Promise<Response> {
  if ((await params).file !== 'runway.yml.json') return new Response('not found\n', { status: 404 })
  // The values are those that a file may hold anywhere; what this installation can build, its linter says.
  return Response.json(modelConfigJsonSchema(upstreamCatalogue), {
    headers: { 'cache-control': 'public, max-age=3600', 'access-control-allow-origin': '*' },
  })
}
