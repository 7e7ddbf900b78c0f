import type { BuildState, VersionState } from '@modelport/schema/states'
import {
  Archive,
  Ban,
  CircleAlert,
  CircleCheck,
  CircleFadingArrowUp,
  CircleX,
  Clock,
  LoaderCircle,
  type LucideIcon,
  TimerOff,
  Undo2,
} from 'lucide-react'
import { stateWords } from '#src/ui/format.ts'

export type Status = VersionState | BuildState | 'yanked'

const looks: Record<Status, { icon: LucideIcon; tone: string }> = {
  queued: { icon: Clock, tone: 'text-info bg-info-bg' },
  building: { icon: LoaderCircle, tone: 'text-info bg-info-bg' },
  running: { icon: LoaderCircle, tone: 'text-info bg-info-bg' },
  ready: { icon: CircleCheck, tone: 'text-success bg-success-bg' },
  partial: { icon: CircleAlert, tone: 'text-warning bg-warning-bg' },
  failed: { icon: CircleX, tone: 'text-danger bg-danger-bg' },
  timed_out: { icon: TimerOff, tone: 'text-danger bg-danger-bg' },
  cancelled: { icon: Ban, tone: 'text-fg-muted bg-bg-muted' },
  superseded: { icon: CircleFadingArrowUp, tone: 'text-fg-muted bg-bg-muted' },
  expired: { icon: Archive, tone: 'text-fg-muted bg-bg-muted' },
  yanked: { icon: Undo2, tone: 'text-warning bg-warning-bg' },
}

/** A state as icon, word and colour; never as colour alone. */
export function StatusChip({ status, label }: { status: Status; label?: string }) {
  const { icon: Icon, tone } = looks[status]
  const spins = status === 'building' || status === 'running'
  return (
    <span
      className={`inline-flex items-center gap-1 rounded-sm px-1.5 py-px text-xs font-medium leading-[18px] whitespace-nowrap ${tone}`}
    >
      <Icon aria-hidden className={`size-3.5 shrink-0 ${spins ? 'animate-spin' : ''}`} strokeWidth={1.75} />
      {label ? `${label} ` : ''}
      {stateWords[status]}
    </span>
  )
}

export function StatusIcon({ status }: { status: Status }) {
  const { icon: Icon, tone } = looks[status]
  const spins = status === 'building' || status === 'running'
  return (
    <Icon
      role="img"
      aria-label={stateWords[status]}
      className={`size-4 shrink-0 ${tone.split(' ')[0]} ${spins ? 'animate-spin' : ''}`}
      strokeWidth={1.75}
    />
  )
}
