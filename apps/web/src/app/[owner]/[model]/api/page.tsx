import type { Metadata } from 'next'
import { ApiPage } from '#src/features/models/api-page.tsx'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { tabMetadata } from '#src/features/models/model-metadata.ts'

type Props = { params: Promise<{ owner: string; model: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return tabMetadata(await loadModelView(params), 'API')
}

export default async function Page({ params }: Props) {
  return <ApiPage view={await loadModelView(params)} />
}
