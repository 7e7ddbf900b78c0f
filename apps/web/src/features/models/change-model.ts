import { person } from '@modelport/db/queries/model-changes'
import { archiveModel, deleteModel, listRestorable, renameModel, restoreModel } from '@modelport/db/queries/model-life'
import { editDescription, findModelById, updateModelSettings } from '@modelport/db/queries/models'
import type { ModelChange } from '@modelport/schema/api'
import type { z } from 'zod'
import type { RequestActor } from '#src/auth/actor.ts'
import { hidden, Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { demand, openModel } from '#src/features/models/open-model.ts'

type Change = z.infer<typeof ModelChange>

/** Changes what a publisher may change on a model: all of it, with its record, or nothing. */
export async function changeModel(actor: RequestActor, owner: string, slug: string, change: Change) {
  const found = await openModel(actor, owner, slug, 'change-settings')
  const { model } = found
  if (change.name !== undefined || change.archived !== undefined) await demand(actor, 'rename', found)
  refuseWhatCannotBe(model, change)
  const { name, archived, ...rest } = change
  const { title, summary, overview, keywords, links, authors, license, performance, ...settings } = rest
  const by = person(actor.user!.login)
  await context().db.transaction(async (tx) => {
    if (archived !== undefined) await archiveModel(tx, model.id, archived, by)
    await updateModelSettings(tx, model.id, settings, by)
    await editDescription(
      tx,
      model.id,
      {
        // An emptied field goes back to what the repository says.
        title: title || (title === undefined ? undefined : null),
        summary: summary || (summary === undefined ? undefined : null),
        overview: overview?.trim() ? overview : overview === undefined ? undefined : null,
        keywords: keywords?.filter(Boolean) ?? keywords,
        links,
        authors,
        licence: license && 'name' in license ? { name: license.name, url: license.url ?? null } : license,
        performance: performance
          ? performance.map(({ hardware, time, memory, version }) => ({
              hardware,
              time: time || null,
              memory: memory || null,
              version: version ?? null,
            }))
          : performance,
      },
      by,
    )
    if (name !== undefined) await renameModel(tx, model.id, name, by)
  })
  const now = await findModelById(context().db, model.id)
  if (!now) throw hidden()
  return now
}

function refuseWhatCannotBe(model: Awaited<ReturnType<typeof openModel>>['model'], change: Change): void {
  const { visibility, archived } = change
  if (model.repositoryPrivate && visibility && visibility !== 'private' && visibility !== model.visibility)
    throw new Refusal(
      'conflict',
      'The repository is private on GitHub, so the model stays private; make the repository public first.',
    )
  if (archived === false && model.repositoryArchived)
    throw new Refusal('conflict', 'The repository is archived on GitHub; unarchive it there.')
  // Who may see it, and whether it is archived, can be changed on what is otherwise read-only.
  const open = new Set(['visibility', 'viewersSeeVersions', 'viewersSeeLogs', 'viewersSeeFiles', 'archived'])
  const edits = Object.entries(change).some(([key, value]) => value !== undefined && !open.has(key))
  if (model.state === 'archived' && archived !== false && edits)
    throw new Refusal('conflict', 'This model is archived, which makes it read-only. Unarchive it first.')
}

export async function removeModel(actor: RequestActor, owner: string, slug: string): Promise<void> {
  const { model } = await openModel(actor, owner, slug, 'delete')
  await deleteModel(context().db, model.id, person(actor.user!.login))
}

/** Brings back a model of this repository that was deleted here. Returns its path. */
export async function bringBack(actor: RequestActor, repositoryId: number): Promise<string> {
  const [deleted] = await listRestorable(context().db, [repositoryId])
  if (!deleted) throw hidden()
  await demand(actor, 'delete', { ...deleted, movedTo: null })
  return restoreModel(context().db, deleted.model.id, person(actor.user!.login))
}
