'use client'
import { type ReactNode, useActionState } from 'react'

/** What an action says when it stays on the page. */
export interface ActionResult {
  error?: string
  notice?: string
}

export type Action = (before: ActionResult, form: FormData) => Promise<ActionResult>

/** A form whose answer is read beside it; works without JavaScript too. */
export function ActionForm({
  action,
  hidden = {},
  className,
  children,
}: {
  action: Action
  hidden?: Record<string, string | number>
  className?: string
  children: ReactNode
}) {
  const [result, submit, pending] = useActionState(action, {})
  return (
    <form action={submit}>
      {Object.entries(hidden).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      {/* The fieldset is the box: spacing between the fields belongs to their parent. */}
      <fieldset disabled={pending} className={className ?? 'contents'}>
        {children}
      </fieldset>
      <p
        role={result.error ? 'alert' : 'status'}
        className={result.error ? 'mt-2 text-danger' : 'mt-2 text-success empty:mt-0'}
      >
        {result.error ?? result.notice}
      </p>
    </form>
  )
}
