'use client'
import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'

/** Copies `text`. Where the clipboard is out of reach (plain http elsewhere than this machine), it selects a field to copy from. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [state, setState] = useState<'idle' | 'copied' | 'manual'>('idle')
  useEffect(() => {
    if (state !== 'copied') return
    const timer = setTimeout(() => setState('idle'), 2000)
    return () => clearTimeout(timer)
  }, [state])

  async function copy() {
    try {
      await navigator.clipboard.writeText(text)
      setState('copied')
    } catch {
      setState('manual')
    }
  }

  return (
    <span className="inline-flex items-center gap-2">
      {state === 'manual' ? (
        <input
          className="input button-small w-40 font-mono"
          readOnly
          value={text}
          aria-label="Press the copy keys of your system"
          ref={(field) => field?.select()}
        />
      ) : null}
      <button type="button" className="button button-small" onClick={copy}>
        {state === 'copied' ? (
          <Check aria-hidden className="size-3.5" strokeWidth={1.75} />
        ) : (
          <Copy aria-hidden className="size-3.5" strokeWidth={1.75} />
        )}
        {state === 'copied' ? 'Copied' : label}
      </button>
      <span role="status" className="sr-only">
        {state === 'copied' ? 'Copied' : ''}
      </span>
    </span>
  )
}
