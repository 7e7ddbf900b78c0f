import { Lock } from 'lucide-react'
import Link from 'next/link'
import type { loadImport } from '#src/features/dashboard/load-mine.ts'
import { importAction } from '#src/features/import/actions.ts'
import { ActionForm } from '#src/ui/action-form.tsx'
import { Banner, EmptyState, Page, Section, Time } from '#src/ui/parts.tsx'

type Repositories = Awaited<ReturnType<typeof loadImport>>

export function ImportPage({ repositories }: { repositories: Repositories }) {
  return (
    <Page
      narrow
      title="Import a repository"
      lead="Its head commit is built at once; every push after that makes the next version."
    >
      <Section title="By name" id="by-name">
        <ActionForm action={importAction}>
          <div className="flex flex-wrap gap-2">
            <input
              name="repository"
              required
              pattern="[A-Za-z0-9][A-Za-z0-9_\-]*/[A-Za-z0-9._\-]+"
              placeholder="owner/name"
              aria-label="Repository, as owner/name"
              className="input max-w-sm flex-1 font-mono"
            />
            <button type="submit" className="button button-primary">
              Import
            </button>
          </div>
        </ActionForm>
      </Section>
      <Section title="Repositories that the GitHub App is on" id="list">
        {repositories === null ? (
          <Banner kind="warning">
            GitHub could not be asked for your repositories. Reload in a minute, or import one by name.
          </Banner>
        ) : repositories.length === 0 ? (
          <EmptyState title="The app is on none of your repositories">
            Install the GitHub App on a repository, choosing “Only select repositories”, and come back.
          </EmptyState>
        ) : (
          <ul className="card divide-y divide-border">
            {repositories.map((repository) => (
              <li key={repository.id} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 py-3">
                <div className="min-w-0">
                  <p className="font-semibold">
                    {repository.owner}/{repository.name}
                    {repository.private ? (
                      <Lock
                        role="img"
                        aria-label="Private"
                        className="ms-1.5 inline size-3.5 text-fg-subtle"
                        strokeWidth={1.75}
                      />
                    ) : null}
                  </p>
                  <p className="text-[13px] text-fg-muted">
                    {repository.description ? `${repository.description} · ` : ''}
                    {repository.pushedAt ? (
                      <>
                        pushed <Time date={new Date(repository.pushedAt)} />
                      </>
                    ) : (
                      'never pushed'
                    )}
                  </p>
                </div>
                {repository.modelPath ? (
                  <Link prefetch={false} href={repository.modelPath} className="button button-small">
                    Open model<span className="sr-only"> {repository.name}</span>
                  </Link>
                ) : repository.mayWrite ? (
                  <ActionForm action={importAction} hidden={{ repository: `${repository.owner}/${repository.name}` }}>
                    <button type="submit" className="button button-small">
                      Import<span className="sr-only"> {repository.name}</span>
                    </button>
                  </ActionForm>
                ) : (
                  <span className="text-[13px] text-fg-muted">Needs write access</span>
                )}
              </li>
            ))}
          </ul>
        )}
      </Section>
    </Page>
  )
}
