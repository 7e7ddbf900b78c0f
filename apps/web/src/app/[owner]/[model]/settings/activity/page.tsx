import type { Metadata } from 'next'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { ActivityPage } from '#src/features/settings/activity-page.tsx'
import { loadActivity } from '#src/features/settings/load-settings.ts'
import { settingsMetadata } from '#src/features/settings/settings-metadata.ts'
import { one } from '#src/ui/search-params.ts'

type Props = {
  params: Promise<{ owner: string; model: string }>
  searchParams: Promise<Record<string, string | string[] | undefined>>
}

export const generateMetadata = async ({ params }: Props): Promise<Metadata> =>
  settingsMetadata(await loadModelView(params, { action: 'see-changes' }), 'activity')

export default async function Page({ params, searchParams }: Props) {
  return <ActivityPage data={await loadActivity(params, one((await searchParams).cursor))} />
}
