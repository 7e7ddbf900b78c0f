import type { Metadata } from 'next'
import { loadRunFiles } from '#src/features/files/run-files.ts'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { modelJsonLd, modelMetadata } from '#src/features/models/model-metadata.ts'
import { OverviewPage } from '#src/features/models/overview-page.tsx'
import { JsonLd } from '#src/ui/json-ld.tsx'

type Props = { params: Promise<{ owner: string; model: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return modelMetadata(await loadModelView(params))
}

export default async function Page({ params }: Props) {
  const view = await loadModelView(params)
  const data = modelJsonLd(view)
  return (
    <>
      {data ? <JsonLd data={data} /> : null}
      <OverviewPage view={view} files={await loadRunFiles(view)} />
    </>
  )
}
