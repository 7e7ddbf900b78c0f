import { createHash } from 'node:crypto'
import { describeModel } from '@modelport/db/queries/description'
import { newestReadyVersion } from '@modelport/db/queries/models'
import { findVersionById, type Version } from '@modelport/db/queries/versions'
import { nobody } from '#src/auth/actor.ts'
import { context } from '#src/context.ts'
import { claimOf } from '#src/features/models/licence-claim.ts'
import { readManifest, typesOf } from '#src/features/models/manifest.ts'
import { openVersion } from '#src/features/models/open-model.ts'
import { type Card, drawCard, genericCard } from '#src/features/open-graph/card.tsx'
import { type Asked, openFor, orNull } from '#src/features/public-files/answer.ts'

const kept = 100
const drawn = new Map<string, Promise<Buffer>>()
let last: Promise<unknown> = Promise.resolve()

/**
 * The picture that a link to a model unfurls with. It is the same for everybody: what an anonymous visitor may know. A
 * model that is private or missing has the generic one.
 */
export async function serveCard(request: Request, owner: string, segment: string): Promise<Response> {
  const found = await openFor(nobody, owner, segment)
  const version = found && (await versionOf(found))
  const known = found && (version || found.version.kind === 'default') ? found : null
  const card = known ? cardOf(known, version) : genericCard
  const etag = `"${createHash('sha256').update(JSON.stringify(card)).digest('base64url').slice(0, 22)}"`
  const headers = {
    'content-type': 'image/png',
    // A version stays as it is; what its publisher says of it may change.
    'cache-control': `public, max-age=${known?.version.kind === 'number' ? 86_400 : 600}`,
    etag,
    'x-content-type-options': 'nosniff',
  }
  if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers })
  return new Response(new Uint8Array(await drawOnce(etag, card)), { headers })
}

async function versionOf({ model, publisher, version }: Asked): Promise<Version | null> {
  const { db } = context()
  if (version.kind === 'number')
    return (await orNull(() => openVersion(nobody, publisher.slug, model.slug, version.number)))?.version ?? null
  if (version.kind !== 'default') return null
  return model.defaultVersionId ? findVersionById(db, model.defaultVersionId) : newestReadyVersion(db, model.id)
}

function cardOf({ model, publisher }: Asked, version: Version | null): Card {
  const described = describeModel(model, version)
  const manifest = readManifest(version?.manifest)
  const [inputs, outputs] = [typesOf(manifest, 'inputs'), typesOf(manifest, 'outputs')]
  return {
    owner: publisher.slug,
    name: model.slug,
    summary: described.summary?.value ?? null,
    flow: inputs.length + outputs.length > 0 ? `${inputs.join(', ')} → ${outputs.join(', ')}` : null,
    licence: claimOf(version?.licence ?? null, described.licence).name,
    version: version?.number ?? null,
  }
}

/** Drawing takes a third of a second of a processor: one at a time, and each card once. */
function drawOnce(key: string, card: Card): Promise<Buffer> {
  const known = drawn.get(key)
  if (known) return known
  const picture = last.then(() => drawCard(card))
  last = picture.catch(() => drawn.delete(key))
  drawn.set(key, picture)
  if (drawn.size > kept) drawn.delete(drawn.keys().next().value!)
  return picture
}
