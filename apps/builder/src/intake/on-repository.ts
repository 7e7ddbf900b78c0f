import type { Decision } from '@modelport/db/queries/deliveries'
import { closeRepository } from '@modelport/db/queries/installations'
import { repository as byRepository } from '@modelport/db/queries/model-changes'
import { archiveModel, deleteModel } from '@modelport/db/queries/model-life'
import { findModelByRepository, updateModelSettings } from '@modelport/db/queries/models'
import { forgetPermissions, forgetPermissionsOf } from '@modelport/db/queries/people'
import type { MemberPayload, MembershipPayload, RepositoryPayload } from '@modelport/schema/webhooks'
import { type Intake, nothing, synced } from './intake-context.ts'
import { readRepository, syncRepository } from './resolve-version.ts'

/** A repository was renamed, moved, hidden, shown, archived or deleted: the model follows what GitHub says now. */
export async function onRepository(intake: Intake, payload: RepositoryPayload): Promise<Decision> {
  const model = await findModelByRepository(intake.tx, payload.repository.id)
  if (!model) return nothing('The repository is not a model.')
  await forgetPermissions(intake.tx, model.id)
  if (payload.action === 'deleted') {
    await deleteModel(intake.tx, model.id, byRepository)
    return synced('The repository was deleted, and the model with it.', model.id)
  }
  // Hiding wins at once and needs no word from GitHub's API; showing is believed only when the API says so (a replayed
  // message must not open what is closed).
  if (payload.action === 'privatized') {
    await closeRepository(intake.tx, model.id)
    return synced('The repository became private, and the model with it.', model.id)
  }
  const installationId = payload.installation?.id ?? model.installationId
  if (!installationId) return nothing('The app is not installed on the repository.', model.id)
  const repository = await readRepository(intake.github.installation(installationId), payload.repository.id)
  if (!repository) return nothing('The app may not see the repository.', model.id)
  await syncRepository(intake, repository, installationId)
  await archiveModel(intake.tx, model.id, repository.archived, byRepository)
  // A branch that was chosen on the site is not the default branch's to move.
  if (payload.changes?.default_branch?.from === model.branch && model.branch !== repository.default_branch)
    await updateModelSettings(intake.tx, model.id, { branch: repository.default_branch }, byRepository)
  return synced(`The model follows the repository (${payload.action}).`, model.id)
}

/** Somebody's rights on a repository changed: they are asked for again. */
export async function onMember(intake: Intake, payload: MemberPayload): Promise<Decision> {
  const model = await findModelByRepository(intake.tx, payload.repository.id)
  if (!model) return nothing('The repository is not a model.')
  await forgetPermissions(intake.tx, model.id)
  return synced('The rights on the repository changed; they are asked for again.', model.id)
}

/** Somebody's place in an organisation or team changed: what GitHub lets them do on any repository is asked again. */
export async function onMembership(intake: Intake, payload: MembershipPayload): Promise<Decision> {
  const somebody = payload.member ?? payload.membership?.user
  if (!somebody) return nothing('The message names nobody.')
  await forgetPermissionsOf(intake.tx, somebody.id)
  return synced(`The rights of ${somebody.login} are asked for again.`)
}
