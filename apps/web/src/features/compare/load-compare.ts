import { listVersions } from '@modelport/db/queries/versions'
import { permanentRedirect } from 'next/navigation'
import { orRefuse } from '#src/auth/refuse.ts'
import { context } from '#src/context.ts'
import { type Comparison, compareVersions, parseRange } from '#src/features/compare/compare-versions.ts'
import { loadModelView, type ModelView } from '#src/features/models/load-model-view.ts'
import { openVersion } from '#src/features/models/open-model.ts'

export interface CompareView {
  view: ModelView
  comparison: Comparison
  /** For the two pickers. */
  numbers: number[]
}

export async function loadCompare(
  params: Promise<{ owner: string; model: string; range: string }>,
): Promise<CompareView> {
  const { range } = await params
  const { a, b } = await orRefuse(async () => parseRange(range))
  const view = await loadModelView(params)
  // One address for one comparison: old to new.
  if (a > b) permanentRedirect(`${view.path}/compare/${b}...${a}`)
  const comparison = await orRefuse(async () => {
    for (const number of [a, b]) await openVersion(view.actor, view.publisher.slug, view.model.slug, number)
    return compareVersions(view.model, { a, b })
  })
  const rows = await listVersions(context().db, view.model.id, { limit: 100, readyOnly: !view.rights.versions })
  const numbers = new Set([...rows.map((row) => row.version.number), a, b])
  return { view, comparison, numbers: [...numbers].toSorted((x, y) => y - x) }
}
