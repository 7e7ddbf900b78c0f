import type { Metadata } from 'next'
import { AdminPage } from '#src/features/admin/admin-page.tsx'
import { loadAdmin } from '#src/features/admin/load-admin.ts'

export const metadata: Metadata = { title: 'Administration', robots: { index: false } }

export default async function Page() {
  return <AdminPage data={await loadAdmin()} />
}
