import type { Metadata } from 'next'
import { loadImport, requireSignIn } from '#src/features/dashboard/load-mine.ts'
import { ImportPage } from '#src/features/import/import-page.tsx'

export const metadata: Metadata = { title: 'Import a repository', robots: { index: false } }

export default async function Page() {
  return <ImportPage repositories={await loadImport(await requireSignIn('/new'))} />
}
