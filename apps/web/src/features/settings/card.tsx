import type { Source } from '@modelport/schema/model-card/describe'
import type { ReactNode } from 'react'
import { settingsAction } from '#src/features/settings/actions.ts'
import { ActionForm } from '#src/ui/action-form.tsx'
import { SourceMark } from '#src/ui/parts.tsx'

/** A part of the settings that is saved on its own. */
export function Card({
  title,
  path,
  lead,
  from,
  reset,
  boxes = [],
  children,
}: {
  title: string
  path: string
  lead?: ReactNode
  /** Where the value comes from that visitors see; null when there is none. */
  from?: Source | null
  /** The fields that a second button hands back to the repository; none while they are the repository's. */
  reset?: string[]
  /** Check boxes of this card: a browser says nothing of those that are not ticked. */
  boxes?: string[]
  children: ReactNode
}) {
  const id = title.toLowerCase().replaceAll(/[^a-z]+/g, '-')
  return (
    <section aria-labelledby={id} className="card p-5 max-sm:p-3">
      <h2 id={id} className="text-lg leading-7 font-semibold">
        {title} {from ? <SourceMark from={from} /> : null}
      </h2>
      {lead ? <div className="mt-1 text-fg-muted">{lead}</div> : null}
      <ActionForm guard action={settingsAction} hidden={{ path }} className="mt-3 space-y-4">
        {boxes.map((name) => (
          <input key={name} type="hidden" name="boxes" value={name} />
        ))}
        {children}
        <div className="flex flex-wrap gap-2">
          <button type="submit" className="button button-primary">
            Save {title[0]!.toLowerCase() + title.slice(1)}
          </button>
          {reset?.length ? (
            <button type="submit" name="handBack" value={reset.join(',')} formNoValidate className="button">
              Use the repository’s
            </button>
          ) : null}
        </div>
      </ActionForm>
    </section>
  )
}

/** A part of the settings that is only shown. */
export function Shown({ title, children }: { title: string; children: ReactNode }) {
  const id = title.toLowerCase().replaceAll(/[^a-z]+/g, '-')
  return (
    <section aria-labelledby={id} className="card p-5 max-sm:p-3">
      <h2 id={id} className="text-lg leading-7 font-semibold">
        {title}
      </h2>
      <div className="mt-2">{children}</div>
    </section>
  )
}

export function Field({ label, hint, children }: { label: string; hint?: ReactNode; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label className="block">
      <span className="font-medium">{label}</span>
      {hint ? <span className="block text-[13px] text-fg-muted">{hint}</span> : null}
      <span className="mt-1 block">{children}</span>
    </label>
  )
}

interface Choosable {
  name: string
  checked: boolean
  title: string
  hint: ReactNode
  disabled?: boolean
}

export function Choice({ value, ...props }: Choosable & { value: string }) {
  return (
    <label className="flex gap-3 py-1.5">
      <input
        type="radio"
        name={props.name}
        value={value}
        defaultChecked={props.checked}
        disabled={props.disabled}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <span>
        <span className="font-medium">{props.title}</span>
        <span className="block text-[13px] text-fg-muted">{props.hint}</span>
      </span>
    </label>
  )
}

export function Box(props: Choosable) {
  return (
    <label className="flex gap-3">
      <input
        type="checkbox"
        name={props.name}
        defaultChecked={props.checked}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <span>
        <span className="font-medium">{props.title}</span>
        <span className="block text-[13px] text-fg-muted">{props.hint}</span>
      </span>
    </label>
  )
}
