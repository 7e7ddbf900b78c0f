import type { ListedModel } from '@modelport/db/queries/models'
import { licenceName } from '@modelport/schema/licence/terms'
import { Boxes, ChartNoAxesColumn, File, Image as ImageIcon, type LucideIcon, Type } from 'lucide-react'
import Link from 'next/link'
import { flowOf } from '#src/features/directory/load-directory.ts'
import { renditionPath } from '#src/features/gallery/rendition-path.ts'
import { readManifest, typesOf } from '#src/features/models/manifest.ts'
import { formatBytes } from '#src/ui/format.ts'
import { Time } from '#src/ui/parts.tsx'

const thumbnailBox = 'h-[72px] w-24 shrink-0 rounded-sm max-sm:h-12 max-sm:w-16'

/** A sign of what a model makes, where it has no picture. */
function glyphOf(manifest: unknown): LucideIcon {
  const outputs = typesOf(readManifest(manifest), 'outputs')
  if (outputs.some((type) => type.startsWith('image') || type === 'segmentation')) return ImageIcon
  if (outputs.includes('text')) return Type
  if (outputs.some((type) => type === 'file' || type === 'directory')) return File
  return outputs.some((type) => type === 'number' || type === 'vector') ? ChartNoAxesColumn : Boxes
}

export function ModelRow({ listed }: { listed: ListedModel }) {
  const { model, publisher, version, sizes, images } = listed
  const flow = flowOf(listed)
  const Glyph = glyphOf(version?.manifest)
  return (
    <li className="relative flex gap-4 px-4 py-4 hover:bg-bg-subtle">
      {images ? (
        // The name beside it says what it is a picture of.
        // biome-ignore lint/performance/noImgElement: the gallery has encoded it in this size already
        <img
          src={renditionPath(`/${publisher.slug}/${model.slug}`, images.at(-1)!)}
          alt=""
          width={96}
          height={72}
          loading="lazy"
          className={`${thumbnailBox} object-cover`}
        />
      ) : (
        <span aria-hidden className={`${thumbnailBox} flex items-center justify-center bg-bg-muted text-fg-subtle`}>
          <Glyph className="size-7 max-sm:size-5" strokeWidth={1.25} />
        </span>
      )}
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-baseline justify-between gap-x-4">
          <h2 className="min-w-0 text-base font-semibold">
            {/* The whole row leads to the model. */}
            <Link
              prefetch={false}
              href={`/${publisher.slug}/${model.slug}`}
              className="link-quiet after:absolute after:inset-0"
            >
              <span className="font-normal text-fg-muted">{publisher.slug}/</span>
              {model.slug}
            </Link>
          </h2>
          <p className="text-[13px] text-fg-subtle">
            {version ? `Version ${version.number} · ` : ''}
            <Time date={version?.finishedAt ?? model.updatedAt} />
          </p>
        </div>
        {model.summary ? (
          <p className="mt-1 line-clamp-2 max-w-[80ch] text-fg-muted" dir="auto">
            {model.summary}
          </p>
        ) : null}
        <div className="mt-2 flex flex-wrap gap-1.5">
          {flow ? <span className="chip bg-accent-subtle text-accent-text">{flow}</span> : null}
          {sizes.map((size) => (
            <span className="chip" key={size.target}>
              {size.target.toUpperCase()} {formatBytes(size.sizeBytes)}
            </span>
          ))}
          <span className="chip">
            {model.licence?.spdx
              ? licenceName(model.licence.spdx)
              : model.licence
                ? 'Own licence'
                : 'License not stated'}
          </span>
        </div>
      </div>
    </li>
  )
}

export function ModelList({ models }: { models: ListedModel[] }) {
  return (
    <ul className="card divide-y divide-border overflow-hidden">
      {models.map((listed) => (
        <ModelRow key={listed.model.id} listed={listed} />
      ))}
    </ul>
  )
}
