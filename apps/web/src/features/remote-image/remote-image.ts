import { createHmac, timingSafeEqual } from 'node:crypto'
import { context } from '#src/context.ts'
import { encodeImage } from '#src/features/gallery/encode-image.ts'
import { nothingHere } from '#src/features/public-files/answer.ts'
import { fetchPublic } from '#src/features/remote-image/fetch-public.ts'

/**
 * Where a picture from elsewhere is shown from: this site, so that its host does not learn who reads the page. The key
 * says that the address stood on a page of ours: strangers cannot have others fetched. Null for what is never shown.
 */
export function remoteImagePath(address: string): string | null {
  const url = new URL(address)
  // Badges are SVG, which is not drawn here; a link says as much.
  if (address.length > 1000 || /\.svg$/i.test(url.pathname) || url.hostname === 'img.shields.io') return null
  return `/remote-image/${keyOf(address)}/${Buffer.from(address).toString('base64url')}.webp`
}

const keyOf = (address: string) =>
  createHmac('sha256', context().secrets.key).update(`remote-image\0${address}`).digest('hex').slice(0, 32)

const kept = 40
const pictures = new Map<string, Promise<Buffer | null>>()

/** Fetches and re-encodes a picture of a README. What cannot be had is a 404; the page shows its words instead. */
export async function serveRemoteImage(key: string, file: string): Promise<Response> {
  const encoded = /^([A-Za-z0-9_-]{1,1400})\.webp$/.exec(file)?.[1]
  const address = encoded ? Buffer.from(encoded, 'base64url').toString('utf8') : null
  if (!address || !isKey(key, address)) return nothingHere()
  const picture = await pictureOf(address)
  if (!picture) return nothingHere()
  return new Response(new Uint8Array(picture), {
    headers: {
      'content-type': 'image/webp',
      'cache-control': 'public, max-age=86400',
      'x-content-type-options': 'nosniff',
    },
  })
}

function isKey(key: string, address: string): boolean {
  const right = keyOf(address)
  return key.length === right.length && timingSafeEqual(Buffer.from(key), Buffer.from(right))
}

/** The newest few are remembered, those that cannot be had too. */
function pictureOf(address: string): Promise<Buffer | null> {
  const known = pictures.get(address)
  if (known) return known
  const picture = fetchPublic(address)
    .then(async (bytes) => (await encodeImage(bytes))[0]!.data)
    .catch(() => null)
  pictures.set(address, picture)
  if (pictures.size > kept) pictures.delete(pictures.keys().next().value!)
  return picture
}
