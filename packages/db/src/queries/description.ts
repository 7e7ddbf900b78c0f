import { detectLicence } from '@modelport/schema/licence/detect'
import { spdxOf } from '@modelport/schema/licence/terms'
import { type Described, describe } from '@modelport/schema/model-card/describe'
import { eq } from 'drizzle-orm'
import type { Tx } from '../client.ts'
import { models } from '../tables/models.ts'
import { versions } from '../tables/versions.ts'

type Model = typeof models.$inferSelect
type Version = typeof versions.$inferSelect

/** What is said of a model, and where each value comes from, as one of its versions has it. */
export function describeModel(
  model: Pick<Model, 'edited' | 'repositorySummary' | 'repositoryTopics'>,
  version: Pick<Version, 'config' | 'readme' | 'citation'> | null,
) {
  const config = version?.config as { metadata?: Record<string, unknown> } | null | undefined
  return describe({
    edited: model.edited,
    metadata: config?.metadata ?? {},
    readme: version?.readme ?? null,
    citation: version?.citation ?? null,
    repository: { description: model.repositorySummary, topics: model.repositoryTopics },
  })
}

/**
 * Makes what lists and the directory read equal to the sources, by the default version. Called by everything that
 * changes a source: GitHub's news of the repository, an edit on the site, a move of the default version.
 */
export async function refreshDescription(tx: Tx, modelId: string): Promise<void> {
  const [row] = await tx
    .select({ model: models, version: versions })
    .from(models)
    .leftJoin(versions, eq(versions.id, models.defaultVersionId))
    .where(eq(models.id, modelId))
  if (!row) return
  const { title, summary, keywords, licence } = describeModel(row.model, row.version)
  await tx
    .update(models)
    .set({
      title: title?.value ?? null,
      summary: summary?.value ?? null,
      topics: keywords?.value ?? [],
      ...(row.version ? { readme: row.version.readme, licence: listedLicence(row.version.licence, licence) } : {}),
    })
    .where(eq(models.id, modelId))
}

/** A licence as lists name it: the one that the model card or config states wins over the text of the licence file. */
function listedLicence(file: Version['licence'], said: Described['licence']): Model['licence'] {
  if (!said) return file && { ...file, spdx: file.spdx ?? detectLicence(file.text) }
  const spdx = spdxOf(said.value)
  return file ? { ...file, spdx } : { spdx, file: said.from, text: '' }
}
