import type { RecordedChange } from '@modelport/db/queries/model-changes'
import { countOfModel, listOldNames } from '@modelport/db/queries/model-life'
import { loadModelSource } from '@modelport/db/queries/models'
import { listWorkers, type WorkerReport } from '@modelport/db/queries/workers'
import { GithubUnavailable, type Member } from '#src/auth/github.ts'
import { context } from '#src/context.ts'
import { loadModelView, type ModelView } from '#src/features/models/load-model-view.ts'
import { changesOf } from '#src/features/settings/load-changes.ts'
import { readyNumbers } from '#src/features/versions/load-versions.ts'

type Params = Promise<{ owner: string; model: string }>

export const loadSettings = (params: Params): Promise<ModelView> => loadModelView(params, { action: 'change-settings' })

export interface VersionSettings {
  view: ModelView
  readyNumbers: number[]
  /** What workers give a build; null while none has said. */
  build: WorkerReport['build'] | null
  /** Limits of a build that nobody holds here. */
  off: string[]
}

export async function loadVersionSettings(params: Params): Promise<VersionSettings> {
  const view = await loadSettings(params)
  const { workers } = await listWorkers(context().db)
  const report = workers.find((worker) => worker.report.build)?.report
  return {
    view,
    readyNumbers: await readyNumbers(view.model.id),
    build: report?.build ?? null,
    off: report?.limits.filter((limit) => limit.held === 'off').map((limit) => limit.name) ?? [],
  }
}

export interface AccessSettings {
  view: ModelView
  /** Null when GitHub could not be asked. */
  members: Member[] | null
  app: 'installed' | 'suspended' | 'missing'
}

export async function loadAccessSettings(params: Params): Promise<AccessSettings> {
  const view = await loadSettings(params)
  const { model, publisher } = view
  const source = await loadModelSource(context().db, model.id)
  const app = !model.installationId ? 'missing' : source?.suspendedAt ? 'suspended' : 'installed'
  return {
    view,
    app,
    members:
      app === 'installed'
        ? await membersOf({ owner: publisher.login, name: model.name, installationId: model.installationId })
        : null,
  }
}

async function membersOf(repository: { owner: string; name: string; installationId: number | null }) {
  try {
    return await context().github.listMembers(repository)
  } catch (error) {
    if (!(error instanceof GithubUnavailable)) throw error
    console.error('The members of a repository could not be listed.', error)
    return null
  }
}

export interface ActivityView {
  view: ModelView
  items: RecordedChange[]
  next: string | null
  paged: boolean
}

export async function loadActivity(params: Params, cursor: string | undefined): Promise<ActivityView> {
  const view = await loadModelView(params, { action: 'see-changes' })
  const { items, next } = await changesOf(view.model.id, { cursor })
  return { view, items, next, paged: cursor !== undefined }
}

export async function loadDanger(params: Params) {
  const view = await loadModelView(params, { action: 'delete' })
  const { db } = context()
  return { view, counts: await countOfModel(db, view.model.id), oldNames: await listOldNames(db, view.model.id) }
}
export type DangerView = Awaited<ReturnType<typeof loadDanger>>
