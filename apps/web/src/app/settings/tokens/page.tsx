import type { Metadata } from 'next'
import { context } from '#src/context.ts'
import { requireSignIn } from '#src/features/dashboard/load-mine.ts'
import { tokensOf } from '#src/features/settings/tokens.ts'
import { TokensPage } from '#src/features/settings/tokens-page.tsx'

export const metadata: Metadata = { title: 'API tokens', robots: { index: false } }

export default async function Page() {
  const tokens = await tokensOf(await requireSignIn('/settings/tokens'))
  return <TokensPage tokens={tokens} siteUrl={context().config.siteUrl} />
}
