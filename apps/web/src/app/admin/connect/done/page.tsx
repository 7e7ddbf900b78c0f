import type { Metadata } from 'next'
import { ConnectedPage } from '#src/features/connect/connected-page.tsx'
import { loadConnected } from '#src/features/connect/load-connect.ts'
import { one } from '#src/ui/search-params.ts'

export const metadata: Metadata = { title: 'Keys of your app', robots: { index: false }, referrer: 'no-referrer' }

export default async function Page({ searchParams }: { searchParams: Promise<Record<string, string | string[]>> }) {
  const query = await searchParams
  return <ConnectedPage data={await loadConnected({ code: one(query.code), state: one(query.state) })} />
}
