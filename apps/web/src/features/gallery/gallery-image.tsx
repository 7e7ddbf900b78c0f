import type { GalleryImage } from '@modelport/db/queries/gallery'
import { renditionPath } from '#src/features/gallery/rendition-path.ts'

/** A picture of a gallery that leads to its largest size; `LightBox` opens that on the page. */
export function GalleryPicture({
  modelPath,
  image,
  sizes,
  eager,
}: {
  modelPath: string
  image: GalleryImage
  sizes: string
  eager?: boolean
}) {
  const [full, card] = image.renditions
  return (
    <a
      href={renditionPath(modelPath, full!)}
      data-picture={image.id}
      data-caption={image.caption}
      className="block overflow-hidden rounded-lg border border-border bg-bg-muted"
      aria-label={image.alt ? undefined : `Open image${image.caption ? `: ${image.caption}` : ''}`}
    >
      {/* biome-ignore lint/performance/noImgElement: the gallery has encoded its sizes already */}
      <img
        src={renditionPath(modelPath, card!)}
        srcSet={`${renditionPath(modelPath, card!)} ${card!.width}w, ${renditionPath(modelPath, full!)} ${full!.width}w`}
        sizes={sizes}
        alt={image.alt ?? ''}
        width={card!.width}
        height={card!.height}
        loading={eager ? undefined : 'lazy'}
        className="aspect-4/3 w-full object-cover"
      />
    </a>
  )
}
