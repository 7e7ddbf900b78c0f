import { describeModel } from '@modelport/db/queries/description'
import { newestReadyVersion } from '@modelport/db/queries/models'
import { findVersionById } from '@modelport/db/queries/versions'
import { bibtex } from '@modelport/schema/model-card/cite'
import { context } from '#src/context.ts'
import { citeVersion } from '#src/features/models/citation.ts'
import { openVersion } from '#src/features/models/open-model.ts'
import { fileAnswer, isShared, nothingHere, openForRequest, orNull } from '#src/features/public-files/answer.ts'

/** The BibTeX entry of the version in the address, or of the one that visitors get. */
export async function serveCitation(request: Request, owner: string, segment: string): Promise<Response> {
  const found = await openForRequest(request, owner, segment)
  if (!found) return nothingHere()
  const { model, publisher, actor } = found
  const { db } = context()
  const asked = found.version
  const version =
    asked.kind === 'number'
      ? ((await orNull(() => openVersion(actor, publisher.slug, model.slug, asked.number)))?.version ?? null)
      : asked.kind === 'default' && model.defaultVersionId
        ? await findVersionById(db, model.defaultVersionId)
        : await newestReadyVersion(db, model.id)
  if (!version || asked.kind === 'commit') return nothingHere()
  const text = bibtex(citeVersion(found, version, describeModel(model, version)))
  return fileAnswer(request, text, { type: 'application/x-bibtex', seconds: 300, shared: isShared(found) })
}
