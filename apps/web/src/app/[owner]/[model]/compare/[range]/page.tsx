import type { Metadata } from 'next'
import { ComparePage } from '#src/features/compare/compare-page.tsx'
import { loadCompare } from '#src/features/compare/load-compare.ts'

type Props = { params: Promise<{ owner: string; model: string; range: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { view, comparison } = await loadCompare(params)
  const { older, newer } = comparison
  return {
    title: `${view.publisher.slug}/${view.model.slug} · version ${older.number} to ${newer.number}`,
    robots: { index: false },
  }
}

export default async function Page({ params }: Props) {
  return <ComparePage data={await loadCompare(params)} />
}
