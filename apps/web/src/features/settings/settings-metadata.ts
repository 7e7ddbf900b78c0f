import type { Metadata } from 'next'
import type { ModelView } from '#src/features/models/load-model-view.ts'

/** The title of a page of settings; no search engine has use for it. */
export const settingsMetadata = ({ publisher, model }: ModelView, what: string): Metadata => ({
  title: `${publisher.slug}/${model.slug} · ${what}`,
  robots: { index: false },
})
