import Link from 'next/link'
import { effectiveVisibility } from '#src/auth/can.ts'
import { ModelList } from '#src/features/directory/model-row.tsx'
import type { PublisherView } from '#src/features/publishers/load-publisher.ts'
import { formatCount } from '#src/ui/format.ts'
import { EmptyState, Page, Section, VisibilityChip } from '#src/ui/parts.tsx'

export function PublisherPage({ data, githubUrl }: { data: PublisherView; githubUrl: string }) {
  const { publisher, models, others } = data
  return (
    <Page
      title={publisher.name ?? publisher.login}
      lead={
        <>
          {publisher.kind === 'organization' ? 'Organisation' : 'Account'}{' '}
          <a className="link" href={`${githubUrl}/${publisher.login}`}>
            {publisher.login}
          </a>{' '}
          on GitHub · {formatCount(models.length, 'public model')}
        </>
      }
    >
      {models.length > 0 ? (
        <ModelList models={models} />
      ) : (
        <EmptyState title="No public models yet">A model appears here when a version of it is ready.</EmptyState>
      )}
      {others.length > 0 ? (
        <div className="mt-10">
          <Section title="Not in the directory" id="others">
            <ul className="card divide-y divide-border">
              {others.map((model) => (
                <li key={model.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-3">
                  <Link prefetch={false} className="font-semibold link-quiet" href={`/${publisher.slug}/${model.slug}`}>
                    {model.slug}
                  </Link>
                  <VisibilityChip visibility={effectiveVisibility(model)} />
                  <span className="text-fg-muted">
                    {model.state === 'not_configured'
                      ? (model.stateReason ?? 'No runway.yml yet')
                      : model.defaultVersionId
                        ? ''
                        : 'No ready version yet'}
                  </span>
                </li>
              ))}
            </ul>
          </Section>
        </div>
      ) : null}
    </Page>
  )
}
