import type { Metadata } from 'next'
import { GeneralPage } from '#src/features/settings/general-page.tsx'
import { loadSettings } from '#src/features/settings/load-settings.ts'
import { settingsMetadata } from '#src/features/settings/settings-metadata.ts'

type Props = { params: Promise<{ owner: string; model: string }> }

export const generateMetadata = async ({ params }: Props): Promise<Metadata> =>
  settingsMetadata(await loadSettings(params), 'settings')

export default async function Page({ params }: Props) {
  return <GeneralPage view={await loadSettings(params)} />
}
