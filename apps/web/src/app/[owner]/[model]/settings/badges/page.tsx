import type { Metadata } from 'next'
import { BadgesPage } from '#src/features/settings/badges-page.tsx'
import { loadSettings } from '#src/features/settings/load-settings.ts'
import { settingsMetadata } from '#src/features/settings/settings-metadata.ts'

type Props = { params: Promise<{ owner: string; model: string }> }

export const generateMetadata = async ({ params }: Props): Promise<Metadata> =>
  settingsMetadata(await loadSettings(params), 'badges')

export default async function Page({ params }: Props) {
  return <BadgesPage view={await loadSettings(params)} />
}
