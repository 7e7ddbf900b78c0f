import { findBuild } from '@modelport/db/queries/builds'
import type { Decision } from '@modelport/db/queries/deliveries'
import { findModelByRepository } from '@modelport/db/queries/models'
import {
  findVersionById,
  findVersionOfCommit,
  RebuildError,
  rebuildVersion,
  type Version,
} from '@modelport/db/queries/versions'
import type { CheckRunPayload, CheckSuitePayload } from '@modelport/schema/webhooks'
import type { Target } from '@modelport/schema/words'
import { z } from 'zod'
import { type Intake, nothing } from './intake-context.ts'

/** "Re-run" on a check run: the build that it stands for is built again. */
export async function onCheckRun(intake: Intake, payload: CheckRunPayload): Promise<Decision> {
  // `created` and `completed` arrive for our own check runs; acting on them would loop.
  if (payload.action !== 'rerequested') return nothing(`Modelport does nothing on check_run.${payload.action}.`)
  const model = await findModelByRepository(intake.tx, payload.repository.id)
  if (!model) return nothing('The repository is not a model.')
  const buildId = z.uuid().safeParse(payload.check_run.external_id)
  const build = buildId.success ? await findBuild(intake.tx, buildId.data) : null
  const version = build && (await findVersionById(intake.tx, build.versionId))
  if (!build || version?.modelId !== model.id)
    return nothing('The check run is not of a build that is known here.', model.id)
  if (model.state === 'archived') return nothing('The model is archived and makes no new builds.', model.id)
  return rebuild(intake, version, payload.sender?.login, build.target)
}

/** "Re-run all checks": every target of the commit's version that has no image, or all of a ready one. */
export async function onCheckSuite(intake: Intake, payload: CheckSuitePayload): Promise<Decision> {
  if (payload.action !== 'rerequested') return nothing(`Modelport does nothing on check_suite.${payload.action}.`)
  const model = await findModelByRepository(intake.tx, payload.repository.id)
  const version = model && (await findVersionOfCommit(intake.tx, model.id, payload.check_suite.head_sha))
  if (!version) return nothing('The commit is not a version that is known here.', model?.id)
  if (model.state === 'archived') return nothing('The model is archived and makes no new builds.', model.id)
  return rebuild(intake, version, payload.sender?.login)
}

async function rebuild(
  intake: Intake,
  version: Version,
  login: string | undefined,
  target?: Target,
): Promise<Decision> {
  try {
    const done = await rebuildVersion(intake.tx, version.id, { target, useCache: true, requestedBy: login ?? 'GitHub' })
    const reason =
      done.kind === 'attempt'
        ? `Version ${done.version.number} is tried again for ${done.targets.join(' and ')}.`
        : `Version ${version.number} is ready and stays; version ${done.version.number} is its rebuild.`
    return { decision: 'rebuild', reason, modelId: version.modelId, versionId: done.version.id }
  } catch (error) {
    if (error instanceof RebuildError) return nothing(error.message, version.modelId)
    throw error
  }
}
