import { findPublishersByPrefix } from '@modelport/db/queries/pages'
import { directoryLimits } from '@modelport/schema/directory'
import { context } from '#src/context.ts'
import { loadDirectory } from '#src/features/directory/load-directory.ts'

/** What the search field of the header offers while somebody types. */
export interface Suggestions {
  models: { path: string; name: string; summary: string | null }[]
  publishers: { path: string; name: string }[]
}

export async function suggest(q: string): Promise<Suggestions> {
  const text = q.trim()
  if (text === '' || text.length > directoryLimits.q || text.includes('\0')) return { models: [], publishers: [] }
  const [found, publishers] = await Promise.all([
    loadDirectory([['q', text]], { limit: 6, counts: false }),
    /^[\w-]+$/.test(text) ? findPublishersByPrefix(context().db, text, 3) : [],
  ])
  return {
    models: found.models.map(({ model, publisher }) => ({
      path: `/${publisher.slug}/${model.slug}`,
      name: `${publisher.slug}/${model.slug}`,
      summary: model.summary,
    })),
    publishers: publishers.map(({ slug }) => ({ path: `/${slug}`, name: slug })),
  }
}
