import { deleteModel, editDescription, findModel, updateModelSettings } from '@modelport/db/queries/models'
import type { ModelChange } from '@modelport/schema/api'
import type { z } from 'zod'
import type { RequestActor } from '#src/auth/actor.ts'
import { hidden, Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { openModel } from '#src/features/models/open-model.ts'

export async function changeModel(
  actor: RequestActor,
  owner: string,
  slug: string,
  change: z.infer<typeof ModelChange>,
) {
  const { model, publisher } = await openModel(actor, owner, slug, 'change-settings')
  if (
    model.repositoryPrivate &&
    change.visibility &&
    change.visibility !== 'private' &&
    change.visibility !== model.visibility
  )
    throw new Refusal(
      'conflict',
      'The repository is private on GitHub, so the model stays private; make the repository public first.',
    )
  const { title, summary, keywords, links, authors, ...settings } = change
  await updateModelSettings(context().db, model.id, settings)
  await editDescription(context().db, model.id, {
    // An emptied field goes back to what the repository says.
    title: title || (title === undefined ? undefined : null),
    summary: summary || (summary === undefined ? undefined : null),
    keywords: keywords?.filter(Boolean) ?? keywords,
    links,
    authors,
  })
  const now = await findModel(context().db, publisher.slug, model.slug)
  if (!now) throw hidden()
  return now
}

export async function removeModel(actor: RequestActor, owner: string, slug: string): Promise<void> {
  const { model } = await openModel(actor, owner, slug, 'delete')
  await deleteModel(context().db, model.id)
}
