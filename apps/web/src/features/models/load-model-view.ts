import { describeModel } from '@modelport/db/queries/description'
import { type GalleryImage, listGallery } from '@modelport/db/queries/gallery'
import { type FoundModel, newestReadyVersion } from '@modelport/db/queries/models'
import { findVersionByCommit, newestVersion } from '@modelport/db/queries/pages'
import { type Build, currentBuilds, findVersionById, listVersions, type Version } from '@modelport/db/queries/versions'
import { headers } from 'next/headers'
import { permanentRedirect, redirect } from 'next/navigation'
import { cache } from 'react'
import type { RequestActor } from '#src/auth/actor.ts'
import { type Action, can, effectiveVisibility } from '#src/auth/can.ts'
import { hidden } from '#src/auth/refusal.ts'
import { orRefuse } from '#src/auth/refuse.ts'
import { currentActor } from '#src/auth/session.ts'
import { context } from '#src/context.ts'
import { claimOf, type LicenceClaim } from '#src/features/models/licence-claim.ts'
import { parseModelPath, parseOwner } from '#src/features/models/model-path.ts'
import { openModel, openVersion } from '#src/features/models/open-model.ts'
import { hereHeader } from '#src/here.ts'

export interface Rights {
  versions: boolean
  logs: boolean
  files: boolean
  build: boolean
  publish: boolean
  changeFiles: boolean
  settings: boolean
  rename: boolean
  delete: boolean
}

/** What every page of a model needs. */
export interface ModelView extends FoundModel {
  actor: RequestActor
  rights: Rights
  visibility: 'public' | 'unlisted' | 'private'
  /** `/owner/model` */
  path: string
  /** `/owner/model` or `/owner/model@3`: what links to the other tabs begin with. */
  versionPath: string
  repositoryUrl: string
  /** The version that the page shows; null while nothing is ready. */
  version: Version | null
  builds: Build[]
  /** What is said of the model, as the version has it, and what may be said of its licence. */
  described: ReturnType<typeof describeModel>
  licence: LicenceClaim
  pinned: boolean
  defaultVersion: Version | null
  newest: Version | null
  gallery: GalleryImage[]
  /** For the switcher: the newest versions that this person may see. */
  choices: { version: Version; size: number | null }[]
}

/**
 * Resolves everything that may still change the answer's status (existence, visibility, rename, version) before the
 * page begins: a redirect or a 404 thrown later would come with status 200.
 */
export async function loadModelView(
  params: Promise<{ owner: string; model: string }>,
  { action = 'see' }: { action?: Action } = {},
): Promise<ModelView> {
  const { owner, model } = await params
  return loadOnce(owner, model, action)
}

// A page and its metadata ask for the same; `cache` compares arguments, so they are texts.
const loadOnce = cache(async (ownerSegment: string, modelSegment: string, action: Action): Promise<ModelView> => {
  const owner = parseOwner(ownerSegment)
  const asked = parseModelPath(modelSegment)
  // A redirect keeps the tab and the query.
  const suffix = /^\/[^/?]+\/[^/?]+(.*)$/s.exec((await headers()).get(hereHeader) ?? '')?.[1] ?? ''
  return orRefuse(async () => {
    if (!owner || !asked) throw hidden()
    const actor = await currentActor()
    const found = await openModel(actor, owner, asked.slug, action)
    const { db, config } = context()
    const { model, publisher } = found
    const path = `/${publisher.slug}/${model.slug}`
    if (asked.version.kind === 'latest') {
      const latest = await newestReadyVersion(db, model.id)
      if (!latest) throw hidden()
      redirect(`${path}@${latest.number}${suffix}`)
    }
    if (asked.version.kind === 'commit') {
      const version = await findVersionByCommit(db, model.id, asked.version.prefix)
      if (!version) throw hidden()
      await openVersion(actor, publisher.slug, model.slug, version.number)
      redirect(`${path}@${version.number}${suffix}`)
    }
    const number = asked.version.kind === 'number' ? asked.version.number : null
    // Old names and other cases lead to the one address, for ever.
    if (found.movedTo || owner !== publisher.slug || asked.slug !== model.slug)
      permanentRedirect(`${path}${number ? `@${number}` : ''}${suffix}`)

    const allows = async (wanted: Action) => (await can(actor, wanted, model)) === 'allow'
    const rights: Rights = {
      versions: await allows('see-versions'),
      logs: await allows('see-logs'),
      files: await allows('see-files'),
      build: await allows('build'),
      publish: await allows('publish'),
      changeFiles: await allows('change-files'),
      settings: await allows('change-settings'),
      rename: await allows('rename'),
      delete: await allows('delete'),
    }
    const defaultVersion = model.defaultVersionId ? await findVersionById(db, model.defaultVersionId) : null
    const version = number
      ? (await openVersion(actor, publisher.slug, model.slug, number)).version
      : (defaultVersion ?? (await newestReadyVersion(db, model.id)))
    const described = describeModel(model, version)
    const choices = await listVersions(db, model.id, { limit: 11, readyOnly: !rights.versions })
    return {
      ...found,
      actor,
      rights,
      visibility: effectiveVisibility(model),
      path,
      versionPath: number ? `${path}@${number}` : path,
      repositoryUrl: `${config.githubWebUrl}/${publisher.login}/${model.name}`,
      version,
      builds: version ? await currentBuilds(db, version.id) : [],
      described,
      licence: claimOf(version?.licence ?? null, described.licence),
      pinned: number !== null,
      defaultVersion,
      newest: rights.versions ? await newestVersion(db, model.id) : null,
      gallery: await listGallery(db, model.id),
      choices: withDefault(choices, defaultVersion).map((choice) => ({
        version: choice.version,
        size: smallest(choice.builds),
      })),
    }
  })
})

/** The switcher shows the default, however old it is. */
function withDefault(choices: { version: Version; builds: Build[] }[], defaultVersion: Version | null) {
  return defaultVersion && !choices.some((choice) => choice.version.id === defaultVersion.id)
    ? [...choices, { version: defaultVersion, builds: [] }]
    : choices
}

function smallest(builds: Build[]): number | null {
  const sizes = builds.flatMap((build) => build.sizeBytes ?? [])
  return sizes.length > 0 ? Math.min(...sizes) : null
}
