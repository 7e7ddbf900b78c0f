import type { Metadata } from 'next'
import { context } from '#src/context.ts'
import { DirectoryPage } from '#src/features/directory/directory-page.tsx'
import { loadDirectory } from '#src/features/directory/load-directory.ts'
import { one } from '#src/ui/search-params.ts'

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> }

export function generateMetadata(): Metadata {
  const { siteUrl } = context().config
  return {
    title: 'Models',
    alternates: { canonical: `${siteUrl}/models`, types: { 'application/atom+xml': `${siteUrl}/feed.atom` } },
  }
}

export default async function Page({ searchParams }: Props) {
  const search = await searchParams
  return <DirectoryPage directory={await loadDirectory({ q: one(search.q), cursor: one(search.cursor) })} />
}
