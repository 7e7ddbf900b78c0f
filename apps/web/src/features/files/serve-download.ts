import { currentFile, type FileWithBlob, modelsWithContent } from '@modelport/db/queries/files'
import { findOwner } from '@modelport/db/queries/pages'
import { actorOfRequest, nobody, type RequestActor } from '#src/auth/actor.ts'
import { can } from '#src/auth/can.ts'
import { hidden, Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { readFileAddress } from '#src/features/files/file-path.ts'
import { askStore } from '#src/features/files/object-store.ts'
import { openFile, openFiles } from '#src/features/files/open-files.ts'
import { parseModelPath, parseOwner } from '#src/features/models/model-path.ts'
import { nothingHere } from '#src/features/public-files/answer.ts'

/**
 * The stable address of a file: sends whoever may have it on to the object store, which is another origin and gives it
 * as an attachment, whatever it is. Nothing that somebody uploaded is ever sent from here.
 */
export async function serveDownload(
  request: Request,
  owner: string,
  segment: string,
  segments: string[],
): Promise<Response> {
  try {
    const file = await fileAt((await actorOfRequest(request)) ?? nobody, owner, segment, segments)
    const method = request.method === 'HEAD' ? 'HEAD' : 'GET'
    const { key } = file.blob
    return redirectTo(await askStore((storage) => storage.signDownload(key, { fileName: file.name, method })))
  } catch (error) {
    return refusalAnswer(error)
  }
}

async function fileAt(
  actor: RequestActor,
  ownerSegment: string,
  segment: string,
  segments: string[],
): Promise<FileWithBlob> {
  const owner = parseOwner(ownerSegment)
  const model = parseModelPath(segment)
  const address = readFileAddress(segments)
  if (!owner || !model || !address) throw hidden()
  if (address.kind === 'id') return (await openFile(actor, owner, model.slug, address.id)).file
  const files = await openFiles(actor, owner, model.slug)
  const place = address.kind === 'place' ? address : { option: null, choice: null, name: address.name }
  const file = await currentFile(context().db, files.model.id, place)
  if (!file) throw hidden()
  return file
}

/** `/hash/SHA-256`: the Files page of a model that has this content and whose files this person may see. */
export async function serveHash(request: Request, sha256: string): Promise<Response> {
  try {
    const actor = (await actorOfRequest(request)) ?? nobody
    const { db, config } = context()
    const digits = /^[0-9a-f]{64}$/i.test(sha256) ? sha256.toLowerCase() : null
    for (const model of digits ? await modelsWithContent(db, digits) : []) {
      if ((await can(actor, 'see-files', model)) !== 'allow') continue
      const owner = await findOwner(db, model.publisherId)
      return redirectTo(`${config.siteUrl}/${owner.toLowerCase()}/${model.slug}/files#sha256-${digits!.slice(0, 12)}`)
    }
    throw hidden()
  } catch (error) {
    return refusalAnswer(error)
  }
}

// For one person and for five minutes: no cache may keep it, and the address must not travel on as a referrer.
const always = {
  'cache-control': 'private, no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

const redirectTo = (location: string) => new Response(null, { status: 302, headers: { location, ...always } })

function refusalAnswer(error: unknown): Response {
  if (!(error instanceof Refusal)) throw error
  if (error.kind === 'hidden') return nothingHere()
  const status = error.kind === 'forbidden' ? 403 : 503
  return new Response(`${error.message}\n`, {
    status,
    headers: { ...always, 'content-type': 'text/plain; charset=utf-8' },
  })
}
