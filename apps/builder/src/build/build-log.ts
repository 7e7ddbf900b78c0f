import type { Target } from '@modelport/schema/words'

/** One line as it goes to the store. */
export interface NewLine {
  step: string
  stream: 'stdout' | 'stderr' | 'note'
  printedAt: Date
  text: string
}

/** Bytes of one step's output that are stored as they come, and bytes of its end that are kept beside them. */
const headBytes = 8 * 2 ** 20
const tailBytes = 2 * 2 ** 20
const batchLines = 500
const flushMs = 200

/**
 * Collects a build's lines and stores them in batches, at most 200 ms after they were printed. A step that prints more
 * than 8 MB has the rest read and dropped but for its last 2 MB. A caller that awaits `line` is held back while the
 * store is behind, so that a flood cannot fill this process' memory.
 */
export class BuildLog {
  private waiting: NewLine[] = []
  private storing: Promise<void> = Promise.resolve()
  private timer: NodeJS.Timeout | null = null
  private failure: unknown = null
  private stored = new Map<string, number>()
  private tails = new Map<string, { lines: NewLine[]; bytes: number; droppedLines: number; droppedBytes: number }>()
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
    const stored = this.stored.get(step) ?? 0
    if (stored + bytes > headBytes && stream !== 'note') {
      this.keepTail(step, line, bytes)
      return
    }
    this.stored.set(step, stored + bytes)
    this.waiting.push(line)
    if (this.waiting.length >= batchLines) return this.flush()
    this.timer ??= setTimeout(() => void this.flush().catch(() => undefined), flushMs)
  }

  private keepTail(step: string, line: NewLine, bytes: number): void {
    const tail = this.tails.get(step) ?? { lines: [], bytes: 0, droppedLines: 0, droppedBytes: 0 }
    this.tails.set(step, tail)
    tail.lines.push(line)
    tail.bytes += bytes
    while (tail.bytes > tailBytes && tail.lines.length > 1) {
      const gone = Buffer.byteLength(tail.lines.shift()!.text) + 1
      tail.bytes -= gone
      tail.droppedLines++
      tail.droppedBytes += gone
    }
  }

  /** Stores what a step printed last, with a line that says what is missing between. Called when the step ended. */
  async endStep(step: string): Promise<void> {
    const tail = this.tails.get(step)
    if (tail) {
      this.tails.delete(step)
      if (tail.droppedLines > 0)
        this.waiting.push({
          step,
          stream: 'note',
          printedAt: new Date(),
          text: `… ${tail.droppedLines} lines (${Math.ceil(tail.droppedBytes / 2 ** 20)} MB) are not kept: a step’s log holds its first 8 MB and its last 2 MB.`,
        })
      this.waiting.push(...tail.lines)
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
