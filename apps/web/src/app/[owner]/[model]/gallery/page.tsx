import type { Metadata } from 'next'
import { GalleryPage } from '#src/features/gallery/gallery-page.tsx'
import { loadGallery } from '#src/features/gallery/load-gallery.ts'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { tabMetadata } from '#src/features/models/model-metadata.ts'

type Props = { params: Promise<{ owner: string; model: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return tabMetadata(await loadModelView(params), 'gallery')
}

export default async function Page({ params }: Props) {
  return <GalleryPage data={await loadGallery(params)} />
}
