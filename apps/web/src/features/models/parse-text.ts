import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'

/** Hast is data: the parts that are read here. */
export interface HastNode {
  type: string
  tagName?: string
  value?: string
  properties?: Record<string, unknown>
  children?: HastNode[]
}

const patience = 1500
const startPatience = 20_000
const kept = 100

interface Parser {
  worker: Worker | null
  /** One text at a time, so that each has the whole of its time. */
  queue: Promise<unknown>
  /** Results by the text's hash; also of texts that were given up, so that they cost their time once. */
  known: Map<string, Promise<unknown>>
}

const place = globalThis as typeof globalThis & { modelportText?: Parser }

/** Sanitised Markdown as a tree; null when it takes more time or memory than any README should. */
export const parseMarkdown = (text: string) => parse<HastNode>('markdown', { markdown: text })

/** Lines of code, as pieces of text with a class for their colour. */
export type CodeLines = [text: string, kind?: string][][]

/** Code in a language that highlight.js knows by this name; null when it does not, or takes too long. */
export const highlightCode = (code: string, language: string) =>
  parse<CodeLines>(`code ${language}`, { code, language })

function parse<T>(kind: string, message: object): Promise<T | null> {
  place.modelportText ??= { worker: null, queue: Promise.resolve(), known: new Map() }
  const parser = place.modelportText
  const key = createHash('sha256')
    .update(`${kind}\0${JSON.stringify(message)}`)
    .digest('base64')
  const known = parser.known.get(key)
  if (known) return known as Promise<T | null>
  const result = parser.queue.then(() => parseNow(parser, message)) as Promise<T | null>
  parser.queue = result
  parser.known.set(key, result)
  if (parser.known.size > kept) parser.known.delete(parser.known.keys().next().value!)
  return result
}

async function parseNow(parser: Parser, message: object): Promise<unknown> {
  try {
    parser.worker ??= await startWorker()
  } catch (error) {
    console.error('The thread that parses READMEs did not start; they are shown as text.', error)
    return null
  }
  parser.worker.postMessage(message)
  const answer = await nextMessage(parser.worker, patience)
  if (answer !== null) return (answer as { result: unknown }).result
  void parser.worker.terminate()
  parser.worker = null
  return null
}

async function startWorker(): Promise<Worker> {
  const worker = new Worker(new URL('./text-worker.mjs', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 256, stackSizeMb: 8 },
  })
  // Without a listener an error of the thread, such as running out of memory, would end the process.
  worker.on('error', () => {})
  if ((await nextMessage(worker, startPatience)) === null) throw new Error('no answer from the thread')
  // An idle thread keeps no process alive.
  worker.unref()
  return worker
}

/** What the thread says next; null when it ends or is silent for too long. */
function nextMessage(worker: Worker, milliseconds: number): Promise<unknown> {
  return new Promise((resolve) => {
    const end = (answer: unknown) => {
      clearTimeout(timer)
      worker.off('message', end)
      worker.off('exit', onExit)
      resolve(answer)
    }
    const onExit = () => end(null)
    const timer = setTimeout(onExit, milliseconds)
    worker.on('message', end)
    worker.on('exit', onExit)
  })
}
