'use client'
import { ArrowDownToLine, ChevronDown, ChevronRight, ChevronUp, CircleX, Search, WrapText } from 'lucide-react'
import { useRouter } from 'next/navigation'
import {
  type KeyboardEvent,
  type MouseEvent,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { layOut, type Mark, markHash, parseMark, rowAt, rowOfLine } from '#src/features/builds/log-layout.ts'
import { LogStore, rangeKey, type StoredLine } from '#src/features/builds/log-store.ts'
import { ansiSpans } from '#src/ui/ansi.ts'

export interface LogSection {
  epoch: number
  step: string
  title: string
  first: number
  last: number
  state: 'running' | 'done' | 'failed' | 'cancelled' | null
  exitCode: number | null
}

interface Props {
  url: string
  target: string
  attempt: number
  lines: StoredLine[]
  lineCount: number
  sections: LogSection[]
  running: boolean
  failedLine: number | null
}

const rowHeight = 24
/** Above this only the rows in sight are in the document; below, the browser's own find and copy see them all. */
const plainRows = 5000
const overscan = 40
/** Finished steps longer than this begin folded. */
const longStep = 100

export function LogViewer(props: Props) {
  const { url, target, attempt, running, failedLine } = props
  const router = useRouter()
  // biome-ignore lint/correctness/useExhaustiveDependencies: made once per build; what the page brings later is in the stream
  const store = useMemo(
    () =>
      new LogStore(
        props.lines,
        props.lineCount,
        props.sections.map((s) => ({ key: rangeKey(s.epoch, s.step), first: s.first, last: s.last })),
        async (after, limit) => {
          const answer = await fetch(`${url}?format=json&attempt=${attempt}&after=${after}&limit=${limit}`)
          if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
          return ((await answer.json()) as { items: StoredLine[] }).items
        },
      ),
    // The page's later copies of the same build bring nothing that the stream did not.
    [url, attempt],
  )
  const [version, setVersion] = useState(0)
  const changed = useCallback(() => setVersion((v) => v + 1), [])
  const [folded, setFolded] = useState<ReadonlySet<string>>(() => initialFolds(props))
  const [touched] = useState(() => new Set<string>())
  const [wrap, setWrap] = useState(false)
  const [follow, setFollow] = useState(running)
  const [mark, setMark] = useState<Mark | null>(null)
  const [mounted, setMounted] = useState(false)
  const [lost, setLost] = useState(false)
  const [scroll, setScroll] = useState({ top: 0, height: 600 })
  const box = useRef<HTMLElement>(null)
  const pendingLine = useRef<number | null>(null)

  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the store changed
  const layout = useMemo(() => layOut(store.ranges, folded), [store, folded, version])
  const plain = layout.rows <= plainRows
  const titles = useMemo(() => new Map(props.sections.map((s) => [rangeKey(s.epoch, s.step), s])), [props.sections])

  const first = plain ? 0 : Math.max(0, Math.floor(scroll.top / rowHeight) - overscan)
  const last = plain
    ? layout.rows - 1
    : Math.min(layout.rows - 1, Math.ceil((scroll.top + scroll.height) / rowHeight) + overscan)

  const show = useCallback(
    (line: number) => {
      setFollow(false)
      const range = store.ranges.find((r) => line >= r.first && line <= r.last)
      if (!range) return
      touched.add(range.key)
      setFolded((before) => without(before, range.key))
      pendingLine.current = line
      changed()
    },
    [store, changed, touched],
  )

  useEffect(() => setMounted(true), [])

  // The address names lines: on arrival, on a click in the page, on Back.
  useEffect(() => {
    const read = () => {
      if (location.hash === '#failed') {
        if (failedLine) show(failedLine)
        return
      }
      const found = parseMark(location.hash, target)
      setMark(found)
      if (found) show(found.from)
    }
    read()
    if (!location.hash && failedLine) show(failedLine)
    if (matchMedia('(max-width: 767px)').matches) setWrap(true)
    addEventListener('hashchange', read)
    return () => removeEventListener('hashchange', read)
  }, [target, failedLine, show])

  // Lines that are in sight and not here are asked for.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the store changed
  useEffect(() => {
    const spans: [number, number][] = []
    for (const { range, row, lines } of layout.places) {
      if (lines === 0 || row + lines < first || row > last) continue
      const from = range.first + Math.max(0, first - row - 1)
      spans.push([from, Math.min(range.last, range.first + (last - row - 1))])
    }
    Promise.all(spans.map(([from, to]) => (to >= from ? store.need(from, to) : false))).then((news) => {
      if (news.some(Boolean)) changed()
    })
  }, [layout, first, last, store, changed, version])

  // What a running build prints. Lines are taken into the page once per frame.
  useEffect(() => {
    if (!running) return
    let frame = 0
    const source = new EventSource(`${url}?follow=1&format=json&attempt=${attempt}&after=${store.count}`)
    source.onopen = () => setLost(false)
    source.onerror = () => setLost(true)
    source.onmessage = (event) => {
      store.add(JSON.parse(event.data as string) as StoredLine)
      frame ||= requestAnimationFrame(() => {
        frame = 0
        changed()
      })
    }
    source.addEventListener('end', () => {
      source.close()
      setLost(false)
      changed()
      router.refresh()
    })
    return () => {
      source.close()
      cancelAnimationFrame(frame)
    }
  }, [running, url, attempt, store, changed, router])

  // A step that ended with a long log folds itself, unless somebody looked at it.
  useEffect(() => {
    setFolded((before) => {
      const next = new Set(before)
      for (const section of props.sections) {
        const key = rangeKey(section.epoch, section.step)
        const range = store.ranges.find((r) => r.key === key)
        if (running && section.state === 'done' && !touched.has(key) && range && range.last - range.first > longStep)
          next.add(key)
      }
      return next.size === before.size ? before : next
    })
  }, [props.sections, running, store, touched])

  // Scrolls after the rows exist: to the line that was asked for, else to the end while following.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the store changed
  useLayoutEffect(() => {
    const area = box.current
    if (!area || !mounted) return
    const line = pendingLine.current
    if (line !== null) {
      const element = document.getElementById(`${target}-L${line}`)
      const row = rowOfLine(layout, line)
      if (element) {
        area.scrollTop += element.getBoundingClientRect().top - area.getBoundingClientRect().top - area.clientHeight / 3
        pendingLine.current = null
      } else if (row !== null && !plain) {
        area.scrollTop = row * rowHeight - area.clientHeight / 3
      }
    } else if (follow) area.scrollTop = area.scrollHeight
  }, [version, layout, follow, mounted, plain, target, scroll])

  function onScroll() {
    const area = box.current
    if (!area) return
    setScroll({ top: area.scrollTop, height: area.clientHeight })
    if (pendingLine.current !== null) return
    const atEnd = area.scrollHeight - area.scrollTop - area.clientHeight < rowHeight
    if (running) setFollow(atEnd)
  }

  function toggle(key: string) {
    touched.add(key)
    setFollow(false)
    setFolded((before) => (before.has(key) ? without(before, key) : new Set([...before, key])))
  }

  function pick(event: MouseEvent, number: number) {
    event.preventDefault()
    const next =
      event.shiftKey && mark
        ? { from: Math.min(mark.from, number), to: Math.max(mark.from, number) }
        : { from: number, to: number }
    setMark(next)
    setFollow(false)
    history.replaceState(history.state, '', markHash(target, next))
  }

  const find = useFind(url, attempt, show)

  function onKeyDown(event: KeyboardEvent) {
    if (event.defaultPrevented || event.nativeEvent.isComposing || event.altKey) return
    if ((event.ctrlKey || event.metaKey) && event.key === 'f' && document.activeElement !== find.field.current) {
      event.preventDefault()
      find.field.current?.focus()
      return
    }
    if (event.ctrlKey || event.metaKey || event.target instanceof HTMLInputElement) return
    if (event.key === 'f') setFollow((on) => !on)
    else if (event.key === 'w') setWrap((on) => !on)
    else if (event.key === 'e' && failedLine) show(failedLine)
    else if (event.key === 'n') find.step(1)
    else if (event.key === 'p') find.step(-1)
    else return
    event.preventDefault()
  }

  const rows: number[] = []
  for (let row = first; row <= last; row++) rows.push(row)
  const allFolded = store.ranges.length > 0 && store.ranges.every((r) => folded.has(r.key))
  const shortened = !mounted && store.lines.size < store.count

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the log work while something in it has the focus
    <div className="log overflow-hidden rounded-lg bg-log text-log-text" onKeyDown={onKeyDown}>
      <div className="flex flex-wrap items-center gap-1.5 border-b border-log-line px-2 py-1.5 text-[13px]">
        <label className="flex min-w-40 flex-1 items-center gap-2 rounded-md border border-log-gutter px-2">
          <Search aria-hidden className="size-3.5 shrink-0 text-log-gutter" strokeWidth={1.75} />
          <span className="sr-only">Find in the log</span>
          <input
            ref={find.field}
            type="search"
            placeholder="Find"
            className="min-h-7 w-full min-w-0 bg-transparent outline-none placeholder:text-[#939daf]"
            value={find.text}
            onChange={(event) => find.setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') find.step(event.shiftKey ? -1 : 1)
              if (event.key === 'Escape') find.setText('')
            }}
          />
          <span role="status" className="shrink-0 text-[#939daf] tabular-nums">
            {find.summary}
          </span>
        </label>
        {find.matches.length > 0 ? (
          <>
            <Tool label="Previous match" onClick={() => find.step(-1)}>
              <ChevronUp aria-hidden className="size-4" />
            </Tool>
            <Tool label="Next match" onClick={() => find.step(1)}>
              <ChevronDown aria-hidden className="size-4" />
            </Tool>
          </>
        ) : null}
        {failedLine ? (
          <Tool label="Jump to the error (e)" onClick={() => show(failedLine)}>
            <CircleX aria-hidden className="size-4 text-[#ff7b7b]" />
            Error
          </Tool>
        ) : null}
        <Tool
          label={allFolded ? 'Unfold all steps' : 'Fold all steps'}
          onClick={() => {
            for (const range of store.ranges) touched.add(range.key)
            setFolded(allFolded ? new Set() : new Set(store.ranges.map((r) => r.key)))
          }}
        >
          {allFolded ? 'Unfold all' : 'Fold all'}
        </Tool>
        <Tool
          label={plain ? 'Wrap lines (w)' : 'Wrapping is off above 5,000 lines'}
          pressed={wrap && plain}
          disabled={!plain}
          onClick={() => setWrap((on) => !on)}
        >
          <WrapText aria-hidden className="size-4" />
          Wrap
        </Tool>
        {running ? (
          <Tool label="Follow the end (f)" pressed={follow} onClick={() => setFollow((on) => !on)}>
            <ArrowDownToLine aria-hidden className="size-4" />
            Follow
          </Tool>
        ) : null}
      </div>
      {lost ? (
        <p className="bg-[#35270d] px-3 py-1.5 text-[13px] text-[#f0b455]">
          Connection lost. Reconnecting; nothing of the log is lost.
        </p>
      ) : null}
      {shortened ? (
        <p className="px-3 py-1.5 text-[13px] text-[#939daf]">
          {store.lines.size.toLocaleString('en')} of {store.count.toLocaleString('en')} lines are shown while the rest
          loads; the raw log has all.
        </p>
      ) : null}
      <section
        ref={box}
        onScroll={onScroll}
        aria-label={`Log, ${store.count.toLocaleString('en')} lines`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        className={`h-[70vh] min-h-80 overflow-auto py-1 font-mono text-[13px] leading-6 ${wrap && plain ? 'log-wrap' : ''}`}
      >
        {store.count === 0 ? (
          <p className="px-3 py-2 text-[#939daf]">{running ? 'Nothing printed yet.' : 'Nothing was printed.'}</p>
        ) : null}
        {mounted && !plain ? <Spacer height={first * rowHeight} /> : null}
        {rows.map((row) => {
          const at = rowAt(layout, row)
          if (!at) return null
          if (at.line === null) {
            const section = titles.get(at.range.key.split('#')[0]!)
            return (
              <StepHead
                key={`head-${at.range.key}`}
                title={section?.title ?? at.range.key.replace(/^\d+:/, '').replace(/#.*$/, '')}
                section={section}
                open={!folded.has(at.range.key)}
                lines={at.range.last - at.range.first + 1}
                onToggle={() => toggle(at.range.key)}
              />
            )
          }
          const line = store.lines.get(at.line)
          if (!line && !mounted) return null
          return (
            <Line
              key={at.line}
              number={at.line}
              line={line}
              target={target}
              marked={mark !== null && at.line >= mark.from && at.line <= mark.to}
              failed={at.line === failedLine}
              match={at.line === find.current}
              onPick={pick}
            />
          )
        })}
        {mounted && !plain ? <Spacer height={Math.max(0, layout.rows - 1 - last) * rowHeight} /> : null}
      </section>
    </div>
  )
}

// Set through the DOM: a style attribute in HTML from the server would be refused by the content security policy.
const Spacer = ({ height }: { height: number }) => <div aria-hidden style={{ height }} />

function Tool({
  label,
  pressed,
  disabled,
  onClick,
  children,
}: {
  label: string
  pressed?: boolean
  disabled?: boolean
  onClick: () => void
  children: React.ReactNode
}) {
  return (
    <button
      type="button"
      title={label}
      aria-label={label}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
      className="inline-flex min-h-7 items-center gap-1 rounded-md px-2 hover:bg-log-line disabled:text-log-gutter aria-pressed:bg-log-line aria-pressed:text-[#a3c4ff]"
    >
      {children}
    </button>
  )
}

function StepHead({
  title,
  section,
  open,
  lines,
  onToggle,
}: {
  title: string
  section: LogSection | undefined
  open: boolean
  lines: number
  onToggle: () => void
}) {
  const failed = section?.state === 'failed'
  return (
    <button
      type="button"
      aria-expanded={open}
      onClick={onToggle}
      className={`flex h-6 w-full items-center gap-2 px-2 text-start font-sans font-medium hover:bg-log-line ${failed ? 'text-[#ff9c9c]' : 'text-log-text'}`}
    >
      {open ? (
        <ChevronDown aria-hidden className="size-4 shrink-0" />
      ) : (
        <ChevronRight aria-hidden className="size-4 shrink-0" />
      )}
      <span className="truncate">{title}</span>
      <span className="ms-auto shrink-0 text-xs font-normal text-[#939daf]">
        {failed ? `failed${section?.exitCode ? `, exit ${section.exitCode}` : ''} · ` : ''}
        {lines.toLocaleString('en')} {lines === 1 ? 'line' : 'lines'}
      </span>
    </button>
  )
}

function Line(props: {
  number: number
  line: StoredLine | undefined
  target: string
  marked: boolean
  failed: boolean
  match: boolean
  onPick: (event: MouseEvent, number: number) => void
}) {
  const { number, line, target } = props
  const id = `${target}-L${number}`
  const spans = line ? ansiSpans(line.text) : []
  return (
    <div
      id={id}
      className="log-row"
      data-stream={line?.stream}
      data-marked={props.marked || undefined}
      data-failed={props.failed || undefined}
      data-match={props.match || undefined}
    >
      <a
        href={`#${id}`}
        onClick={(event) => props.onPick(event, number)}
        aria-label={`Line ${number}`}
        className="w-16 shrink-0 pe-3 text-end text-log-gutter tabular-nums select-none hover:text-log-text"
      >
        {number}
      </a>
      <span className="log-text">
        {spans.map((span, i) =>
          span.classes ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a line never change
            <span key={i} className={span.classes}>
              {span.text}
            </span>
          ) : (
            span.text
          ),
        )}
      </span>
    </div>
  )
}

/** Search over the whole log, also where it is not loaded: the server finds the lines. */
function useFind(url: string, attempt: number, show: (line: number) => void) {
  const field = useRef<HTMLInputElement>(null)
  const [text, setText] = useState('')
  const [matches, setMatches] = useState<number[]>([])
  const [index, setIndex] = useState(-1)
  useEffect(() => {
    setIndex(-1)
    setMatches([])
    if (text.length < 2) return
    const abort = new AbortController()
    const timer = setTimeout(async () => {
      try {
        const answer = await fetch(`${url}?attempt=${attempt}&find=${encodeURIComponent(text)}`, {
          signal: abort.signal,
        })
        if (answer.ok)
          setMatches(((await answer.json()) as { items: { number: number }[] }).items.map((item) => item.number))
      } catch {
        // Aborted by the next letter; or offline, which the count of none shows.
      }
    }, 250)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [text, url, attempt])
  return {
    field,
    text,
    setText,
    matches,
    current: matches[index] ?? null,
    summary:
      text.length < 2 ? '' : matches.length === 0 ? 'none' : `${index < 0 ? '' : `${index + 1} of `}${matches.length}`,
    step(by: number) {
      if (matches.length === 0) return
      const next = (index + by + matches.length + (index < 0 && by < 0 ? 1 : 0)) % matches.length
      setIndex(next)
      show(matches[next]!)
    },
  }
}

function initialFolds({ sections, running, failedLine, lineCount }: Props): ReadonlySet<string> {
  const long = sections.filter(
    (s) => s.last - s.first > longStep && (failedLine === null || failedLine < s.first || failedLine > s.last),
  )
  const fold = lineCount > 1000 ? long.filter((s) => !running || s.state === 'done') : []
  return new Set(fold.map((s) => rangeKey(s.epoch, s.step)))
}

function without<T>(set: ReadonlySet<T>, value: T): ReadonlySet<T> {
  if (!set.has(value)) return set
  const next = new Set(set)
  next.delete(value)
  return next
}
