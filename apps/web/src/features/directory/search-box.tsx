'use client'
import { Search } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { type KeyboardEvent, useEffect, useId, useState } from 'react'
import type { Suggestions } from '#src/features/directory/suggest.ts'

const debounceMs = 150
const none: Suggestions = { models: [], publishers: [] }

/** The header's search: a form that leads to the directory, which offers models and publishers while somebody types. */
export function SearchBox() {
  const router = useRouter()
  const list = useId()
  const [text, setText] = useState('')
  const [found, setFound] = useState(none)
  const [open, setOpen] = useState(false)
  const [active, setActive] = useState(-1)
  const q = text.trim()

  useEffect(() => {
    if (q === '') return setFound(none)
    const stale = new AbortController()
    const timer = setTimeout(async () => {
      try {
        const answer = await fetch(`/models/suggest?q=${encodeURIComponent(q)}`, { signal: stale.signal })
        if (!answer.ok) return
        setFound((await answer.json()) as Suggestions)
        setActive(-1)
      } catch {
        // Stale or offline: what is shown stays.
      }
    }, debounceMs)
    return () => {
      clearTimeout(timer)
      stale.abort()
    }
  }, [q])

  const everything = `/models?q=${encodeURIComponent(q)}`
  const options = [
    ...found.models.map((one) => ({ ...one, group: 'Models' })),
    ...found.publishers.map((one) => ({ ...one, summary: null, group: 'Publishers' })),
    { path: everything, name: `Search for “${q}” in all models`, summary: null, group: '' },
  ]
  const shown = open && q !== ''

  function go(path: string) {
    setOpen(false)
    setActive(-1)
    router.push(path)
  }

  function onKeyDown(event: KeyboardEvent<HTMLInputElement>) {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape' && shown) setOpen(false)
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (q === '') return
      setOpen(true)
      const step = event.key === 'ArrowDown' ? 1 : -1
      // One place more than options: the field itself.
      setActive((now) => ((now + 1 + step + options.length + 1) % (options.length + 1)) - 1)
    } else if (event.key === 'Enter' && shown && active >= 0) go(options[active]!.path)
    else return
    event.preventDefault()
  }

  return (
    <form action="/models" className="relative min-w-0 max-w-md flex-1">
      <Search
        aria-hidden
        className="pointer-events-none absolute start-3 top-1/2 size-4 -translate-y-1/2 text-fg-subtle"
        strokeWidth={1.75}
      />
      <input
        type="search"
        name="q"
        autoComplete="off"
        role="combobox"
        aria-label="Search models"
        aria-expanded={shown}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={shown && active >= 0 ? `${list}-${active}` : undefined}
        aria-keyshortcuts="/"
        data-shortcut="/"
        placeholder="Search models"
        className="input ps-9!"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          setOpen(true)
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <div
        id={list}
        role="listbox"
        aria-label="Suggestions"
        hidden={!shown}
        className="absolute start-0 z-30 mt-1 w-full min-w-64 rounded-lg border border-border bg-surface py-1 shadow-overlay max-sm:fixed max-sm:inset-x-4 max-sm:w-auto"
      >
        {options.map((option, i) => (
          // The field keeps the focus and has the keys.
          // biome-ignore lint/a11y/useKeyWithClickEvents: see above
          // biome-ignore lint/a11y/useFocusableInteractive: see above
          <div
            key={option.path}
            id={`${list}-${i}`}
            role="option"
            aria-selected={i === active}
            className={`cursor-pointer px-3 py-1.5 ${i === active ? 'bg-accent-subtle' : 'hover:bg-bg-muted'} ${option.group === '' ? 'border-t border-border' : ''}`}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => go(option.path)}
          >
            <span className="block truncate font-medium">
              {option.name}
              {option.group === 'Publishers' ? <span className="chip ms-2">Publisher</span> : null}
            </span>
            {option.summary ? <span className="block truncate text-[13px] text-fg-muted">{option.summary}</span> : null}
          </div>
        ))}
      </div>
      <p role="status" className="sr-only">
        {shown ? `${options.length - 1} suggestions` : ''}
      </p>
    </form>
  )
}
