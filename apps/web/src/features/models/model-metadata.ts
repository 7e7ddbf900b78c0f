import type { Metadata } from 'next'
import { context } from '#src/context.ts'
import { renditionPath } from '#src/features/gallery/rendition-path.ts'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { cardSize } from '#src/features/open-graph/card-size.ts'

/** What the head of a page says of a model. A private one is described to nobody: links to it are unfurled by strangers. */
export function modelMetadata(view: ModelView): Metadata {
  const { siteUrl } = context().config
  const name = `${view.publisher.slug}/${view.model.slug}`
  const shown = view.visibility !== 'private'
  const address = `${siteUrl}${canonicalPath(view)}`
  const description = view.described.summary?.value
  return {
    title: view.pinned && view.version ? `${name} · version ${view.version.number}` : name,
    description,
    robots: view.visibility === 'public' ? undefined : { index: false },
    alternates: { canonical: address, types: { 'application/atom+xml': `${siteUrl}${view.path}/feed.atom` } },
    ...(shown
      ? {
          openGraph: {
            type: 'website',
            siteName: 'Modelport',
            title: view.described.title?.value ?? name,
            description,
            url: address,
            images: [
              {
                url: `${siteUrl}${view.pinned ? view.versionPath : view.path}/opengraph-image`,
                ...cardSize,
                alt: `${name}${description ? `: ${description}` : ''}`,
              },
            ],
          },
          twitter: { card: 'summary_large_image' },
        }
      : {}),
  }
}

/** What the head of another page of a model says: which one it is, and where its one address is. */
export function tabMetadata(view: ModelView, tab: string, path = tab.toLowerCase()): Metadata {
  const number = view.pinned && view.version ? ` · version ${view.version.number}` : ''
  return {
    title: `${view.publisher.slug}/${view.model.slug}${number} · ${tab}`,
    robots: view.visibility === 'public' ? undefined : { index: false },
    alternates: { canonical: `${context().config.siteUrl}${canonicalPath(view)}/${path}` },
  }
}

/** A pinned page is its own address, unless it shows what the bare one shows. */
const canonicalPath = (view: ModelView) =>
  view.version?.id === view.model.defaultVersionId ? view.path : view.versionPath

/** The model as schema.org has it; null for private ones. */
export function modelJsonLd(view: ModelView): object | null {
  if (view.visibility === 'private') return null
  const { siteUrl } = context().config
  const { version, described, publisher, licence } = view
  const name = described.title?.value ?? `${publisher.slug}/${view.model.slug}`
  const page = `${siteUrl}${canonicalPath(view)}`
  const crumb = (position: number, title: string, item: string) => ({
    '@type': 'ListItem',
    position,
    name: title,
    item,
  })
  return {
    '@context': 'https://schema.org',
    '@graph': [
      {
        '@type': 'SoftwareSourceCode',
        name,
        description: described.summary?.value,
        url: page,
        codeRepository: view.repositoryUrl,
        programmingLanguage: 'Python',
        runtimePlatform: view.builds.find((b) => b.base)?.base?.python.replace(/^/, 'Python '),
        version: version ? String(version.number) : undefined,
        license:
          licence.spdx && !licence.spdx.startsWith('LicenseRef-')
            ? `https://spdx.org/licenses/${licence.spdx}`
            : undefined,
        // No type: nothing says whether a name is a person's or an institution's.
        author: (described.authors?.value ?? [{ name: publisher.name ?? publisher.login, url: undefined }]).map(
          (author) => ({ name: author.name, url: author.url ?? undefined }),
        ),
        keywords: described.keywords?.value.join(', '),
        datePublished: (version?.finishedAt ?? version?.createdAt)?.toISOString(),
        dateModified: view.model.updatedAt.toISOString(),
        image: view.gallery[0] ? siteUrl + renditionPath(view.path, view.gallery[0].renditions[0]!) : undefined,
        citation: described.links?.value.map((link) => link.url),
      },
      {
        '@type': 'BreadcrumbList',
        itemListElement: [crumb(1, publisher.login, `${siteUrl}/${publisher.slug}`), crumb(2, view.model.name, page)],
      },
    ],
  }
}
