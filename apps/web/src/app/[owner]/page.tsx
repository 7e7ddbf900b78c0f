import type { Metadata } from 'next'
import { permanentRedirect } from 'next/navigation'
import { orRefuse } from '#src/auth/refuse.ts'
import { context } from '#src/context.ts'
import { loadPublisher } from '#src/features/publishers/load-publisher.ts'
import { PublisherPage } from '#src/features/publishers/publisher-page.tsx'

type Props = { params: Promise<{ owner: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { publisher } = await orRefuse(async () => loadPublisher((await params).owner))
  const { siteUrl } = context().config
  return {
    title: publisher.login,
    alternates: {
      canonical: `${siteUrl}/${publisher.slug}`,
      types: { 'application/atom+xml': `${siteUrl}/${publisher.slug}/feed.atom` },
    },
  }
}

export default async function Page({ params }: Props) {
  const { owner } = await params
  const data = await orRefuse(() => loadPublisher(owner))
  if (owner !== data.publisher.slug) permanentRedirect(`/${data.publisher.slug}`)
  return <PublisherPage data={data} githubUrl={context().config.githubWebUrl} />
}
