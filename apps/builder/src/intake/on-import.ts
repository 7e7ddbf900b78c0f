import type { Decision } from '@modelport/db/queries/deliveries'
import { findDeletedHere } from '@modelport/db/queries/model-life'
import { findModelByRepository } from '@modelport/db/queries/models'
import type { ImportPayload } from '@modelport/schema/webhooks'
import { githubStatus } from '../github/github-client.ts'
import { type Intake, nothing } from './intake-context.ts'
import { configure, makeVersion, missingConfig, readRepository, syncRepository } from './resolve-version.ts'

/** Marks the wish to import of `reconcile-heads.ts`, behind which stands no person. */
export const headAction = 'head'

/** Makes a model of a repository, unless it is one, and builds its branch's head at once (product decision 6). */
export async function onImport(intake: Intake, request: ImportPayload): Promise<Decision> {
  const octokit = intake.github.installation(request.installationId)
  const repository = await readRepository(octokit, request.repositoryId)
  if (!repository) return nothing('The app may not see the repository.')
  const path = { owner: repository.owner.login, repo: repository.name }
  const deleted = await findDeletedHere(intake.tx, request.repositoryId)
  // Only somebody who asks for this very repository brings back what was deleted.
  if (deleted && (request.onlyConfigured || request.requestedBy === null))
    return nothing(`The model was deleted here by ${deleted.deletedBy}; importing it by name brings it back.`)
  const known = await findModelByRepository(intake.tx, repository.id)
  if (known?.state === 'archived') return nothing('The model is archived; it takes no new versions.', known.id)
  const branch = known?.branch ?? repository.default_branch
  const head = await readHead(intake, request.installationId, path, branch)
  if (request.onlyConfigured) {
    const missing = head ? await missingConfig(octokit, path.owner, path.repo, head.sha) : 'The repository is empty.'
    if (missing !== null) return nothing(`The repository is not a model. ${missing}`)
  }
  const { model } = await syncRepository(intake, repository, request.installationId)
  if (!head) return nothing(`The branch ${branch} has no commit yet; its first push makes a version.`, model.id)
  const missing = await configure(intake, octokit, path, model, head.sha)
  if (missing !== null) return nothing(missing, model.id)
  const decision = await makeVersion(intake, model, {
    commit: head.sha,
    ref: `refs/heads/${branch}`,
    commitSubject: head.commit.message.split('\n')[0] ?? '',
    authorName: head.commit.author?.name ?? null,
    requestedBy: request.requestedBy,
    trigger: 'import',
  })
  return intake.delivery.action === headAction && decision.decision === 'version'
    ? { ...decision, reason: `${decision.reason} GitHub had sent nothing of it; the branch’s head was looked at.` }
    : decision
}

async function readHead(intake: Intake, installationId: number, path: { owner: string; repo: string }, branch: string) {
  try {
    const { data } = await intake.github
      .installation(installationId)
      .rest.repos.getCommit({ ...path, ref: `heads/${branch}` })
    return data
  } catch (error) {
    // 404: no such branch; 409: GitHub's word for an empty repository; 422: no commit for the name.
    if ([404, 409, 422].includes(githubStatus(error) ?? 0)) return null
    throw error
  }
}
