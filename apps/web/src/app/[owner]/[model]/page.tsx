import type { Metadata } from 'next'
import { context } from '#src/context.ts'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { OverviewPage } from '#src/features/models/overview-page.tsx'

type Props = { params: Promise<{ owner: string; model: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const view = await loadModelView(params)
  const name = `${view.publisher.slug}/${view.model.slug}`
  return {
    title: view.pinned && view.version ? `${name} · version ${view.version.number}` : name,
    description: view.model.summary ?? undefined,
    robots: view.visibility === 'public' ? undefined : { index: false },
    alternates: {
      canonical: `${context().config.siteUrl}${view.version?.id === view.model.defaultVersionId ? view.path : view.versionPath}`,
    },
  }
}

export default async function Page({ params }: Props) {
  return <OverviewPage view={await loadModelView(params)} />
}
