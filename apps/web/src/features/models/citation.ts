import type { FoundModel } from '@modelport/db/queries/models'
import type { Version } from '@modelport/db/queries/versions'
import { citationOf } from '@modelport/schema/model-card/cite'
import type { Described } from '@modelport/schema/model-card/describe'
import { context } from '#src/context.ts'

/** How to cite one version of a model. */
export function citeVersion({ model, publisher }: FoundModel, version: Version, described: Described) {
  return citationOf({
    citation: version.citation,
    title: described.title?.value ?? `${publisher.slug}/${model.slug}`,
    authors: described.authors?.value ?? [{ name: publisher.name ?? publisher.login }],
    publishedAt: version.finishedAt ?? version.createdAt,
    url: `${context().config.siteUrl}/${publisher.slug}/${model.slug}@${version.number}`,
    version: version.number,
  })
}
