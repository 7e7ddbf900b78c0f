import type { Metadata } from 'next'
import { CitePage } from '#src/features/models/cite-page.tsx'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { tabMetadata } from '#src/features/models/model-metadata.ts'

type Props = { params: Promise<{ owner: string; model: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return tabMetadata(await loadModelView(params), 'cite')
}

export default async function Page({ params }: Props) {
  return <CitePage view={await loadModelView(params)} />
}
