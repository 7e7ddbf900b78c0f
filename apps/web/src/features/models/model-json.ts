import { describeModel } from '@modelport/db/queries/description'
import type { ListedModel, Model, Publisher } from '@modelport/db/queries/models'
import { findVersionById } from '@modelport/db/queries/versions'
import { effectiveVisibility } from '#src/auth/can.ts'
import { context } from '#src/context.ts'
import { renditionPath } from '#src/features/gallery/rendition-path.ts'
import { claimOf } from '#src/features/models/licence-claim.ts'
import { readManifest, typesOf } from '#src/features/models/manifest.ts'

function common(model: ListedModel['model'], publisher: Publisher, defaultVersion: number | null) {
  return {
    id: model.id,
    owner: publisher.slug,
    name: model.slug,
    repository: `${publisher.login}/${model.name}`,
    url: `${context().config.siteUrl}/${publisher.slug}/${model.slug}`,
    status: model.state,
    reason: model.stateReason,
    title: model.title,
    summary: model.summary,
    keywords: model.topics,
    license: model.licence?.spdx ?? null,
    visibility: effectiveVisibility(model),
    branch: model.branch,
    defaultVersion,
    defaultPolicy: model.defaultPolicy,
    createdAt: model.createdAt.toISOString(),
    updatedAt: model.updatedAt.toISOString(),
  }
}

/** A model; with its settings for people who may change them. */
export async function modelJson(model: Model, publisher: Publisher, mayChange: boolean) {
  const version = model.defaultVersionId ? await findVersionById(context().db, model.defaultVersionId) : null
  const described = describeModel(model, version)
  const licence = claimOf(version?.licence ?? null, described.licence)
  const { title, summary, overview, keywords, links, authors, performance } = described
  const license = licence.from ? { from: licence.from } : null
  const sources = { title, summary, overview, keywords, links, authors, performance, license }
  return {
    ...common(model, publisher, version?.number ?? null),
    license: licence.spdx,
    links: links?.value ?? [],
    authors: authors?.value ?? [],
    performance: performance?.value ?? [],
    sources: Object.fromEntries(Object.entries(sources).flatMap(([key, value]) => (value ? [[key, value.from]] : []))),
    settings: mayChange
      ? {
          name: model.chosenSlug,
          archivedBy: model.archivedBy,
          visibility: model.visibility,
          branchRules: model.branchRules,
          tagRules: model.tagRules,
          viewersSeeVersions: model.viewersSeeVersions,
          viewersSeeLogs: model.viewersSeeLogs,
          viewersSeeFiles: model.viewersSeeFiles,
          substitutionPolicy: model.substitutionPolicy,
        }
      : null,
  }
}

export async function defaultVersionJson(model: Model) {
  const version = model.defaultVersionId ? await findVersionById(context().db, model.defaultVersionId) : null
  return { policy: model.defaultPolicy, version: version?.number ?? null }
}

export function listedModelJson({ model, publisher, version, sizes, images }: ListedModel) {
  const manifest = readManifest(version?.manifest)
  return {
    ...common(model, publisher, version?.number ?? null),
    inputs: typesOf(manifest, 'inputs'),
    outputs: typesOf(manifest, 'outputs'),
    sizes: sizes.map(({ target, sizeBytes }) => ({ target, size: sizeBytes })),
    thumbnail: images
      ? context().config.siteUrl + renditionPath(`/${publisher.slug}/${model.slug}`, images.at(-1)!)
      : null,
  }
}
