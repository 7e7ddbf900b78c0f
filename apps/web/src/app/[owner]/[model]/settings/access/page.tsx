import type { Metadata } from 'next'
import { AccessPage } from '#src/features/settings/access-page.tsx'
import { loadAccessSettings, loadSettings } from '#src/features/settings/load-settings.ts'
import { settingsMetadata } from '#src/features/settings/settings-metadata.ts'

type Props = { params: Promise<{ owner: string; model: string }> }

export const generateMetadata = async ({ params }: Props): Promise<Metadata> =>
  settingsMetadata(await loadSettings(params), 'settings of access')

export default async function Page({ params }: Props) {
  return <AccessPage data={await loadAccessSettings(params)} />
}
