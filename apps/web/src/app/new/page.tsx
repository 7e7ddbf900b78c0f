import type { Metadata } from 'next'
import { myRepositories, requireSignIn } from '#src/features/dashboard/load-mine.ts'
import { loadOnboarding } from '#src/features/onboarding/load-onboarding.ts'
import { OnboardingSteps } from '#src/features/onboarding/onboarding.tsx'
import { Page as Frame } from '#src/ui/parts.tsx'
import { one } from '#src/ui/search-params.ts'

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> }

export const metadata: Metadata = { title: 'Publish a model', robots: { index: false } }

export default async function Page({ searchParams }: Props) {
  const search = await searchParams
  const repository = one(search.repository)
  const here = repository ? `/new?repository=${encodeURIComponent(repository)}` : '/new'
  const actor = await requireSignIn(here)
  const data = await loadOnboarding(actor, '/new', await myRepositories(actor, here), {
    repository,
    template: one(search.template),
    q: one(search.q),
  })
  return (
    <Frame
      narrow
      title="Publish a model"
      lead="Three steps, each of which can be taken up again from here, on any device."
    >
      <OnboardingSteps data={data} />
    </Frame>
  )
}
