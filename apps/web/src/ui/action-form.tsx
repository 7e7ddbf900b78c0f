'use client'
import { type ReactNode, type SubmitEvent, startTransition, useActionState, useEffect, useRef, useState } from 'react'

/** What an action says when it stays on the page. */
export interface ActionResult {
  error?: string
  notice?: string
}

export type Action = (before: ActionResult, form: FormData) => Promise<ActionResult>

/** A form whose answer is read beside it; works without JavaScript too. `guard` asks before a page with unsaved words is left. */
export function ActionForm({
  action,
  hidden = {},
  guard = false,
  className,
  children,
}: {
  action: Action
  hidden?: Record<string, string | number>
  guard?: boolean
  className?: string
  children: ReactNode
}) {
  const [result, submit, pending] = useActionState(action, {})
  const form = useRef<HTMLFormElement>(null)
  const [changed, setChanged] = useState(false)
  // Once it is saved, the fields show what the server has now.
  useEffect(() => {
    if (result.error || !result.notice) return
    // Of the prototype: a field with the name `reset` would hide the method.
    if (form.current) HTMLFormElement.prototype.reset.call(form.current)
    setChanged(false)
  }, [result])
  useEffect(() => {
    if (!guard || !changed) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [guard, changed])

  function onSubmit(event: SubmitEvent<HTMLFormElement>) {
    // React would empty the form after its action, whatever came of it; what was typed and refused must stay.
    event.preventDefault()
    const data = new FormData(event.currentTarget, event.nativeEvent.submitter)
    startTransition(() => submit(data))
  }

  return (
    <form ref={form} action={submit} onSubmit={onSubmit} onChange={() => setChanged(true)}>
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
