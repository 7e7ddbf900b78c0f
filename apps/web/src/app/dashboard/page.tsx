import type { Metadata } from 'next'
import { DashboardPage } from '#src/features/dashboard/dashboard-page.tsx'
import { loadDashboard, requireSignIn } from '#src/features/dashboard/load-mine.ts'

export const metadata: Metadata = { title: 'Dashboard', robots: { index: false } }

export default async function Page() {
  return <DashboardPage data={await loadDashboard(await requireSignIn('/dashboard'))} />
}
