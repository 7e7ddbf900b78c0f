import type { Metadata } from 'next'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { tabMetadata } from '#src/features/models/model-metadata.ts'
import { loadSource, type SourceParams } from '#src/features/source/load-source.ts'
import { SourcePage } from '#src/features/source/source-page.tsx'

type Props = { params: SourceParams }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const segments = (await params).path ?? []
  const file = segments.at(-1)
  const view = await loadModelView(params)
  return tabMetadata(view, file ? `source · ${safeDecode(file)}` : 'source', ['source', ...segments].join('/'))
}

export default async function Page({ params }: Props) {
  return <SourcePage data={await loadSource(params)} />
}

function safeDecode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
