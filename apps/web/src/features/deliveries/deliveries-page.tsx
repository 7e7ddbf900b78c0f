import { CircleCheck, CircleMinus, CircleX, Clock, RotateCcw } from 'lucide-react'
import Link from 'next/link'
import { redeliverAction } from '#src/features/deliveries/actions.ts'
import type { ShownDelivery } from '#src/features/deliveries/deliveries.ts'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { ActionForm } from '#src/ui/action-form.tsx'
import { LiveRefresh } from '#src/ui/live-refresh.tsx'
import { EmptyState, Sentence, Time } from '#src/ui/parts.tsx'

const outcomes = {
  waiting: { icon: Clock, tone: 'bg-info-bg text-info', word: 'Waiting' },
  failed: { icon: CircleX, tone: 'bg-danger-bg text-danger', word: 'Gave up' },
  version: { icon: CircleCheck, tone: 'bg-success-bg text-success', word: 'Made a version' },
  rebuild: { icon: CircleCheck, tone: 'bg-success-bg text-success', word: 'Rebuilt' },
  synced: { icon: CircleCheck, tone: 'bg-bg-muted text-fg-muted', word: 'Brought up to date' },
  nothing: { icon: CircleMinus, tone: 'bg-bg-muted text-fg-muted', word: 'Nothing to do' },
}

function outcomeOf(delivery: ShownDelivery) {
  if (delivery.state === 'received') return outcomes.waiting
  if (delivery.state === 'failed') return outcomes.failed
  return outcomes[delivery.decision as keyof typeof outcomes] ?? outcomes.nothing
}

export function DeliveriesPage({
  view,
  items,
  next,
}: {
  view: ModelView
  items: ShownDelivery[]
  next: string | null
}) {
  return (
    <ModelFrame view={view} tab="deliveries">
      <LiveRefresh url={`${view.path}/live`} active />
      <h1 className="text-2xl leading-8 font-semibold">What happened to my push</h1>
      <p className="mt-1 max-w-[68ch] text-fg-muted">
        Every message that GitHub sent about {view.publisher.login}/{view.model.name}, what came of it, and why.
        Versions are made from pushes to {view.model.branch}.
      </p>
      <div className="mt-6">
        {items.length === 0 ? (
          <EmptyState title="Nothing has arrived yet">
            Push to {view.model.branch}. If nothing appears here within a minute, look at the recent deliveries of the
            GitHub App.
          </EmptyState>
        ) : (
          <ul className="card divide-y divide-border">
            {items.map((delivery) => {
              const { icon: Icon, tone, word } = outcomeOf(delivery)
              return (
                <li key={delivery.id} className="px-4 py-3">
                  <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                    <span
                      className={`inline-flex items-center gap-1 rounded-sm px-1.5 py-px text-xs leading-[18px] font-medium ${tone}`}
                    >
                      <Icon aria-hidden className="size-3.5" strokeWidth={1.75} />
                      {word}
                    </span>
                    <span className="font-medium">
                      {delivery.event}
                      {delivery.action ? `, ${delivery.action}` : ''}
                    </span>
                    {delivery.versionNumber ? (
                      <Link prefetch={false} className="link" href={`${view.path}@${delivery.versionNumber}`}>
                        Version {delivery.versionNumber}
                      </Link>
                    ) : null}
                    <span className="ms-auto text-[13px] text-fg-subtle">
                      <Time date={delivery.receivedAt} />
                    </span>
                  </div>
                  <p className="mt-1">
                    <Sentence
                      text={
                        delivery.reason ??
                        (delivery.state === 'received' ? 'It is worked in the order of arrival.' : '')
                      }
                    />
                  </p>
                  <div className="mt-1 flex flex-wrap items-center justify-between gap-2 text-[13px] text-fg-subtle">
                    <span>
                      Delivery <code className="font-mono">{delivery.guid}</code>
                      {delivery.tries > 1 ? ` · tried ${delivery.tries} times` : ''}
                    </span>
                    {view.rights.build && delivery.state !== 'received' ? (
                      <ActionForm action={redeliverAction} hidden={{ id: delivery.id }}>
                        <button type="submit" className="button button-small">
                          <RotateCcw aria-hidden className="size-3.5" strokeWidth={1.75} />
                          Redeliver<span className="sr-only"> {delivery.guid}</span>
                        </button>
                      </ActionForm>
                    ) : null}
                  </div>
                </li>
              )
            })}
          </ul>
        )}
        {next ? (
          <p className="mt-4 text-end">
            <Link prefetch={false} className="button" rel="next" href={`${view.path}/deliveries?cursor=${next}`}>
              Older
            </Link>
          </p>
        ) : null}
      </div>
    </ModelFrame>
  )
}
