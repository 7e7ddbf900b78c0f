import type { Decision } from '@modelport/db/queries/deliveries'
import {
  changeModelState,
  explainModelState,
  type GithubRepository,
  type Model,
  syncInstallation,
  syncModel,
  syncPublisher,
} from '@modelport/db/queries/models'
import { adoptVersion, createVersion, type NewVersion, supersedeQueued } from '@modelport/db/queries/versions'
import { describeMissingConfig } from '@modelport/schema/missing-config'
import type { Octokit } from '@octokit/rest'
import { githubStatus } from '../github/github-client.ts'
import type { Intake } from './intake-context.ts'

/** A repository as GitHub has it now, or null when the installation may not see it. */
export async function readRepository(octokit: Octokit, id: number) {
  try {
    const { data } = await octokit.request('GET /repositories/{id}', { id })
    return data as Awaited<ReturnType<Octokit['rest']['repos']['get']>>['data']
  } catch (error) {
    if (githubStatus(error) === 404) return null
    throw error
  }
}
export type GithubRepositoryNow = NonNullable<Awaited<ReturnType<typeof readRepository>>>

/** Makes the model, its publisher and its installation equal to what GitHub says of the repository now. */
export async function syncRepository(
  intake: Intake,
  repository: GithubRepositoryNow,
  installationId: number,
): Promise<{ model: Model; created: boolean }> {
  const publisher = await syncPublisher(intake.tx, repository.owner)
  await syncInstallation(intake.tx, installationId, publisher.id)
  return syncModel(intake.tx, { repository: repository as GithubRepository, publisher, installationId })
}

/**
 * Whether a commit holds a model config. Returns null when it does, else the sentence that says what to add. The names
 * of the root's files are asked for, because other tools' files get their own sentence.
 */
export async function missingConfig(
  octokit: Octokit,
  owner: string,
  repo: string,
  ref: string,
): Promise<string | null> {
  const { data } = await octokit.rest.repos.getContent({ owner, repo, path: '', ref })
  const names = Array.isArray(data) ? data.map((entry) => entry.name) : []
  return names.includes('runway.yml') ? null : describeMissingConfig(names).sentence
}

/** Gives a commit of a configured model its version, and says in one sentence what came of it. */
export async function makeVersion(
  intake: Intake,
  model: Model,
  commit: Omit<NewVersion, 'modelId'>,
): Promise<Decision> {
  const { version, created } = await createVersion(intake.tx, { modelId: model.id, ...commit })
  const short = commit.commit.slice(0, 7)
  if (!created) {
    const toProduction = commit.ref === `refs/heads/${model.branch}`
    const adopted = toProduction && (await adoptVersion(intake.tx, version, commit.ref!))
    const also = adopted ? ` It counts as ${model.branch}’s from now on.` : ''
    return {
      decision: 'nothing',
      reason: `Commit ${short} already is version ${version.number}.${also}`,
      modelId: model.id,
      versionId: version.id,
    }
  }
  const older = await supersedeQueued(intake.tx, version)
  const also =
    older.length > 0 ? ` Version ${older.map((v) => v.number).join(', ')} had not started and gave way to it.` : ''
  return {
    decision: 'version',
    reason: `Commit ${short} became version ${version.number}.${also}`,
    modelId: model.id,
    versionId: version.id,
  }
}

/** Looks whether a commit makes a model that is not configured yet a configured one. Returns the sentence when it does not. */
export async function configure(
  intake: Intake,
  octokit: Octokit,
  repository: { owner: string; repo: string },
  model: Model,
  commit: string,
): Promise<string | null> {
  if (model.state === 'active') return null
  const missing = await missingConfig(octokit, repository.owner, repository.repo, commit)
  if (missing === null) await changeModelState(intake.tx, model.id, 'active', null)
  else await explainModelState(intake.tx, model.id, missing)
  return missing
}
