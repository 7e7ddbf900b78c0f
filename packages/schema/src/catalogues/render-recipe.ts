import type { CatalogueEntry } from '../catalogue.ts'

/** Renders the Dockerfile of an entry that stands on a public image. `digest` pins the image once it has been pulled. */
export function renderRecipe(entry: CatalogueEntry, digest?: string): string {
  if (entry.source.kind !== 'image') throw new Error(`catalogue entry ${entry.id} is made from Debian packages`)
  const { reference, recipe } = entry.source
  const from = digest ? `${reference.split('@', 1)[0]}@${digest}` : reference
  return [`FROM ${from}`, ...recipe, ''].join('\n')
}
