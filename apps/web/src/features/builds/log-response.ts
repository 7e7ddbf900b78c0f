import { findBuild, type LogLine, readLines } from '@modelport/db/queries/builds'
import type { Build } from '@modelport/db/queries/versions'
import { isFinalBuildState } from '@modelport/schema/states'
import { always } from '#src/api/route.ts'
import { context } from '#src/context.ts'

const encoder = new TextEncoder()
const page = 1000
const lookEvery = 3000
const heartbeatEvery = 15_000
const checkEvery = 30_000

/** The log, or that of one step, as a file of text or of JSON lines. It is read page by page, so that its size does not matter. */
export function logFile(build: Build, name: string, { step, asJson }: { step?: string; asJson: boolean }): Response {
  const { db } = context()
  let after = 0
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const lines = await readLines(db, build.id, { after, limit: 5000, step })
      if (lines.length === 0) return controller.close()
      after = lines[lines.length - 1]!.number
      const text = (line: LogLine) => (asJson ? JSON.stringify(jsonLine(line)) : line.text)
      controller.enqueue(encoder.encode(lines.map((line) => `${text(line)}\n`).join('')))
    },
  })
  return new Response(body, {
    headers: {
      ...always,
      'content-type': asJson ? 'application/jsonl' : 'text/plain; charset=utf-8',
      // A log holds what strangers print; no browser may take it for a page.
      'content-disposition': `attachment; filename="${name.replaceAll(/[^A-Za-z0-9._-]/g, '-')}.${asJson ? 'jsonl' : 'txt'}"`,
      'content-security-policy': "default-src 'none'; sandbox",
    },
  })
}

export interface JsonLine {
  number: number
  step: string
  epoch: number
  stream: LogLine['stream']
  at: string
  text: string
}

export const jsonLine = (line: LogLine): JsonLine => ({
  number: line.number,
  step: line.step,
  epoch: line.epoch,
  stream: line.stream,
  at: line.printedAt.toISOString(),
  text: line.text,
})

/**
 * The log as server-sent events whose ids are line numbers: what is stored, then what comes, without a gap or a repeat,
 * then `end`. `mayStill` is asked every 30 s; a person who lost the right loses the stream.
 */
export function followLog(
  build: Build,
  options: { after: number; asJson: boolean; signal: AbortSignal; mayStill: () => Promise<boolean> },
): Response {
  return eventStream(options.signal, (signal) => logEvents(build, { ...options, signal }))
}

async function* logEvents(
  build: Build,
  {
    after,
    asJson,
    signal,
    mayStill,
  }: { after: number; asJson: boolean; signal: AbortSignal; mayStill: () => Promise<boolean> },
): AsyncGenerator<string> {
  const { db } = context()
  using bell = newsBell((news) => news === null || news.build === build.id)
  let lastCheck = Date.now()
  let lastSent = 0
  yield 'retry: 2000\n\n'
  while (!signal.aborted) {
    // The state is read before the lines: a build that is final now prints no more.
    const state = await findBuild(db, build.id)
    const lines = await readLines(db, build.id, { after, limit: page })
    if (lines.length > 0) {
      after = lines[lines.length - 1]!.number
      lastSent = Date.now()
      yield lines.map((line) => lineEvent(line, asJson)).join('')
      if (lines.length === page) continue
    }
    if (!state || isFinalBuildState(state.state)) {
      yield `event: end\ndata: ${JSON.stringify({ status: state?.state ?? 'gone', lines: after })}\n\n`
      return
    }
    if (Date.now() - lastCheck > checkEvery) {
      lastCheck = Date.now()
      if (!(await mayStill())) return
    }
    if (Date.now() - lastSent > heartbeatEvery) {
      lastSent = Date.now()
      yield ': still here\n\n'
    }
    await bell.ring(lookEvery, signal)
  }
}

function lineEvent(line: LogLine, asJson: boolean): string {
  // In an event stream a carriage return ends a line; what was overdrawn is dropped as a terminal would.
  const data = asJson ? JSON.stringify(jsonLine(line)) : lastFrame(line.text)
  return `id: ${line.number}\ndata: ${data}\n\n`
}

/** What a terminal shows of a line that was drawn over itself. */
export const lastFrame = (text: string) =>
  text
    .split(/[\r\n]+/)
    .filter((frame) => frame !== '')
    .pop() ?? ''

/** Rings when news arrives that `matters`, or after a while. News between two waits is not lost. */
export function newsBell(matters: (news: { build?: string; version?: string } | null) => boolean) {
  let rung = false
  let wake: (() => void) | undefined
  const unsubscribe = context().news.subscribe((news) => {
    if (!matters(news)) return
    rung = true
    wake?.()
  })
  return {
    async ring(patience: number, signal: AbortSignal): Promise<boolean> {
      if (!rung && !signal.aborted)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, patience)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
          signal.addEventListener('abort', wake, { once: true })
        })
      const was = rung
      rung = false
      wake = undefined
      return was
    },
    [Symbol.dispose]: unsubscribe,
  }
}

/** A stream of events that ends when the reader goes away. Made on demand, so a slow reader holds no backlog. */
export function eventStream(signal: AbortSignal, make: (signal: AbortSignal) => AsyncGenerator<string>): Response {
  const gone = new AbortController()
  if (signal.aborted) gone.abort()
  else signal.addEventListener('abort', () => gone.abort(), { once: true })
  const events = make(gone.signal)
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await events.next()
        // The reader left while this waited; the stream is closed already.
        if (gone.signal.aborted) return
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      } catch (error) {
        if (gone.signal.aborted) return
        console.error('An event stream ended early.', error)
        controller.close()
      }
    },
    async cancel() {
      gone.abort()
      await events.return(undefined)
    },
  })
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      // `no-transform` also keeps the server from holding events back to compress them.
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    },
  })
}
