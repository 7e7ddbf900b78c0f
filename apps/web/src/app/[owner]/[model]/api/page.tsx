import type { Metadata } from 'next'
import { ApiPage } from '#src/features/models/api-page.tsx'
import { loadModelView } from '#src/features/models/load-model-view.ts'

type Props = { params: Promise<{ owner: string; model: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { publisher, model, pinned, version, visibility } = await loadModelView(params)
  const number = pinned && version ? ` · version ${version.number}` : ''
  return {
    title: `${publisher.slug}/${model.slug}${number} · API`,
    robots: visibility === 'public' ? undefined : { index: false },
  }
}

export default async function Page({ params }: Props) {
  return <ApiPage view={await loadModelView(params)} />
}
