import type { Metadata } from 'next'
import { DirectoryPage } from '#src/features/directory/directory-page.tsx'
import { loadDirectory } from '#src/features/directory/load-directory.ts'
import { one } from '#src/ui/search-params.ts'

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> }

export const metadata: Metadata = { title: 'Models' }

export default async function Page({ searchParams }: Props) {
  const search = await searchParams
  return <DirectoryPage directory={await loadDirectory({ q: one(search.q), cursor: one(search.cursor) })} />
}
