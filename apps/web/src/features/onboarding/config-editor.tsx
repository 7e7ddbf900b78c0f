'use client'
import { type SubmitEvent, startTransition, useActionState, useEffect, useRef, useState } from 'react'
import { checkConfigAction } from '#src/features/onboarding/actions.ts'
import type { CheckedConfig } from '#src/features/onboarding/check-config.ts'
import { CheckedList } from '#src/features/onboarding/checked-list.tsx'
import { CopyButton } from '#src/ui/copy-button.tsx'

const pauseMs = 500

/** A `runway.yml` to edit, judged while it is typed by the parser that builds use; without JavaScript by a button. */
export function ConfigEditor({ text: given, checked: first }: { text: string; checked: CheckedConfig }) {
  const [result, check, pending] = useActionState(checkConfigAction, {})
  const [text, setText] = useState(given)
  const form = useRef<HTMLFormElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const send = () => {
    clearTimeout(timer.current)
    const data = form.current && new FormData(form.current)
    if (data) startTransition(() => check(data))
  }
  function onSubmit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault()
    send()
  }
  return (
    <form ref={form} action={check} onSubmit={onSubmit}>
      <label className="block">
        <span className="font-medium">runway.yml</span>
        <textarea
          name="config"
          rows={12}
          maxLength={65_536}
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setText(event.target.value)
            clearTimeout(timer.current)
            timer.current = setTimeout(send, pauseMs)
          }}
          className="input mt-1 font-mono text-[13px] leading-5"
        />
      </label>
      <div className="mt-2 flex flex-wrap gap-2">
        <CopyButton text={text} label="Copy runway.yml" />
        <button type="submit" className="button button-small">
          Check
        </button>
      </div>
      <div role="status" aria-busy={pending} className="mt-3">
        {result.error ? (
          <p className="text-danger">{result.error}</p>
        ) : (
          <CheckedList checked={result.checked ?? first} />
        )}
      </div>
    </form>
  )
}
