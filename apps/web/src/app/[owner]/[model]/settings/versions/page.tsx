import type { Metadata } from 'next'
import { loadSettings, loadVersionSettings } from '#src/features/settings/load-settings.ts'
import { settingsMetadata } from '#src/features/settings/settings-metadata.ts'
import { VersionsSettingsPage } from '#src/features/settings/versions-settings-page.tsx'

type Props = { params: Promise<{ owner: string; model: string }> }

export const generateMetadata = async ({ params }: Props): Promise<Metadata> =>
  settingsMetadata(await loadSettings(params), 'settings of versions')

export default async function Page({ params }: Props) {
  return <VersionsSettingsPage data={await loadVersionSettings(params)} />
}
