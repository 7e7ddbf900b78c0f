import {
  type DirectoryFilter,
  defaultSort,
  narrowedBy,
  readDirectoryFilter,
  sorts,
  writeSize,
} from '@modelport/schema/directory'
import { Rss, X } from 'lucide-react'
import Link from 'next/link'
import { context } from '#src/context.ts'
import { FacetGroup, SizeGroup } from '#src/features/directory/facet-group.tsx'
import {
  chipsOf,
  directoryAddress,
  facetTitles,
  feedAddress,
  sortTitles,
} from '#src/features/directory/filter-words.ts'
import type { Directory } from '#src/features/directory/load-directory.ts'
import { ModelList } from '#src/features/directory/model-row.tsx'
import { CopyButton } from '#src/ui/copy-button.tsx'
import { formatCount } from '#src/ui/format.ts'
import { EmptyState, Page } from '#src/ui/parts.tsx'

/** The facets of the rail, the size between them, in the order of the page. */
const rail = [
  'input',
  'output',
  'permission',
  'license',
  'keyword',
  'framework',
  'target',
  'size',
  'publisher',
] as const

export function DirectoryPage({ directory }: { directory: Directory }) {
  const { filter, models, next, paged, total, corrected } = directory
  const asked = filter.q.trim() !== '' || narrowedBy(filter) > 0
  if (models.length === 0 && !asked && !paged) return <EmptyDirectory />
  return (
    <Page title="Models">
      <SearchForm q={filter.q} />
      <div className="gap-8 lg:grid lg:grid-cols-[264px_minmax(0,1fr)]">
        <Filters directory={directory} />
        <section aria-labelledby="count" className="min-w-0">
          <div className="mb-3 flex flex-wrap items-center gap-2">
            <h2 id="count" className="mr-2 text-lg leading-7 font-semibold" aria-live="polite">
              {countWords(total)}
            </h2>
            <Chips filter={filter} />
            <SortLinks filter={filter} />
          </div>
          {corrected ? (
            <p className="mb-3 text-fg-muted">
              Nothing has “{filter.q.trim()}”. These are the models for “{corrected}”.
            </p>
          ) : null}
          {models.length > 0 ? (
            <>
              <ModelList models={models} />
              <nav aria-label="Pages" className="mt-4 flex justify-between">
                {paged ? (
                  <Link prefetch={false} className="button" href={directoryAddress(filter)}>
                    First page
                  </Link>
                ) : (
                  <span />
                )}
                {next ? (
                  <Link prefetch={false} className="button" rel="next" href={directoryAddress(filter, next)}>
                    Next page
                  </Link>
                ) : null}
              </nav>
              <p className="mt-6 flex flex-wrap items-center gap-2">
                <CopyButton
                  text={`${context().config.siteUrl}${directoryAddress(filter)}`}
                  label="Copy link to this search"
                />
                <a href={feedAddress(filter)} className="button button-small">
                  <Rss aria-hidden className="size-3.5" strokeWidth={1.75} />
                  Subscribe (Atom)
                </a>
              </p>
            </>
          ) : (
            <NothingFound directory={directory} />
          )}
        </section>
      </div>
    </Page>
  )
}

const showAll = (
  <Link prefetch={false} className="button" href="/models">
    Show all models
  </Link>
)

/** The page of a search that was given up. `sentence` says why. */
export function GivenUp({ filter, sentence }: { filter: DirectoryFilter; sentence: string }) {
  return (
    <Page title="Models">
      <SearchForm q={filter.q} />
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <Chips filter={filter} />
      </div>
      <EmptyState title="No answer in time" action={showAll}>
        {sentence}
      </EmptyState>
    </Page>
  )
}

function SearchForm({ q }: { q: string }) {
  return (
    <form action="/models" className="mb-6 flex max-w-2xl gap-2">
      <input
        type="search"
        name="q"
        defaultValue={q}
        maxLength={256}
        aria-label="Search by owner, name, title, summary, keyword or README"
        placeholder="Owner, name, keyword or any word of the README"
        className="input"
      />
      <button type="submit" className="button button-primary">
        Search
      </button>
    </form>
  )
}

const countWords = ({ count, more }: Directory['total']) =>
  more ? `${count.toLocaleString('en')}+ models` : formatCount(count, 'model')

function Filters({ directory: { filter, counts } }: { directory: Directory }) {
  if (!counts) return null
  const narrowed = narrowedBy(filter)
  const size = filter.size ? writeSize(filter.size) : ''
  const groups = (
    <>
      {rail.map((part) =>
        part === 'size' ? (
          <SizeGroup key={part} values={counts.size} selected={size} about={counts.about} />
        ) : (
          <FacetGroup
            key={part}
            facet={part}
            values={counts.facets[part]}
            selected={filter.values[part]}
            about={counts.about}
          />
        ),
      )}
      {filter.sort === defaultSort(filter.q) ? null : <input type="hidden" name="sort" value={filter.sort} />}
    </>
  )
  return (
    <div className="mb-6 lg:mb-0">
      {/* A box that shows and hides the filters on small screens without a script; it is never sent. */}
      <input type="checkbox" id="show-filters" className="peer sr-only lg:hidden" aria-controls="filters" />
      <label
        htmlFor="show-filters"
        className="button cursor-pointer peer-focus-visible:outline-2 peer-checked:bg-bg-muted lg:hidden"
      >
        Filters{narrowed > 0 ? ` (${narrowed})` : ''}
      </label>
      <form
        id="filters"
        action="/models"
        aria-label="Filters"
        className="mt-3 hidden peer-checked:block lg:mt-0 lg:block"
      >
        {filter.q.trim() === '' ? null : <input type="hidden" name="q" value={filter.q} />}
        {groups}
        <button type="submit" className="button mt-2 w-full">
          Apply filters
        </button>
      </form>
    </div>
  )
}

function Chips({ filter }: { filter: DirectoryFilter }) {
  const chips = chipsOf(filter)
  if (chips.length === 0) return null
  return (
    <>
      <ul className="flex flex-wrap gap-1.5" aria-label="Filters that apply">
        {chips.map(({ key, title, address }) => (
          <li key={key}>
            <Link prefetch={false} href={address} className="chip max-w-[32ch]" aria-label={`Remove ${title}`}>
              <span className="truncate">{title}</span>
              <X aria-hidden className="size-3 shrink-0" />
            </Link>
          </li>
        ))}
      </ul>
      <Link prefetch={false} href={directoryAddress(readDirectoryFilter([['q', filter.q]]))} className="link">
        Clear all
      </Link>
    </>
  )
}

function SortLinks({ filter }: { filter: DirectoryFilter }) {
  const offered = sorts.filter((sort) => sort !== 'relevance' || defaultSort(filter.q) === 'relevance')
  return (
    <nav aria-label="Order" className="ml-auto flex flex-wrap gap-x-3 text-[13px]">
      {offered.map((sort) => (
        <Link
          key={sort}
          prefetch={false}
          href={directoryAddress({ ...filter, sort })}
          aria-current={sort === filter.sort ? 'true' : undefined}
          className={`py-0.5 ${sort === filter.sort ? 'font-semibold' : 'link'}`}
        >
          {sortTitles[sort]}
        </Link>
      ))}
    </nav>
  )
}

function NothingFound({ directory: { filter, dropped } }: { directory: Directory }) {
  const partTitle = (part: (typeof dropped)[number]['part']) =>
    part === 'q' ? `the words “${filter.q.trim()}”` : `the filter “${facetTitles[part]}”`
  return (
    <EmptyState
      title={filter.q.trim() === '' ? 'No model matches these filters' : `No model matches “${filter.q.trim()}”`}
      action={showAll}
    >
      {dropped.length > 0 ? (
        <ul className="space-y-1">
          {dropped.map(({ part, filter: without, ...total }) => (
            <li key={part}>
              <Link prefetch={false} className="link" href={directoryAddress(without)}>
                Remove {partTitle(part)}
              </Link>{' '}
              ({countWords(total)})
            </li>
          ))}
        </ul>
      ) : (
        'Names, titles, keywords, summaries and READMEs of public models were searched.'
      )}
    </EmptyState>
  )
}

function EmptyDirectory() {
  return (
    <Page title="Models">
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
    </Page>
  )
}
