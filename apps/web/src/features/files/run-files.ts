import { listFiles } from '@modelport/db/queries/files'
import { context } from '#src/context.ts'
import { pathOfFile, pathOfPlace } from '#src/features/files/file-path.ts'
import { isSamePlace } from '#src/features/files/places.ts'
import { placesOf } from '#src/features/files/read-places.ts'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import type { RunFile } from '#src/features/models/snippets.ts'

/** The files that the shown version's options have places for, as its run line needs them; none for who may not see them. */
export async function loadRunFiles(view: ModelView): Promise<RunFile[]> {
  const places = view.rights.files ? placesOf(view.version?.manifest) : []
  if (places.length === 0) return []
  const { db, config } = context()
  const files = await listFiles(db, view.model.id)
  return places.flatMap((place) => {
    const file = files.find((one) => isSamePlace(one, place))
    if (!file) return []
    const path = pathOfPlace(view.path, place, file.name) ?? pathOfFile(view.path, file)
    return [{ ...place, name: file.name, url: config.siteUrl + path }]
  })
}
