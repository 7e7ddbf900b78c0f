import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import {
  ModelConfig,
  type ParsedModelConfig,
  type ParseOptions,
  parseModelConfig,
} from '@modelport/schema/model-config'
import { configLimits } from '@modelport/schema/model-config/limits'
import { makeProblem, Problem } from '@modelport/schema/model-config/problem'
import { z } from 'zod'
import { PlatformError } from './build-error.ts'

/** What the child may use. Starting Node is not the file's fault, so it has a bound of its own. */
export interface ParseLimits {
  startMs: number
  /** Processor time for the file; the clock may show ten times as much on a busy machine before the child is stopped. */
  workMs: number
  heapMegabytes: number
  answerBytes: number
  /** The child's program; tests hand in one that misbehaves. */
  entry: URL
}

const defaultLimits: ParseLimits = {
  startMs: 20_000,
  workMs: 1000,
  heapMegabytes: 128,
  answerBytes: 4 * 1024 * 1024,
  entry: new URL('./parse-config-entry.ts', import.meta.url),
}

const Answer = z.strictObject({
  config: ModelConfig.nullable(),
  problems: z.array(Problem),
  foreign: z.strictObject({ tool: z.string(), name: z.string() }).optional(),
})

/**
 * Reads a stranger's `runway.yml` in a process of its own, with bounds on its time and memory. A child that dies or
 * overruns after it has begun is the file's fault and one problem; a child that does not start is ours.
 */
export async function parseConfigInProcess(
  bytes: Uint8Array,
  options: ParseOptions,
  limits: Partial<ParseLimits> = {},
): Promise<ParsedModelConfig> {
  const all = { ...defaultLimits, ...limits }
  // Refused by its length alone, before anything reads it.
  if (bytes.length > configLimits.bytes) return parseModelConfig(bytes, options)
  return await readWith(startReader(all), bytes, options, all)
}

/** Reads model configs as `parseConfigInProcess` does, without its wait for a process to start. */
export interface ConfigReader {
  parse(bytes: Uint8Array, options: ParseOptions): Promise<ParsedModelConfig>
  close(): void
}

/**
 * Keeps `spares` processes started and waiting, each of which reads one file and ends. Starting one takes half a second of
 * a processor and more on a busy machine, while the file takes milliseconds.
 */
export function openConfigReader(spares = 2, limits: Partial<ParseLimits> = {}): ConfigReader {
  const all = { ...defaultLimits, ...limits }
  const waiting: Reader[] = []
  let closed = false
  const fill = () => {
    while (!closed && waiting.length < spares) waiting.push(startReader(all))
  }
  fill()
  return {
    async parse(bytes, options) {
      if (bytes.length > configLimits.bytes) return parseModelConfig(bytes, options)
      // One that ended while it waited is not the file's fault.
      const usable = waiting.splice(0).filter((reader) => !reader.hasEnded())
      const reader = usable.shift() ?? startReader(all)
      waiting.push(...usable)
      try {
        return await readWith(reader, bytes, options, all)
      } finally {
        // Afterwards, so that the next one's start does not slow this one down.
        fill()
      }
    },
    close() {
      closed = true
      for (const { child } of waiting.splice(0)) child.kill('SIGKILL')
    },
  }
}

/** A child that starts, says that it is ready, reads one file and ends. */
interface Reader {
  child: ChildProcessByStdio<Writable, Readable, null>
  /** True when it is ready, false when it ended before. */
  ready: Promise<boolean>
  /** The exit code; null where a signal ended it or it did not start. */
  ended: Promise<number | null>
  hasEnded(): boolean
  output(): string
}

function startReader({ startMs, heapMegabytes, answerBytes, entry }: ParseLimits): Reader {
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMegabytes}`, '--import', import.meta.resolve('tsx'), fileURLToPath(entry)],
    // No environment of ours: the child has nothing to tell. The loader keeps its cache in TMPDIR.
    { env: { TMPDIR: process.env.TMPDIR ?? '/tmp', PATH: process.env.PATH ?? '' }, stdio: ['pipe', 'pipe', 'ignore'] },
  )
  let output = ''
  let over = false
  const late = setTimeout(() => child.kill('SIGKILL'), startMs)
  const ended = new Promise<number | null>((resolve) => {
    const end = (code: number | null) => {
      clearTimeout(late)
      over = true
      resolve(code)
    }
    child.once('error', () => end(null))
    child.once('close', end)
  })
  const ready = new Promise<boolean>((resolve) => {
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text: string) => {
      output += text
      if (output.length > answerBytes) child.kill('SIGKILL')
      if (!output.includes('\n')) return
      clearTimeout(late)
      resolve(true)
    })
    void ended.then(() => resolve(output.includes('\n')))
  })
  // A child that dies closes the pipe; its exit says more than EPIPE.
  child.stdin.on('error', () => {})
  return { child, ready, ended, hasEnded: () => over, output: () => output }
}

async function readWith(
  reader: Reader,
  bytes: Uint8Array,
  options: ParseOptions,
  { workMs }: ParseLimits,
): Promise<ParsedModelConfig> {
  const { child } = reader
  if (!(await reader.ready)) {
    throw new PlatformError('platform/config-reader', 'The reader of runway.yml did not start.', { step: 'config' })
  }
  let overran = false
  const begun = { clock: performance.now(), processor: processorMs(child.pid) }
  const watch = setInterval(
    () => {
      const clock = performance.now() - begun.clock
      const processor = processorMs(child.pid)
      const worked = processor === null || begun.processor === null ? clock : processor - begun.processor
      if (worked < workMs && clock < 10 * workMs) return
      overran = true
      child.kill('SIGKILL')
    },
    Math.min(workMs / 4, 100),
  )
  child.stdin.end(Buffer.concat([Buffer.from(`${JSON.stringify(options)}\n`), bytes]))
  const exitCode = await reader.ended
  clearInterval(watch)
  const output = reader.output()
  const answer = exitCode === 0 ? parseAnswer(output.slice(output.indexOf('\n') + 1)) : null
  return answer ?? { config: null, problems: [unreadable(overran, workMs)] }
}

/** Processor time of a process so far, from the kernel's table; null where there is no such table. */
function processorMs(pid: number | undefined): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    // utime and stime, in the hundredths of a second that Linux shows to programs
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return null
  }
}

function parseAnswer(text: string): ParsedModelConfig | null {
  try {
    return Answer.parse(JSON.parse(text))
  } catch {
    // Half an answer: the child ended in the middle of it.
    return null
  }
}

function unreadable(overran: boolean, workMs: number): Problem {
  return makeProblem({
    code: 'unreadable',
    severity: 'error',
    at: { line: 1, column: 1 },
    understood: overran
      ? `reading the file took longer than ${workMs / 1000} s`
      : 'the reader of the file came to an end without an answer, for example for lack of memory',
    mend: 'keep to the keys that the documentation names, without deep nesting',
  })
}
