import { listVersions } from '@modelport/db/queries/versions'
import type { Metadata } from 'next'
import { context } from '#src/context.ts'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { SettingsPage } from '#src/features/settings/settings-page.tsx'

type Props = { params: Promise<{ owner: string; model: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { publisher, model } = await loadModelView(params, { action: 'change-settings', tab: 'settings' })
  return { title: `${publisher.slug}/${model.slug} · settings`, robots: { index: false } }
}

export default async function Page({ params }: Props) {
  const view = await loadModelView(params, { action: 'change-settings', tab: 'settings' })
  const ready = await listVersions(context().db, view.model.id, { limit: 50, readyOnly: true })
  return <SettingsPage view={view} readyNumbers={ready.map((row) => row.version.number)} />
}
