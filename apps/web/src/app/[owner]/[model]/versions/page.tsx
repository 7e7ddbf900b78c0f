import type { Metadata } from 'next'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { loadVersions } from '#src/features/versions/load-versions.ts'
import { VersionsPage } from '#src/features/versions/versions-page.tsx'
import { one } from '#src/ui/search-params.ts'

type Props = {
  params: Promise<{ owner: string; model: string }>
  searchParams: Promise<Record<string, string | string[] | undefined>>
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { publisher, model } = await loadModelView(params, { action: 'see-versions' })
  return { title: `${publisher.slug}/${model.slug} · versions`, robots: { index: false } }
}

export default async function Page({ params, searchParams }: Props) {
  const { before, status, branch } = await searchParams
  return (
    <VersionsPage
      data={await loadVersions(params, { before: one(before), status: one(status), branch: one(branch) })}
    />
  )
}
