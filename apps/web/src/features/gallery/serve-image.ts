import { findRendition } from '@modelport/db/queries/gallery'
import { can } from '#src/auth/can.ts'
import { context } from '#src/context.ts'
import { isShared, nothingHere, openForRequest } from '#src/features/public-files/answer.ts'

const year = 365 * 86_400

/** A picture of a gallery, as we encoded it (its policy is the proxy's: `proxy.ts`), for everybody who may see the model; one that is not listed, for publishers. */
export async function serveImage(request: Request, owner: string, segment: string, file: string): Promise<Response> {
  const hash = /^([0-9a-f]{32})\.webp$/.exec(file)?.[1]
  const found = hash ? await openForRequest(request, owner, segment) : null
  if (!hash || !found) return nothingHere()
  const image = await findRendition(context().db, found.model.id, hash)
  if (!image) return nothingHere()
  if (!image.listed && (await can(found.actor, 'publish', found.model)) !== 'allow') return nothingHere()
  const shared = isShared(found) && image.listed
  const etag = `"${hash}"`
  const headers = {
    'content-type': 'image/webp',
    // The name is the content's: another picture has another address.
    'cache-control': shared ? `public, max-age=${year}, immutable` : 'private, max-age=300',
    etag,
    'x-content-type-options': 'nosniff',
    'content-disposition': 'inline',
  }
  if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers })
  const body = await context().storage?.get(image.rendition.key)
  return body ? new Response(Buffer.from(body), { headers }) : nothingHere()
}
