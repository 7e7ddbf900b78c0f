import type { Target } from '@modelport/schema/words'

/** One line as it goes to the store. */
export interface NewLine {
  step: string
  stream: 'stdout' | 'stderr' | 'note'
  printedAt: Date
  text: string
}

/** What of one step's output is stored as it comes, and what of its end is kept beside. Empty lines cost rows and no bytes. */
const head = { bytes: 8 * 2 ** 20, lines: 200_000 }
const tail = { bytes: 2 * 2 ** 20, lines: 50_000 }
const batchLines = 500
const flushMs = 200

/** What a step printed last: `lines` from `first` on, whose text holds `bytes`. */
interface Tail {
  lines: NewLine[]
  first: number
  bytes: number
  droppedLines: number
  droppedBytes: number
}

/**
 * Collects a build's lines and stores them in batches, at most 200 ms after they were printed. A step that prints more
 * than 8 MB or 200,000 lines has the rest read and dropped but for its last 2 MB or 50,000 lines. A caller that awaits
 * `line` is held back while the store is behind, so that a flood cannot fill this process' memory.
 */
export class BuildLog {
  private waiting: NewLine[] = []
  private storing: Promise<void> = Promise.resolve()
  private timer: NodeJS.Timeout | null = null
  private failure: unknown = null
  private stored = new Map<string, { bytes: number; lines: number }>()
  private tails = new Map<string, Tail>()
  private secrets: string[] = []

  constructor(
    private readonly store: (lines: NewLine[]) => Promise<void>,
    readonly target: Target,
  ) {}

  /** Values that are shown as `***` from now on, also when a line holds several. */
  mask(secrets: string[]): void {
    this.secrets.push(...secrets.filter((secret) => secret.length >= 8))
  }

  /** A line of our own, beside what the step prints. */
  note(step: string, text: string): void | Promise<void> {
    return this.line(step, 'note', text)
  }

  /** Takes one line. The promise, if there is one, is to be awaited before the next. */
  line(step: string, stream: NewLine['stream'], text: string): void | Promise<void> {
    if (this.failure) throw this.failure
    const line = { step, stream, printedAt: new Date(), text: this.masked(text) }
    const bytes = Buffer.byteLength(line.text) + 1
    const stored = this.stored.get(step) ?? { bytes: 0, lines: 0 }
    if ((stored.bytes + bytes > head.bytes || stored.lines >= head.lines) && stream !== 'note') {
      this.keepTail(step, line, bytes)
      return
    }
    this.stored.set(step, { bytes: stored.bytes + bytes, lines: stored.lines + 1 })
    this.waiting.push(line)
    if (this.waiting.length >= batchLines) return this.flush()
    this.timer ??= setTimeout(() => void this.flush().catch(() => undefined), flushMs)
  }

  private keepTail(step: string, line: NewLine, bytes: number): void {
    const kept = this.tails.get(step) ?? { lines: [], first: 0, bytes: 0, droppedLines: 0, droppedBytes: 0 }
    this.tails.set(step, kept)
    kept.lines.push(line)
    kept.bytes += bytes
    const tooMuch = () => kept.bytes > tail.bytes || kept.lines.length - kept.first > tail.lines
    while (tooMuch() && kept.first < kept.lines.length - 1) {
      const gone = Buffer.byteLength(kept.lines[kept.first++]!.text) + 1
      kept.bytes -= gone
      kept.droppedLines++
      kept.droppedBytes += gone
    }
    // Taking one line at a time from the front would move all others, a million times in a flood.
    if (kept.first > kept.lines.length / 2) {
      kept.lines.splice(0, kept.first)
      kept.first = 0
    }
  }

  /** Stores what a step printed last, with a line that says what is missing between. Called when the step ended. */
  async endStep(step: string): Promise<void> {
    const kept = this.tails.get(step)
    if (kept) {
      this.tails.delete(step)
      if (kept.droppedLines > 0)
        this.waiting.push({
          step,
          stream: 'note',
          printedAt: new Date(),
          text: `… ${kept.droppedLines} lines (${Math.ceil(kept.droppedBytes / 2 ** 20)} MB) are not kept: a step’s log holds its first 8 MB or 200,000 lines, and its last 2 MB or 50,000.`,
        })
      for (const line of kept.lines.slice(kept.first)) this.waiting.push(line)
    }
    await this.flush()
  }

  /** Stores everything that waits; throws what the store threw, now or before. */
  async flush(): Promise<void> {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    this.storing = this.storing.then(async () => {
      while (this.waiting.length > 0 && !this.failure) {
        const batch = this.waiting.splice(0, batchLines)
        try {
          await this.store(batch)
        } catch (error) {
          this.failure = error
        }
      }
    })
    await this.storing
    if (this.failure) throw this.failure
  }

  private masked(text: string): string {
    let shown = text
    for (const secret of this.secrets) shown = shown.replaceAll(secret, '***')
    return shown
  }
}
