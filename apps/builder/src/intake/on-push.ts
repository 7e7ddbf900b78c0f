import type { Decision } from '@modelport/db/queries/deliveries'
import { findModelByRepository } from '@modelport/db/queries/models'
import type { PushPayload } from '@modelport/schema/webhooks'
import { type Intake, nothing } from './intake-context.ts'
import { configure, makeVersion, missingConfig, readRepository, syncRepository } from './resolve-version.ts'

/** A push to the model's branch becomes a version; every other push says why not. */
export async function onPush(intake: Intake, push: PushPayload): Promise<Decision> {
  const known = await findModelByRepository(intake.tx, push.repository.id)
  if (push.deleted) return nothing('The push deleted a branch; versions that it made stay.', known?.id)
  if (push.before === push.after) return nothing('The push changed nothing.', known?.id)
  if (push.ref.startsWith('refs/tags/')) return nothing('Tags do not make versions.', known?.id)
  if (!push.ref.startsWith('refs/heads/')) return nothing(`Pushes to ${push.ref} do not make versions.`, known?.id)
  if (!push.head_commit) return nothing('The push names no commit.', known?.id)
  if (known?.state === 'archived') return nothing('The model is archived; it takes no new versions.', known.id)
  const branch = known?.branch ?? push.repository.default_branch
  if (push.ref !== `refs/heads/${branch}`)
    return nothing(
      `Pushes to ${push.ref.slice('refs/heads/'.length)} do not make versions; the model’s branch is ${branch}, which its settings can change.`,
      known?.id,
    )
  const commit = {
    commit: push.after,
    ref: push.ref,
    commitSubject: push.head_commit.message.split('\n')[0] ?? '',
    authorName: push.head_commit.author?.name ?? null,
    requestedBy: push.sender?.login ?? push.pusher?.name ?? null,
    trigger: 'push' as const,
  }
  // An active model needs no word from GitHub: its version is a row before anything else happens.
  if (known?.state === 'active' && known.installationId) return makeVersion(intake, known, commit)

  const installationId = push.installation?.id
  if (!installationId) return nothing('The app is not installed on the repository.', known?.id)
  const octokit = intake.github.installation(installationId)
  const repository = await readRepository(octokit, push.repository.id)
  if (!repository) return nothing('The app may not see the repository.', known?.id)
  const path = { owner: repository.owner.login, repo: repository.name }
  if (!known && intake.importOnPush === 'configured') {
    const missing = await missingConfig(octokit, path.owner, path.repo, push.after)
    if (missing !== null) return nothing(`The repository is not a model. ${missing}`)
  }
  const { model } = await syncRepository(intake, repository, installationId)
  const missing = await configure(intake, octokit, path, model, push.after)
  return missing === null ? makeVersion(intake, model, commit) : nothing(missing, model.id)
}
