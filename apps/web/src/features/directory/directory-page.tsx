import Link from 'next/link'
import type { Directory } from '#src/features/directory/load-directory.ts'
import { ModelList } from '#src/features/directory/model-row.tsx'
import { EmptyState, Page } from '#src/ui/parts.tsx'

export function DirectoryPage({ directory }: { directory: Directory }) {
  const { q, models, next, paged } = directory
  const address = (cursor?: string) => {
    const query = new URLSearchParams({ ...(q ? { q } : {}), ...(cursor ? { cursor } : {}) })
    return query.size > 0 ? `/models?${query}` : '/models'
  }
  return (
    <Page
      title="Models"
      lead={q ? `Models that match “${q}”, the most recently updated first.` : 'The most recently updated first.'}
    >
      <form action="/models" className="mb-6 flex max-w-2xl gap-2">
        <input
          type="search"
          name="q"
          defaultValue={q}
          aria-label="Search by owner, name, summary or keyword"
          placeholder="Owner, name, summary or keyword"
          className="input"
        />
        <button type="submit" className="button button-primary">
          Search
        </button>
      </form>
      {models.length > 0 ? (
        <>
          <ModelList models={models} />
          <nav aria-label="Pages" className="mt-4 flex justify-between">
            {paged ? (
              <Link prefetch={false} className="button" href={address()}>
                First page
              </Link>
            ) : (
              <span />
            )}
            {next ? (
              <Link prefetch={false} className="button" rel="next" href={address(next)}>
                Next page
              </Link>
            ) : null}
          </nav>
        </>
      ) : q ? (
        <EmptyState
          title={`No model matches “${q}”`}
          action={
            <Link prefetch={false} className="button" href="/models">
              Show all models
            </Link>
          }
        >
          Names, summaries and keywords of public models were searched.
        </EmptyState>
      ) : (
        <EmptyState
          title="No models yet"
          action={
            <Link prefetch={false} className="button button-primary" href="/new">
              Publish the first one
            </Link>
          }
        >
          A model appears here when a version of it is ready.
        </EmptyState>
      )}
    </Page>
  )
}
