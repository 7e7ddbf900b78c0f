import type { Metadata } from 'next'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { DangerPage } from '#src/features/settings/danger-page.tsx'
import { loadDanger } from '#src/features/settings/load-settings.ts'
import { settingsMetadata } from '#src/features/settings/settings-metadata.ts'

type Props = { params: Promise<{ owner: string; model: string }> }

export const generateMetadata = async ({ params }: Props): Promise<Metadata> =>
  settingsMetadata(await loadModelView(params, { action: 'delete' }), 'danger zone')

export default async function Page({ params }: Props) {
  return <DangerPage data={await loadDanger(params)} />
}
