'use client'
import type { VersionState } from '@modelport/schema/states'
import { ChevronDown, Pin } from 'lucide-react'
import Link from 'next/link'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { formatBytes, formatTime } from '#src/ui/format.ts'
import { StatusIcon } from '#src/ui/status-chip.tsx'

export interface VersionChoice {
  number: number
  state: VersionState
  yanked: boolean
  isDefault: boolean
  subject: string
  /** A tag, where it has one. */
  tag: string | null
  createdAt: string
  size: number | null
}

const recent = 10
const mostPages = 10

/**
 * Leads to the same tab at another version. On the server it is a list of links below a summary; with JavaScript a list
 * that can be filtered, with the versions that did not fit on the page.
 */
export function VersionSwitcher(props: {
  current: number | null
  label: string
  note: string | null
  pinned: boolean
  choices: VersionChoice[]
  /** Whether `choices` are not all. */
  more: boolean
  path: string
  suffix: string
  apiUrl: string
  versionsPath: string | null
}) {
  const { current, path, suffix, versionsPath } = props
  const id = useId()
  const details = useRef<HTMLDetailsElement>(null)
  const field = useRef<HTMLInputElement>(null)
  const [enhanced, setEnhanced] = useState(false)
  const [all, setAll] = useState(props.choices)
  const [filter, setFilter] = useState('')
  const [active, setActive] = useState(0)
  useEffect(() => setEnhanced(true), [])
  useCloseOutside(details)

  const groups = grouped(all.filter((choice) => matches(choice, filter)))
  const flat = groups.flatMap((group) => group.choices)
  const at = Math.min(active, flat.length - 1)

  async function onToggle() {
    if (!details.current?.open) return setFilter('')
    field.current?.focus()
    setActive(
      Math.max(
        0,
        flat.findIndex((choice) => choice.number === current),
      ),
    )
    if (props.more && all.length === props.choices.length) setAll(await loadAll(props.apiUrl, props.choices))
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape') {
      details.current!.open = false
      details.current!.querySelector('summary')?.focus()
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const step = event.key === 'ArrowDown' ? 1 : -1
      const next = (at + step + flat.length) % Math.max(1, flat.length)
      setActive(next)
      document.getElementById(`${id}-${flat[next]?.number}`)?.scrollIntoView({ block: 'nearest' })
    } else if (event.key === 'Enter') document.getElementById(`${id}-${flat[at]?.number}`)?.click()
    else return
    event.preventDefault()
  }

  return (
    <details ref={details} className="group sm:relative" onToggle={onToggle}>
      <summary
        data-shortcut="v"
        aria-keyshortcuts="v"
        className="button button-small list-none [&::-webkit-details-marker]:hidden"
      >
        {props.pinned ? <Pin aria-hidden className="size-3.5" strokeWidth={1.75} /> : null}
        {props.label}
        {props.note ? <span className="font-normal text-fg-muted">· {props.note}</span> : null}
        <ChevronDown aria-hidden className="size-3.5" strokeWidth={1.75} />
      </summary>
      {/* On narrow screens as wide as the head of the page, which holds it. */}
      <div className="absolute inset-x-0 z-30 mt-1 rounded-lg border border-border bg-surface shadow-overlay sm:inset-x-auto sm:start-0 sm:w-96">
        {enhanced ? (
          <div className="border-b border-border p-2">
            <input
              ref={field}
              type="search"
              role="combobox"
              aria-label="Filter versions by number, tag or subject"
              aria-expanded="true"
              aria-controls={`${id}-list`}
              aria-autocomplete="list"
              aria-activedescendant={flat[at] ? `${id}-${flat[at].number}` : undefined}
              placeholder="Number, tag or subject"
              className="input"
              value={filter}
              onChange={(event) => {
                setFilter(event.target.value)
                setActive(0)
              }}
              onKeyDown={onKeyDown}
            />
          </div>
        ) : null}
        <div
          id={`${id}-list`}
          {...(enhanced ? { role: 'listbox', 'aria-label': 'Versions' } : {})}
          className="max-h-[min(60vh,480px)] overflow-y-auto py-1"
        >
          {groups.map((group) => (
            <div key={group.title} {...(enhanced ? { role: 'group', 'aria-labelledby': `${id}-${group.title}` } : {})}>
              <p id={`${id}-${group.title}`} className="px-3 pt-2 pb-0.5 text-xs font-semibold text-fg-muted">
                {group.title}
              </p>
              {group.choices.map((choice) => (
                <Link
                  prefetch={false}
                  key={choice.number}
                  id={`${id}-${choice.number}`}
                  href={`${path}@${choice.number}${suffix}`}
                  role={enhanced ? 'option' : undefined}
                  aria-selected={enhanced ? choice === flat[at] : undefined}
                  tabIndex={enhanced ? -1 : undefined}
                  aria-current={choice.number === current ? 'true' : undefined}
                  className={`block px-3 py-1.5 hover:bg-bg-muted ${enhanced && choice === flat[at] ? 'bg-accent-subtle' : ''} ${choice.state === 'ready' ? '' : 'text-fg-muted'}`}
                  onClick={() => {
                    details.current!.open = false
                  }}
                >
                  <span className="flex items-center gap-2">
                    <StatusIcon status={choice.yanked ? 'yanked' : choice.state} />
                    <span className="font-medium">Version {choice.number}</span>
                    {choice.tag ? <span className="chip">{choice.tag}</span> : null}
                    {choice.number === current ? <span className="chip">Shown</span> : null}
                    <span className="ms-auto text-[13px] whitespace-nowrap text-fg-subtle" suppressHydrationWarning>
                      {choice.size ? `${formatBytes(choice.size)} · ` : ''}
                      {formatTime(new Date(choice.createdAt), new Date())}
                    </span>
                  </span>
                  {choice.subject ? (
                    <span className="block truncate ps-6 text-[13px] text-fg-muted">
                      <bdi>{choice.subject}</bdi>
                    </span>
                  ) : null}
                </Link>
              ))}
            </div>
          ))}
          {flat.length === 0 ? <p className="px-3 py-2 text-fg-muted">No version matches.</p> : null}
        </div>
        {versionsPath ? (
          <Link
            prefetch={false}
            href={versionsPath}
            className="block border-t border-border px-3 py-2 font-medium link-quiet"
          >
            All versions
          </Link>
        ) : null}
      </div>
    </details>
  )
}

/** The default, the newest that are ready, and the rest; each version once. */
function grouped(choices: VersionChoice[]): { title: string; choices: VersionChoice[] }[] {
  const isDefault = choices.filter((choice) => choice.isDefault)
  const offered = choices
    .filter((choice) => !choice.isDefault && choice.state === 'ready' && !choice.yanked)
    .slice(0, recent)
  const taken = new Set([...isDefault, ...offered])
  return [
    { title: 'Default', choices: isDefault },
    { title: 'Recent', choices: offered },
    { title: 'Other versions', choices: choices.filter((choice) => !taken.has(choice)) },
  ].filter((group) => group.choices.length > 0)
}

function matches({ number, tag, subject }: VersionChoice, filter: string): boolean {
  const text = filter.trim().toLowerCase()
  return (
    text === '' ||
    [`v${number}`, `version ${number}`, tag ?? '', subject].some((one) => one.toLowerCase().includes(text))
  )
}

interface ApiVersion {
  number: number
  status: VersionState
  default: boolean
  subject: string
  ref: string | null
  yanked: unknown
  createdAt: string
  builds: { size: number | null }[]
}

/** Every version that this person may see, from the API; what is known already when it cannot be asked. */
async function loadAll(apiUrl: string, known: VersionChoice[]): Promise<VersionChoice[]> {
  const all: VersionChoice[] = []
  let cursor: string | null = null
  try {
    for (let page = 0; page < mostPages; page++) {
      const answer: Response = await fetch(
        `${apiUrl}?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
      )
      if (!answer.ok) return known
      const { items, nextCursor } = (await answer.json()) as { items: ApiVersion[]; nextCursor: string | null }
      all.push(
        ...items.map((one) => ({
          number: one.number,
          state: one.status,
          yanked: one.yanked !== null,
          isDefault: one.default,
          subject: one.subject,
          tag: tagOf(one.ref),
          createdAt: one.createdAt,
          size: smallest(one.builds.map((build) => build.size)),
        })),
      )
      cursor = nextCursor
      if (!cursor) break
    }
  } catch {
    return known
  }
  // One that was chosen by its address, or is the default, may not be in the list.
  return [...all, ...known.filter((one) => !all.some((other) => other.number === one.number))]
}

const tagOf = (ref: string | null) => /^refs\/tags\/(.+)$/.exec(ref ?? '')?.[1] ?? null
const smallest = (sizes: (number | null)[]) => {
  const known = sizes.filter((size) => size !== null)
  return known.length > 0 ? Math.min(...known) : null
}

function useCloseOutside(details: React.RefObject<HTMLDetailsElement | null>) {
  useEffect(() => {
    const close = (event: PointerEvent) => {
      const element = details.current
      if (element?.open && !element.contains(event.target as Node)) element.open = false
    }
    document.addEventListener('pointerdown', close)
    return () => document.removeEventListener('pointerdown', close)
  }, [details])
}
