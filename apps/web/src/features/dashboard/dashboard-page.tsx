import { restoreDays } from '@modelport/db/queries/model-life'
import Link from 'next/link'
import { effectiveVisibility } from '#src/auth/can.ts'
import type { loadDashboard } from '#src/features/dashboard/load-mine.ts'
import type { Onboarding } from '#src/features/onboarding/load-onboarding.ts'
import { OnboardingSteps } from '#src/features/onboarding/onboarding.tsx'
import { restoreAction } from '#src/features/settings/actions.ts'
import { ActionForm } from '#src/ui/action-form.tsx'
import { Banner, Page, Section, Sentence, Time, VisibilityChip } from '#src/ui/parts.tsx'
import { StatusChip } from '#src/ui/status-chip.tsx'

type Data = Awaited<ReturnType<typeof loadDashboard>>

export function DashboardPage({ data, onboarding }: { data: Data; onboarding: Onboarding | null }) {
  const { models, running, failures } = data
  return (
    <Page
      title="Dashboard"
      lead="Models of the repositories that you can see on GitHub."
      actions={
        <Link prefetch={false} href="/new" className="button button-primary">
          Import a repository
        </Link>
      }
    >
      {data.repositories || onboarding ? null : (
        <Banner kind="warning">
          GitHub could not be asked which repositories are yours. Reload in a minute; nothing is lost.
        </Banner>
      )}
      {failures.length > 0 ? (
        <Section title="Needs attention" id="attention">
          <VersionList items={failures} />
        </Section>
      ) : null}
      {running.length > 0 ? (
        <Section title="Running" id="running">
          <VersionList items={running} />
        </Section>
      ) : null}
      <Section title={models.length > 0 ? 'My models' : 'Publish your first model'} id="mine">
        {onboarding === null ? (
          <ul className="card divide-y divide-border">
            {models.map(({ model, publisher }) => (
              <li key={model.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-3">
                <Link prefetch={false} className="font-semibold link-quiet" href={`/${publisher.slug}/${model.slug}`}>
                  {publisher.slug}/{model.slug}
                </Link>
                <VisibilityChip visibility={effectiveVisibility(model)} />
                {model.state === 'not_configured' ? (
                  <span className="min-w-0 text-fg-muted">
                    <Sentence text={model.stateReason ?? 'It has no `runway.yml` yet.'} />{' '}
                    <Link
                      prefetch={false}
                      className="link"
                      href={`/new?repository=${encodeURIComponent(`${publisher.login}/${model.name}`)}`}
                    >
                      Set up<span className="sr-only"> {model.name}</span>
                    </Link>
                  </span>
                ) : null}
                <span className="ms-auto text-[13px] text-fg-subtle">
                  <Time date={model.updatedAt} />
                </span>
              </li>
            ))}
          </ul>
        ) : (
          <OnboardingSteps data={onboarding!} />
        )}
      </Section>
      {data.restorable.length > 0 ? (
        <Section title="Deleted" id="deleted">
          <ul className="card divide-y divide-border">
            {data.restorable.map(({ model, publisher }) => (
              <li key={model.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-3">
                <span className="font-semibold">
                  {publisher.slug}/{model.chosenSlug ?? model.name.toLowerCase()}
                </span>
                <span className="text-fg-muted">
                  deleted by {model.deletedBy} <Time date={model.deletedAt!} />; it can be restored until{' '}
                  <Time date={new Date(model.deletedAt!.getTime() + restoreDays * 86_400_000)} />
                </span>
                <span className="ms-auto">
                  <ActionForm action={restoreAction} hidden={{ repository: model.githubRepositoryId }}>
                    <button type="submit" className="button button-small">
                      Restore<span className="sr-only"> {model.name}</span>
                    </button>
                  </ActionForm>
                </span>
              </li>
            ))}
          </ul>
        </Section>
      ) : null}
    </Page>
  )
}

function VersionList({ items }: { items: Data['running'] }) {
  return (
    <ul className="card divide-y divide-border">
      {items.map(({ version, ownerSlug, modelSlug }) => (
        <li key={version.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-3">
          <StatusChip status={version.state} />
          <Link
            prefetch={false}
            className="font-semibold link-quiet"
            href={`/${ownerSlug}/${modelSlug}@${version.number}/build`}
          >
            {ownerSlug}/{modelSlug} version {version.number}
          </Link>
          <span className="min-w-0 truncate text-fg-muted" dir="auto">
            {version.commitSubject}
          </span>
          <span className="ms-auto text-[13px] text-fg-subtle">
            <Time date={version.createdAt} />
          </span>
        </li>
      ))}
    </ul>
  )
}
