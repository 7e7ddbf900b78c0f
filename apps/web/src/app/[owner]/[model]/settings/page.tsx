import type { Metadata } from 'next'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { SettingsPage } from '#src/features/settings/settings-page.tsx'
import { readyNumbers } from '#src/features/versions/load-versions.ts'

type Props = { params: Promise<{ owner: string; model: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { publisher, model } = await loadModelView(params, { action: 'change-settings' })
  return { title: `${publisher.slug}/${model.slug} · settings`, robots: { index: false } }
}

export default async function Page({ params }: Props) {
  const view = await loadModelView(params, { action: 'change-settings' })
  return <SettingsPage view={view} readyNumbers={await readyNumbers(view.model.id)} />
}
