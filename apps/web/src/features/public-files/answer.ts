import { createHash } from 'node:crypto'
import type { FoundModel } from '@modelport/db/queries/models'
import { actorOfRequest, nobody, type RequestActor } from '#src/auth/actor.ts'
import { effectiveVisibility } from '#src/auth/can.ts'
import { Refusal } from '#src/auth/refusal.ts'
import { type ModelPath, parseModelPath, parseOwner } from '#src/features/models/model-path.ts'
import { openModel } from '#src/features/models/open-model.ts'

// Files of models that programs read: badges, feeds, citations. They lie outside /api and answer in their own types.

export interface Asked extends FoundModel {
  actor: RequestActor
  version: ModelPath['version']
}

/** The model of an address for whoever sends the request; null when it is missing, or not for them. */
export async function openForRequest(request: Request, owner: string, segment: string): Promise<Asked | null> {
  return openFor((await actorOfRequest(request)) ?? nobody, owner, segment)
}

export async function openFor(actor: RequestActor, ownerSegment: string, segment: string): Promise<Asked | null> {
  const owner = parseOwner(ownerSegment)
  const asked = parseModelPath(segment)
  if (!owner || !asked) return null
  const found = await orNull(() => openModel(actor, owner, asked.slug))
  return found ? { ...found, actor, version: asked.version } : null
}

/** Null for what may not be seen; other errors stay errors. */
export async function orNull<T>(open: () => Promise<T>): Promise<T | null> {
  try {
    return await open()
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
}

/** One answer for what is missing and what is private. */
export const nothingHere = () =>
  new Response('Not found\n', {
    status: 404,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  })

/** A file that caches may keep for `seconds` when everybody may see it, with an ETag. */
export function fileAnswer(
  request: Request,
  body: string,
  { type, seconds, shared }: { type: string; seconds: number; shared: boolean },
): Response {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const headers = {
    'content-type': `${type}; charset=utf-8`,
    'cache-control': shared ? `public, max-age=${seconds}, s-maxage=${seconds}` : 'private, no-store',
    etag,
    'x-content-type-options': 'nosniff',
  }
  const known = (request.headers.get('if-none-match') ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''))
  return known.includes(etag) ? new Response(null, { status: 304, headers }) : new Response(body, { headers })
}

export const isShared = (found: FoundModel) => effectiveVisibility(found.model) !== 'private'

/** Text inside XML: escaped, and without the characters that XML cannot hold. */
export function xml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: dropping them is the purpose
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;')
  )
}
