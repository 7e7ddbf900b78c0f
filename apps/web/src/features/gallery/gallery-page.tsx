import type { GalleryImage } from '@modelport/db/queries/gallery'
import Link from 'next/link'
import { GalleryEditor } from '#src/features/gallery/gallery-editor.tsx'
import { GalleryPicture } from '#src/features/gallery/gallery-image.tsx'
import { LightBox } from '#src/features/gallery/light-box.tsx'
import type { GalleryView } from '#src/features/gallery/load-gallery.ts'
import { renditionPath } from '#src/features/gallery/rendition-path.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { Banner, EmptyState, Section } from '#src/ui/parts.tsx'

export function GalleryPage({ data }: { data: GalleryView }) {
  const { view, images } = data
  return (
    <ModelFrame view={view} tab="gallery">
      <h1 className="text-2xl leading-8 font-semibold">Gallery</h1>
      {images.length > 0 ? (
        <LightBox className="mt-6 grid gap-6 sm:grid-cols-2 lg:grid-cols-3">
          {images.map((image, i) => (
            <Figure key={image.id} image={image} modelPath={view.path} eager={i < 3} />
          ))}
        </LightBox>
      ) : (
        <div className="mt-6">
          <EmptyState title="No images yet">
            {view.rights.publish
              ? 'Add what the model makes below: the first image is shown in the directory.'
              : 'Its publisher has added none.'}
          </EmptyState>
        </div>
      )}
      {view.rights.publish ? <Edit data={data} /> : null}
    </ModelFrame>
  )
}

function Figure({ image, modelPath, eager }: { image: GalleryImage; modelPath: string; eager: boolean }) {
  return (
    <figure id={`image-${image.id}`} className="min-w-0">
      <GalleryPicture
        modelPath={modelPath}
        image={image}
        eager={eager}
        sizes="(min-width: 1024px) 400px, (min-width: 640px) 50vw, 100vw"
      />
      <figcaption className="mt-2 space-y-1">
        {image.caption ? <p dir="auto">{image.caption}</p> : null}
        {image.version ? (
          <p className="text-[13px] text-fg-muted">
            Made by{' '}
            <Link prefetch={false} className="link" href={`${modelPath}@${image.version}`}>
              version {image.version}
            </Link>
          </p>
        ) : null}
        {image.inputs ? (
          <details className="text-[13px]">
            <summary className="min-h-6 text-fg-muted">Inputs</summary>
            <pre className="mt-1 rounded-md bg-bg-muted px-2 py-1 font-mono whitespace-pre-wrap" dir="auto">
              {image.inputs}
            </pre>
          </details>
        ) : null}
      </figcaption>
    </figure>
  )
}

function Edit({ data: { view, images, revision, versions, hasStorage } }: { data: GalleryView }) {
  return (
    <div className="mt-12 border-t border-border pt-8">
      <Section title="Edit the gallery" id="edit">
        {hasStorage ? (
          <GalleryEditor
            // A saved gallery comes back with another revision, and the form begins again from it.
            key={revision}
            url={`/api/v1/models${view.path}/gallery`}
            revision={revision}
            versions={versions}
            initial={images.map((image) => ({
              id: image.id,
              thumbnail: renditionPath(view.path, image.renditions.at(-1)!),
              alt: image.alt ?? '',
              decorative: image.alt === null,
              caption: image.caption,
              inputs: image.inputs,
              version: image.version,
            }))}
          />
        ) : (
          <Banner kind="info">
            This installation has no object store, so it keeps no images. Its operator sets S3_ENDPOINT.
          </Banner>
        )}
      </Section>
    </div>
  )
}
