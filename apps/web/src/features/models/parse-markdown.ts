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
  /** Trees by the text's hash; also of texts that were given up, so that they cost their time once. */
  known: Map<string, Promise<HastNode | null>>
}

const place = globalThis as typeof globalThis & { modelportMarkdown?: Parser }

/** Sanitised Markdown as a tree; null when it takes more time or memory than any README should. */
export function parseMarkdown(text: string): Promise<HastNode | null> {
  place.modelportMarkdown ??= { worker: null, queue: Promise.resolve(), known: new Map() }
  const parser = place.modelportMarkdown
  const key = createHash('sha256').update(text).digest('base64')
  const known = parser.known.get(key)
  if (known) return known
  const tree = parser.queue.then(() => parseNow(parser, text))
  parser.queue = tree
  parser.known.set(key, tree)
  if (parser.known.size > kept) parser.known.delete(parser.known.keys().next().value!)
  return tree
}

async function parseNow(parser: Parser, text: string): Promise<HastNode | null> {
  try {
    parser.worker ??= await startWorker()
  } catch (error) {
    console.error('The thread that parses READMEs did not start; they are shown as text.', error)
    return null
  }
  parser.worker.postMessage({ text })
  const answer = await nextMessage(parser.worker, patience)
  if (answer !== null) return (answer as { tree: HastNode | null }).tree
  void parser.worker.terminate()
  parser.worker = null
  return null
}

async function startWorker(): Promise<Worker> {
  const worker = new Worker(new URL('./markdown-worker.mjs', import.meta.url), {
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
