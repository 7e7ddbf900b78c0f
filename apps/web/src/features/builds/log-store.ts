import type { LogRange } from '#src/features/builds/log-layout.ts'

export interface StoredLine {
  number: number
  step: string
  epoch: number
  stream: string
  text: string
}

export const chunkSize = 1000
export const rangeKey = (epoch: number, step: string) => `${epoch}:${step}`

/** The lines of one log that this page holds, and where its steps begin and end. Knows nothing of the screen. */
export class LogStore {
  readonly lines = new Map<number, StoredLine>()
  ranges: LogRange[]
  count: number
  private readonly loading = new Set<number>()

  constructor(
    initial: StoredLine[],
    count: number,
    ranges: LogRange[],
    private readonly fetchChunk: (after: number, limit: number) => Promise<StoredLine[]>,
  ) {
    this.count = count
    this.ranges = ranges.filter((range) => range.first > 0)
    for (const line of initial) this.add(line)
  }

  /** Lines may come twice, from the page, a chunk and the stream; a number has one line for ever. */
  add(line: StoredLine): void {
    this.lines.set(line.number, line)
    if (line.number > this.count) this.count = line.number
    const key = rangeKey(line.epoch, line.step)
    const last = this.ranges[this.ranges.length - 1]
    if (last && line.number <= last.last) return
    if (last?.key === key) this.ranges = [...this.ranges.slice(0, -1), { ...last, last: line.number }]
    // A step may print again after another began; its second part gets a head of its own.
    else {
      const again = this.ranges.some((range) => range.key === key)
      this.ranges = [
        ...this.ranges,
        { key: again ? `${key}#${line.number}` : key, first: line.number, last: line.number },
      ]
    }
  }

  /** Loads the chunks that hold these lines, each once. Resolves to whether something new came. */
  async need(from: number, to: number): Promise<boolean> {
    const wanted: number[] = []
    for (let chunk = Math.floor((from - 1) / chunkSize); chunk <= Math.floor((to - 1) / chunkSize); chunk++) {
      const first = chunk * chunkSize + 1
      const last = Math.min((chunk + 1) * chunkSize, this.count)
      if (last >= first && !this.loading.has(chunk) && !(this.lines.has(first) && this.lines.has(last)))
        wanted.push(chunk)
    }
    for (const chunk of wanted) this.loading.add(chunk)
    const results = await Promise.all(
      wanted.map(async (chunk) => {
        try {
          const lines = await this.fetchChunk(chunk * chunkSize, chunkSize)
          for (const line of lines) this.lines.set(line.number, line)
          return lines.length > 0
        } catch {
          return false
        } finally {
          this.loading.delete(chunk)
        }
      }),
    )
    return results.some(Boolean)
  }
}
