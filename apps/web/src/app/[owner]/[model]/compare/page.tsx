import { notFound, redirect } from 'next/navigation'
import { comparePath } from '#src/features/compare/compare-path.ts'
import { loadModelView } from '#src/features/models/load-model-view.ts'
import { one } from '#src/ui/search-params.ts'

type Props = {
  params: Promise<{ owner: string; model: string }>
  searchParams: Promise<Record<string, string | string[] | undefined>>
}

/** Where the form with the two versions leads: to the address of that comparison. */
export default async function Page({ params, searchParams }: Props) {
  const { path } = await loadModelView(params)
  const { from, to } = await searchParams
  const [a, b] = [one(from), one(to)].map((text) => (/^[1-9]\d{0,8}$/.test(text ?? '') ? Number(text) : null))
  if (!a || !b) notFound()
  redirect(comparePath(path, a, b))
}
