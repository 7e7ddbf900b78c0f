import type { Metadata } from 'next'
import { ConnectPage } from '#src/features/connect/connect-page.tsx'
import { loadConnect } from '#src/features/connect/load-connect.ts'
import { one } from '#src/ui/search-params.ts'

export const metadata: Metadata = {
  title: 'Connect your GitHub App',
  robots: { index: false },
  referrer: 'no-referrer',
}

export default async function Page({ searchParams }: { searchParams: Promise<Record<string, string | string[]>> }) {
  const query = await searchParams
  return <ConnectPage data={await loadConnect({ setup: one(query.setup), organisation: one(query.organisation) })} />
}
