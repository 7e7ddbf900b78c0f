import type { Source } from '@modelport/schema/model-card/describe'
import { CircleAlert, CircleX, Globe, Info, Link2, Lock, type LucideIcon, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { formatExactTime, formatTime } from '#src/ui/format.ts'

export function Time({ date }: { date: Date }) {
  return (
    <time dateTime={date.toISOString()} title={formatExactTime(date)}>
      {formatTime(date, new Date())}
    </time>
  )
}

/** A commit, short, linked to GitHub. */
export function Sha({ commit, repositoryUrl }: { commit: string; repositoryUrl: string }) {
  return (
    <a className="font-mono text-[13px] link" href={`${repositoryUrl}/commit/${commit}`} title={commit}>
      {commit.slice(0, 7)}
    </a>
  )
}

const banners: Record<string, { icon: LucideIcon; tone: string; word: string }> = {
  info: { icon: Info, tone: 'bg-info-bg text-info', word: 'Note' },
  warning: { icon: TriangleAlert, tone: 'bg-warning-bg text-warning', word: 'Warning' },
  danger: { icon: CircleX, tone: 'bg-danger-bg text-danger', word: 'Problem' },
  neutral: { icon: CircleAlert, tone: 'bg-bg-muted text-fg-muted', word: 'Note' },
}

/** A notice in the flow of the page; it stays until its reason is gone. */
export function Banner({ kind, children }: { kind: 'info' | 'warning' | 'danger' | 'neutral'; children: ReactNode }) {
  const { icon: Icon, tone, word } = banners[kind]!
  return (
    <div className={`flex gap-3 rounded-lg px-4 py-3 ${tone}`} role="note" aria-label={word}>
      <Icon aria-hidden className="size-5 shrink-0" strokeWidth={1.5} />
      <div className="min-w-0 flex-1 text-fg [&_a]:underline [&_a]:underline-offset-2">{children}</div>
    </div>
  )
}

export function EmptyState({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="card px-6 py-12 text-center">
      <h2 className="text-lg font-semibold">{title}</h2>
      {children ? <div className="mx-auto mt-2 max-w-[60ch] text-fg-muted">{children}</div> : null}
      {action ? <div className="mt-4 flex justify-center gap-2">{action}</div> : null}
    </div>
  )
}

/** The frame of a page that stands alone: one heading, a sentence, its content. */
export function Page({
  title,
  lead,
  narrow,
  actions,
  children,
}: {
  title: string
  lead?: ReactNode
  narrow?: boolean
  actions?: ReactNode
  children?: ReactNode
}) {
  return (
    <div className={`mx-auto w-full px-4 py-8 sm:px-6 ${narrow ? 'max-w-[760px]' : 'max-w-[1280px]'}`}>
      <div className="flex flex-wrap items-start justify-between gap-4">
        <div className="min-w-0">
          <h1 className="text-2xl leading-8 font-semibold">{title}</h1>
          {lead ? <div className="mt-1 max-w-[68ch] text-fg-muted">{lead}</div> : null}
        </div>
        {actions ? <div className="flex flex-wrap gap-2">{actions}</div> : null}
      </div>
      {children ? <div className="mt-6">{children}</div> : null}
    </div>
  )
}

const visibilities = {
  public: { icon: Globe, word: 'Public' },
  unlisted: { icon: Link2, word: 'Unlisted' },
  private: { icon: Lock, word: 'Private' },
}

export function VisibilityChip({ visibility }: { visibility: keyof typeof visibilities }) {
  const { icon: Icon, word } = visibilities[visibility]
  return (
    <span className="chip">
      <Icon aria-hidden className="size-3" strokeWidth={1.75} />
      {word}
    </span>
  )
}

/** One row of a definition list. */
export function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div className="grid grid-cols-[112px_minmax(0,1fr)] gap-x-3 py-1.5">
      <dt className="text-fg-muted">{term}</dt>
      <dd className="min-w-0">{children}</dd>
    </div>
  )
}

export function Section({ title, id, children }: { title: string; id?: string; children: ReactNode }) {
  return (
    <section className="mt-8 first:mt-0">
      <h2 id={id} className="text-lg leading-7 font-semibold">
        {title}
      </h2>
      <div className="mt-3">{children}</div>
    </section>
  )
}

/** Where a value comes from, inside a sentence. */
export const sourceWords: Record<Source, string> = {
  edited: 'the publisher, on this site,',
  'runway.yml': 'runway.yml',
  README: 'the README',
  'CITATION.cff': 'CITATION.cff',
  LICENSE: 'the licence file',
  repository: 'the repository on GitHub',
}

const sourceMarks: Record<Source, string> = {
  edited: 'edited here',
  'runway.yml': 'from runway.yml',
  README: 'from the README',
  'CITATION.cff': 'from CITATION.cff',
  LICENSE: 'from the licence file',
  repository: 'from GitHub',
}

/** The mark beside a value that says where it comes from. */
export function SourceMark({ from }: { from: Source }) {
  return <span className="text-xs font-normal whitespace-nowrap text-fg-subtle">{sourceMarks[from]}</span>
}

/** A sentence of ours in which `backticks` mean code. */
export function Sentence({ text }: { text: string }) {
  return text.split(/`([^`\n]+)`/).map((part, i) =>
    i % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a sentence never change
      <code key={i} className="rounded-sm bg-bg-muted px-1 font-mono text-[0.93em]">
        {part}
      </code>
    ) : (
      part
    ),
  )
}
