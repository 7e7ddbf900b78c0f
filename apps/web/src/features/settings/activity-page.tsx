import type { RecordedChange } from '@modelport/db/queries/model-changes'
import Link from 'next/link'
import { changeWords } from '#src/features/models/change-words.ts'
import type { ActivityView } from '#src/features/settings/load-settings.ts'
import { SettingsFrame } from '#src/features/settings/settings-frame.tsx'
import { EmptyState, Time } from '#src/ui/parts.tsx'

/** Who changed what, the newest first. */
export function ActivityPage({ data: { view, items, next, paged } }: { data: ActivityView }) {
  const place = `${view.path}/settings/activity`
  return (
    <SettingsFrame view={view} part="activity">
      <p className="max-w-[68ch] text-fg-muted">
        Every change of the settings, the name, the visibility, the default version and the files: by whom, from what
        and to what. Nothing in it can be changed or removed.
      </p>
      {items.length === 0 ? (
        <EmptyState title="Nothing older">The record begins where this page ends.</EmptyState>
      ) : (
        <ol className="card divide-y divide-border">
          {items.map((change) => (
            <ChangeRow key={change.id} change={change} />
          ))}
        </ol>
      )}
      <nav aria-label="Pages" className="flex justify-between">
        {paged ? (
          <Link prefetch={false} className="button" href={place}>
            Newest
          </Link>
        ) : (
          <span />
        )}
        {next ? (
          <Link prefetch={false} className="button" rel="next" href={`${place}?cursor=${next}`}>
            Older
          </Link>
        ) : null}
      </nav>
    </SettingsFrame>
  )
}

function ChangeRow({ change }: { change: RecordedChange }) {
  const { thing, from, to } = changeWords(change)
  const who = { person: change.changedBy, repository: 'The repository on GitHub', policy: 'The policy' }[change.kind]
  return (
    <li className="px-4 py-3">
      <div className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <span className="font-medium">{thing}</span>
        <span className="ms-auto text-[13px] text-fg-subtle">
          {who} · <Time date={change.changedAt} />
        </span>
      </div>
      <p className="mt-0.5 line-clamp-6 whitespace-pre-line text-fg-muted">
        {from === null ? null : (
          <>
            <del className="text-fg-subtle" dir="auto">
              {from}
            </del>{' '}
            <span aria-hidden>→</span> <span className="sr-only">became</span>
          </>
        )}{' '}
        <ins className="text-fg no-underline" dir="auto">
          {to}
        </ins>
      </p>
      {change.reason ? (
        <p className="mt-0.5 text-fg-muted" dir="auto">
          {change.reason}
        </p>
      ) : null}
    </li>
  )
}
