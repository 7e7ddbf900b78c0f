import type { Metadata } from 'next'
import { DashboardPage } from '#src/features/dashboard/dashboard-page.tsx'
import { loadDashboard, requireSignIn } from '#src/features/dashboard/load-mine.ts'
import { loadOnboarding } from '#src/features/onboarding/load-onboarding.ts'
import { one } from '#src/ui/search-params.ts'

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> }

export const metadata: Metadata = { title: 'Dashboard', robots: { index: false } }

export default async function Page({ searchParams }: Props) {
  const actor = await requireSignIn('/dashboard')
  const data = await loadDashboard(actor)
  const { q } = await searchParams
  // Somebody without a model sees how the first one comes to be.
  const onboarding =
    data.models.length > 0 ? null : await loadOnboarding(actor, '/new', data.repositories, { q: one(q) })
  return <DashboardPage data={data} onboarding={onboarding} />
}
