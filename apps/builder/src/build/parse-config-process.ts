import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
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
  // Refused by its length alone, before anything reads it.
  if (bytes.length > configLimits.bytes) return parseModelConfig(bytes, options)
  const { startMs, workMs, heapMegabytes, answerBytes, entry } = { ...defaultLimits, ...limits }
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMegabytes}`, '--import', import.meta.resolve('tsx'), fileURLToPath(entry)],
    // No environment of ours: the child has nothing to tell. The loader keeps its cache in TMPDIR.
    { env: { TMPDIR: process.env.TMPDIR ?? '/tmp', PATH: process.env.PATH ?? '' }, stdio: ['pipe', 'pipe', 'ignore'] },
  )
  let output = ''
  let started = false
  let overran = false
  let timer: NodeJS.Timeout = setTimeout(() => child.kill('SIGKILL'), startMs)
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    output += text
    if (output.length > answerBytes) child.kill('SIGKILL')
    if (started || !output.includes('\n')) return
    started = true
    clearTimeout(timer)
    const begun = { clock: performance.now(), processor: processorMs(child.pid) }
    timer = setInterval(
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
  })
  // A child that dies closes the pipe; its exit says more than EPIPE.
  child.stdin.on('error', () => {})
  let exitCode: number | null
  try {
    ;[exitCode] = (await once(child, 'close')) as [number | null]
  } catch (cause) {
    throw new PlatformError(
      'platform/config-reader',
      'The reader of runway.yml did not start.',
      { step: 'config' },
      { cause },
    )
  } finally {
    // Clears an interval as well.
    clearTimeout(timer)
  }
  if (!started) {
    throw new PlatformError('platform/config-reader', 'The reader of runway.yml did not start.', { step: 'config' })
  }
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
