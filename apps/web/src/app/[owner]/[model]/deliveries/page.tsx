import type { Metadata } from 'next'
import { deliveriesOf } from '#src/features/deliveries/deliveries.ts'
import { DeliveriesPage } from '#src/features/deliveries/deliveries-page.tsx'
import { readCursor, writeCursor } from '#src/features/directory/load-directory.ts'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { one } from '#src/ui/search-params.ts'

type Props = {
  params: Promise<{ owner: string; model: string }>
  searchParams: Promise<Record<string, string | string[] | undefined>>
}

const pageSize = 30

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { publisher, model } = await loadModelView(params, { action: 'see-versions' })
  return { title: `${publisher.slug}/${model.slug} · pushes`, robots: { index: false } }
}

export default async function Page({ params, searchParams }: Props) {
  const view = await loadModelView(params, { action: 'see-versions' })
  const before = readCursor(one((await searchParams).cursor))
  const rows = await deliveriesOf(view.model.githubRepositoryId, before, pageSize + 1)
  const items = rows.slice(0, pageSize)
  const next = rows.length > pageSize ? writeCursor(items[items.length - 1]!.receivedAt) : null
  return <DeliveriesPage view={view} items={items} next={next} />
}
