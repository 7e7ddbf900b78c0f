import { readLines } from '@modelport/db/queries/builds'
import { listDeliveries } from '@modelport/db/queries/deliveries'
import { findModelById, findModelByRepository, listModelsByRepositories } from '@modelport/db/queries/models'
import { newestVersion } from '@modelport/db/queries/pages'
import { currentBuilds } from '@modelport/db/queries/versions'
import { describeMissingConfig } from '@modelport/schema/missing-config'
import type { RequestActor } from '#src/auth/actor.ts'
import { GithubUnavailable, type InstalledRepository, type SeenInstallation } from '#src/auth/github.ts'
import { githubTokenOf } from '#src/auth/session.ts'
import { context } from '#src/context.ts'
import { type CheckedConfig, checkConfig } from '#src/features/onboarding/check-config.ts'
import { detectedWords, templates, templateText } from '#src/features/onboarding/templates.ts'

/** The three steps of publishing a model, as far as they are done. */
export interface Onboarding {
  /** Where the page lies that shows this. */
  here: string
  /** Null when GitHub could not be asked. */
  repositories: (InstalledRepository & { modelPath: string | null; configured: boolean })[] | null
  installations: SeenInstallation[]
  app: { installUrl: string; permissions: Record<string, string> } | null
  q: string
  chosen: Chosen | null
}

export interface Chosen {
  repository: InstalledRepository
  url: string
  branch: string
  detected: string[]
  /** The repository has no commit yet. */
  empty: boolean
  hasModelFile: boolean
  config:
    | ({ found: true } & CheckedConfig)
    | { found: false; missing: string; template: string; text: string; checked: CheckedConfig }
  model: Awaited<ReturnType<typeof findModelById>>
  version: Awaited<ReturnType<typeof newestVersion>>
  builds: Awaited<ReturnType<typeof currentBuilds>>
  /** The end of the log of the build that is to be looked at. */
  tail: string[]
  delivery: Awaited<ReturnType<typeof listDeliveries>>[number] | null
}

export async function loadOnboarding(
  actor: RequestActor,
  here: string,
  repositories: InstalledRepository[] | null,
  search: { repository?: string; template?: string; q?: string },
): Promise<Onboarding> {
  const { db } = context()
  const { installations, app } = repositories ? await aboutTheApp(actor) : { installations: [], app: null }
  const models = await listModelsByRepositories(db, repositories?.map((r) => r.id) ?? [])
  const known = new Map(models.map((m) => [m.model.githubRepositoryId, m]))
  const chosen = repositories?.find((r) => r.mayWrite && `${r.owner}/${r.name}` === search.repository)
  return {
    here,
    repositories:
      repositories?.map((r) => {
        const found = known.get(r.id)
        return {
          ...r,
          modelPath: found ? `/${found.publisher.slug}/${found.model.slug}` : null,
          configured: found !== undefined && found.model.state !== 'not_configured',
        }
      }) ?? null,
    installations,
    app,
    q: search.q?.trim().slice(0, 100) ?? '',
    chosen: chosen ? await loadChosen(chosen, search.template) : null,
  }
}

async function aboutTheApp(actor: RequestActor) {
  const { github } = context()
  try {
    const token = actor.session ? await githubTokenOf(actor.session) : null
    const [installations, app] = await Promise.all([token ? github.listInstallations(token) : [], github.describeApp()])
    return { installations, app }
  } catch (error) {
    if (!(error instanceof GithubUnavailable)) throw error
    console.error('The app could not be described.', error)
    return { installations: [], app: null }
  }
}

/** What is known of the repository that is set up. Only of one that GitHub says the person may write to. */
async function loadChosen(repository: InstalledRepository, templateId: string | undefined): Promise<Chosen | null> {
  const { db, config, github } = context()
  const root = await github.readRoot(repository, 'runway.yml').catch((error: unknown) => {
    if (!(error instanceof GithubUnavailable)) throw error
    console.error('A repository could not be read.', error)
    return null
  })
  const names = root?.names ?? []
  const row = await findModelByRepository(db, repository.id)
  const model = row && (await findModelById(db, row.id))
  const version = model && (await newestVersion(db, model.model.id))
  const builds = version ? await currentBuilds(db, version.id) : []
  const [delivery = null] = await listDeliveries(db, { repositoryId: repository.id, limit: 1 })
  return {
    repository,
    url: `${config.githubWebUrl}/${repository.owner}/${repository.name}`,
    branch: model?.model.branch ?? root?.branch ?? 'main',
    detected: detectedWords(names),
    empty: names.length === 0,
    hasModelFile: names.includes('runway_model.py'),
    config: root?.text ? { found: true, ...checkConfig(root.text) } : offered(names, templateId),
    model,
    version,
    builds,
    tail: await tailOf(builds),
    delivery,
  }
}

function offered(names: string[], templateId: string | undefined): Chosen['config'] {
  const template = templates.find((each) => each.id === templateId) ?? templates[0]!
  const text = templateText(template, names, context().config.siteUrl)
  return {
    found: false,
    missing: describeMissingConfig(names).sentence,
    template: template.id,
    text,
    checked: checkConfig(text),
  }
}

const tailLines = 12

async function tailOf(builds: Chosen['builds']): Promise<string[]> {
  const build =
    builds.find((b) => b.state === 'failed' || b.state === 'timed_out') ??
    builds.find((b) => b.state === 'running') ??
    builds[0]
  if (!build || build.lineCount === 0) return []
  const lines = await readLines(context().db, build.id, {
    after: Math.max(0, build.lineCount - tailLines),
    limit: tailLines,
  })
  return lines.map((line) => line.text)
}
