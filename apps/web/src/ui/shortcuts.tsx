'use client'
import { useRouter } from 'next/navigation'
import { useEffect, useRef, useState } from 'react'
import { mayBeShortcut, readKeys, type Shortcut, shortcuts } from '#src/ui/shortcut-list.ts'

const storageKey = 'modelport-shortcuts'
const groups = [...new Set(shortcuts.map((one) => one.group))]

/** Listens for the shortcuts of the site, and shows them on request; the button stands in the footer. */
export function Shortcuts() {
  const router = useRouter()
  const dialog = useRef<HTMLDialogElement>(null)
  const [on, setOn] = useState(true)

  useEffect(() => {
    if (readSetting() === 'off') setOn(false)
  }, [])

  useEffect(() => {
    if (!on) return
    let pressed: string[] = []
    let forget: ReturnType<typeof setTimeout> | undefined
    function onKey(event: KeyboardEvent) {
      if (!mayBeShortcut(event) || isBusy(event.target)) return
      clearTimeout(forget)
      pressed.push(event.key)
      const found = readKeys(pressed) ?? readKeys([event.key])
      if (found === 'begun') {
        forget = setTimeout(() => {
          pressed = []
        }, 1500)
        return
      }
      pressed = []
      if (!found) return
      if (found.keys === '?') dialog.current?.showModal()
      else if (found.href) router.push(found.href)
      else if (!act(found)) return
      event.preventDefault()
    }
    // On the window, behind everything on the page that may use the key itself.
    window.addEventListener('keydown', onKey)
    return () => {
      window.removeEventListener('keydown', onKey)
      clearTimeout(forget)
    }
  }, [on, router])

  function change(next: boolean) {
    setOn(next)
    try {
      localStorage.setItem(storageKey, next ? 'on' : 'off')
    } catch {
      // A browser without storage forgets the choice with the page.
    }
  }

  return (
    <>
      <button type="button" className="link-quiet" onClick={() => dialog.current?.showModal()}>
        Keyboard shortcuts
      </button>
      <dialog
        ref={dialog}
        aria-labelledby="shortcuts-title"
        className="w-[min(560px,calc(100vw-32px))] rounded-xl border border-border bg-surface p-5 text-fg shadow-overlay"
      >
        <h2 id="shortcuts-title" className="text-lg leading-7 font-semibold">
          Keyboard shortcuts
        </h2>
        <label className="mt-3 flex min-h-6 items-center gap-2">
          <input type="checkbox" checked={on} onChange={(event) => change(event.target.checked)} />
          Use single-key shortcuts in this browser
        </label>
        {groups.map((group) => (
          <section key={group} className="mt-4">
            <h3 className="font-semibold">{group}</h3>
            <dl className="mt-1 divide-y divide-border">
              {merged(shortcuts.filter((one) => one.group === group)).map(({ keys, words }) => (
                <div key={keys} className="flex items-center justify-between gap-4 py-1">
                  <dt>{words}</dt>
                  <dd className="flex gap-1">
                    {keys.split(' ').map((key) => (
                      <kbd
                        key={key}
                        className="rounded-sm border border-border-strong bg-bg-muted px-1.5 font-mono text-xs"
                      >
                        {key}
                      </kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <form method="dialog" className="mt-5 flex justify-end">
          <button type="submit" className="button">
            Close
          </button>
        </form>
      </dialog>
    </>
  )
}

/** The keys of the tabs in one line. */
function merged(list: Shortcut[]): { keys: string; words: string }[] {
  const tabs = list.filter((one) => /^\d$/.test(one.keys))
  const others = list.filter((one) => !/^\d$/.test(one.keys))
  return tabs.length > 0
    ? [{ keys: `${tabs[0]!.keys} – ${tabs.at(-1)!.keys}`, words: 'Open a tab' }, ...others]
    : others
}

function act({ keys }: Shortcut): boolean {
  const element = document.querySelector<HTMLElement>(`[data-shortcut="${CSS.escape(keys)}"]`)
  if (!element) return false
  if (element instanceof HTMLInputElement) element.focus()
  else if (element.dataset.replaces !== undefined && element instanceof HTMLAnchorElement)
    history.replaceState(history.state, '', element.href)
  else element.click()
  return true
}

/** Whether the key belongs to a field, a menu or a dialog. */
function isBusy(target: EventTarget | null): boolean {
  if (document.querySelector('dialog[open]')) return true
  return (
    target instanceof Element &&
    target.closest('input, textarea, select, [contenteditable], [role="listbox"], [role="menu"]') !== null
  )
}

function readSetting(): string | null {
  try {
    return localStorage.getItem(storageKey)
  } catch {
    return null
  }
}
