'use client'
import { CircleAlert, CircleCheck, CircleX, Clock, LoaderCircle, type LucideIcon, Pause, WifiOff } from 'lucide-react'
import { useRef } from 'react'
import { placeWords } from '#src/features/files/places.ts'
import type { UploadQueue } from '#src/features/files/upload/upload-queue.ts'
import {
  isOver,
  progressOf,
  secondsLeft,
  sentBytes,
  together,
  type UploadRow,
  type UploadStatus,
} from '#src/features/files/upload/upload-state.ts'
import { useUploads } from '#src/features/files/upload/uploads.tsx'
import { formatBytes, formatDuration } from '#src/ui/format.ts'

/** The uploads of this page, and those that were interrupted. Nothing while there is none. */
export function UploadList() {
  const { queue, state } = useUploads()
  const all = together(state.rows)
  return (
    <>
      <p role="status" className="sr-only">
        {state.announcement}
      </p>
      {state.rows.length > 0 ? (
        <section aria-labelledby="uploads" className="card mt-6 p-4">
          <h2 id="uploads" className="text-lg leading-7 font-semibold">
            Uploads
          </h2>
          {all ? (
            <div className="mt-1">
              <p className="text-[13px] text-fg-muted">
                {all.count} files, {formatBytes(all.sent)} of {formatBytes(all.size)}
              </p>
              <progress className="upload-bar" aria-label="All uploads" max={all.size} value={all.sent} />
            </div>
          ) : null}
          <ul className="divide-y divide-border">
            {state.rows.map((row) => (
              <Row key={row.key} row={row} queue={queue} />
            ))}
          </ul>
        </section>
      ) : null}
    </>
  )
}

const marks: Record<UploadStatus, { icon: LucideIcon; tone: string }> = {
  validating: { icon: Clock, tone: 'text-info' },
  uploading: { icon: LoaderCircle, tone: 'text-info' },
  paused: { icon: Pause, tone: 'text-fg-muted' },
  reconnecting: { icon: WifiOff, tone: 'text-warning' },
  interrupted: { icon: CircleAlert, tone: 'text-warning' },
  elsewhere: { icon: Clock, tone: 'text-info' },
  verifying: { icon: LoaderCircle, tone: 'text-info' },
  complete: { icon: CircleCheck, tone: 'text-success' },
  failed: { icon: CircleX, tone: 'text-danger' },
  cancelled: { icon: CircleX, tone: 'text-fg-muted' },
}

function Row({ row, queue }: { row: UploadRow; queue: UploadQueue }) {
  const { icon: Icon, tone } = marks[row.status]
  const field = useRef<HTMLInputElement>(null)
  const moving = row.status === 'uploading' || row.status === 'reconnecting'
  const button = (label: string, press: () => void, more = '') => (
    <button type="button" className={`button button-small ${more}`} onClick={press}>
      {label}
      <span className="sr-only"> {row.name}</span>
    </button>
  )
  return (
    <li className="py-3" data-upload={row.status}>
      <div className="flex flex-wrap items-start gap-x-3 gap-y-2">
        <div className="min-w-0 flex-1 basis-60">
          <p className="flex items-start gap-2">
            <Icon aria-hidden className={`mt-0.5 size-4 shrink-0 ${tone}`} strokeWidth={1.75} />
            <span className="min-w-0">
              <bdi className="font-medium">{row.name}</bdi>{' '}
              <span className="text-fg-muted">
                · {placeWords(row)} · {formatBytes(row.size)}
              </span>
            </span>
          </p>
          {isOver(row) ? null : (
            <progress
              className="upload-bar"
              aria-label={`Progress of ${row.name}`}
              max={1}
              value={row.status === 'validating' ? undefined : progressOf(row)}
            />
          )}
          <p className="mt-1 text-[13px] text-fg-muted">{wordsOf(row)}</p>
          {row.reason ? (
            <p role="alert" className="mt-1 text-danger">
              {row.reason.sentence}
            </p>
          ) : null}
        </div>
        <div className="flex flex-wrap gap-2">
          {moving ? button('Pause', () => queue.pause(row.key)) : null}
          {row.status === 'paused' ? button('Resume', () => queue.resume(row.key), 'button-primary') : null}
          {row.status === 'interrupted' ? (
            <>
              {button('Choose the same file', () => field.current?.click(), 'button-primary')}
              <input
                ref={field}
                type="file"
                hidden
                onChange={(event) => {
                  const [file] = event.target.files ?? []
                  if (file) queue.continueWith(row.key, file)
                  event.target.value = ''
                }}
              />
            </>
          ) : null}
          {isOver(row)
            ? button('Dismiss', () => queue.dismiss(row.key))
            : button('Cancel', () => queue.cancel(row.key))}
        </div>
      </div>
    </li>
  )
}

function wordsOf(row: UploadRow): string {
  const percent = `${Math.floor(progressOf(row) * 100)} %`
  const sent = `${percent} · ${formatBytes(sentBytes(row))} of ${formatBytes(row.size)}`
  const left = secondsLeft(row)
  switch (row.status) {
    case 'validating':
      return 'Getting ready'
    case 'uploading':
      return [
        `Uploading · ${sent}`,
        row.speed === null ? '' : `${formatBytes(row.speed)}/s`,
        left === null ? '' : `${formatDuration(left * 1000)} left`,
      ]
        .filter(Boolean)
        .join(' · ')
    case 'paused':
      return `Paused · ${sent}`
    case 'reconnecting':
      return `Reconnecting · ${sent}. What has arrived is kept.`
    case 'interrupted':
      return `Interrupted at ${percent}: choose the same file to continue. ${untilWhen(row)}`
    case 'elsewhere':
      return `${row.startedBy} uploads this · ${sent}`
    case 'verifying':
      return `Verifying · ${percent}`
    case 'complete':
      return row.linked ? 'Already stored, linked' : `Verified · SHA-256 ${row.sha256?.slice(0, 12)}`
    case 'failed':
      return row.reason?.code === 'files/quota' ? 'Quota full' : 'Failed'
    case 'cancelled':
      return 'Cancelled'
  }
}

const day = 24 * 3600_000

/** What has arrived is forgotten after seven days; the last day is said. */
function untilWhen({ expiresAt }: UploadRow): string {
  const left = (expiresAt ?? Number.POSITIVE_INFINITY) - Date.now()
  if (left > day) return ''
  return `What has arrived is kept for ${formatDuration(Math.max(left, 60_000))} more.`
}
