import type { Metadata } from 'next'
import { BuildPage } from '#src/features/builds/build-page.tsx'
import { loadBuild } from '#src/features/builds/load-build.ts'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { stateWords } from '#src/ui/format.ts'
import { one } from '#src/ui/search-params.ts'

type Props = {
  params: Promise<{ owner: string; model: string }>
  searchParams: Promise<Record<string, string | string[] | undefined>>
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { publisher, model, version } = await loadModelView(params, { action: 'see-logs' })
  const state = version ? ` · version ${version.number} · build ${stateWords[version.state].toLowerCase()}` : ''
  return { title: `${publisher.slug}/${model.slug}${state}`, robots: { index: false } }
}

export default async function Page({ params, searchParams }: Props) {
  const search = await searchParams
  return <BuildPage data={await loadBuild(params, { target: one(search.target), attempt: one(search.attempt) })} />
}
