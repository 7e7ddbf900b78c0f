import { narrowedBy, readDirectoryFilter } from '@modelport/schema/directory'
import type { Metadata } from 'next'
import { redirect } from 'next/navigation'
import { Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { DirectoryPage, GivenUp } from '#src/features/directory/directory-page.tsx'
import { directoryAddress, feedAddress, isWrittenByForm, pairsOf } from '#src/features/directory/filter-words.ts'
import { type Directory, loadDirectory } from '#src/features/directory/load-directory.ts'
import { one } from '#src/ui/search-params.ts'

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> }

export async function generateMetadata({ searchParams }: Props): Promise<Metadata> {
  const filter = readDirectoryFilter(pairsOf(await searchParams))
  return {
    title: filter.q.trim() === '' ? 'Models' : `Models for ${filter.q.trim()}`,
    // Filters multiply into more pages than there are models.
    ...(narrowedBy(filter) > 1 ? { robots: { index: false } } : {}),
    alternates: {
      canonical: directoryAddress(readDirectoryFilter([['q', filter.q.trim()]])),
      types: { 'application/atom+xml': `${context().config.siteUrl}${feedAddress(filter)}` },
    },
  }
}

export default async function Page({ searchParams }: Props) {
  const search = await searchParams
  const pairs = pairsOf(search)
  // A form without a script sends every empty field and one word per box; the address to share is the short one.
  if (isWrittenByForm(search)) redirect(directoryAddress(readDirectoryFilter(pairs), one(search.cursor)))
  let directory: Directory
  try {
    directory = await loadDirectory(pairs, { cursor: one(search.cursor), counts: true })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return <GivenUp filter={readDirectoryFilter(pairs)} sentence={error.message} />
  }
  return <DirectoryPage directory={directory} />
}
