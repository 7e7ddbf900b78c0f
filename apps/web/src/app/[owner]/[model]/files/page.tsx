import type { Metadata } from 'next'
import { FilesPage } from '#src/features/files/files-page.tsx'
import { loadFiles } from '#src/features/files/load-files.ts'
import { loadModelView } from '#src/features/models/load-model-view.ts'

type Props = { params: Promise<{ owner: string; model: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { publisher, model } = await loadModelView(params, { action: 'see-files' })
  return { title: `${publisher.slug}/${model.slug} · files`, robots: { index: false } }
}

export default async function Page({ params }: Props) {
  return <FilesPage data={await loadFiles(params)} />
}
