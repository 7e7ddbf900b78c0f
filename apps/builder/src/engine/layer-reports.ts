import type { PlanLayer } from '../build/plan.ts'
import type { BuildReporter, BuiltImage } from './build-driver.ts'
import { reusedNote } from './build-failures.ts'
import type { ContainerEnd } from './container-events.ts'
import { LineSplitter } from './log-lines.ts'

type Stream = 'stdout' | 'stderr'

/** Passes on what one of the engine's builders does with the layers of a plan, in the words of a reporter. */
export class LayerReports {
  readonly #reporter: BuildReporter
  readonly #stop: AbortSignal
  readonly #reused = new Map<PlanLayer, boolean>()
  readonly #splitters = new Map<PlanLayer, Record<Stream, LineSplitter>>()

  constructor(reporter: BuildReporter, stop: AbortSignal) {
    this.#reporter = reporter
    this.#stop = stop
  }

  async started(layer: PlanLayer): Promise<void> {
    if (layer.kind !== 'step' || this.#splitters.has(layer)) return
    this.#splitters.set(layer, { stdout: new LineSplitter(), stderr: new LineSplitter() })
    await this.#reporter.stepStarted(stepName(layer), layer.text)
  }

  async reused(layer: PlanLayer): Promise<void> {
    if (this.#reused.has(layer)) return
    this.#reused.set(layer, true)
    if (layer.kind !== 'step') return
    await this.started(layer)
    await this.#reporter.line(stepName(layer), 'note', reusedNote)
    await this.#reporter.stepEnded(stepName(layer), { exitCode: 0, outOfMemory: false, cached: true, durationMs: 0 })
  }

  /** Waits while the reporter does, which holds the step back as far as the engine lets it; not beyond a stop. */
  async output(layer: PlanLayer, stream: Stream, bytes: Uint8Array): Promise<void> {
    const splitter = this.#splitters.get(layer)?.[stream]
    if (splitter) await this.#pass(layer, stream, splitter.push(bytes))
  }

  async ended(layer: PlanLayer, end: ContainerEnd): Promise<void> {
    if (this.#reused.has(layer)) return
    this.#reused.set(layer, false)
    if (layer.kind !== 'step') return
    for (const [stream, splitter] of Object.entries(this.#splitters.get(layer) ?? {}) as [Stream, LineSplitter][]) {
      await this.#pass(layer, stream, splitter.end())
    }
    await this.#reporter.stepEnded(stepName(layer), { ...end, cached: false })
  }

  /** The layers of a finished image. */
  layers(planned: PlanLayer[]): BuiltImage['layers'] {
    return planned.map((layer) => ({
      kind: layer.kind === 'step' ? 'step' : 'copy',
      step: layer.kind === 'step' ? stepName(layer) : null,
      reused: this.#reused.get(layer) ?? false,
    }))
  }

  async #pass(layer: PlanLayer, stream: Stream, lines: Iterable<string>): Promise<void> {
    for (const line of lines) {
      const held = this.#reporter.line(stepName(layer), stream, line)
      if (held) await unlessAborted(held, this.#stop)
    }
  }
}

function stepName(layer: PlanLayer): string {
  return layer.kind === 'step' ? `build:${layer.number}` : 'copy'
}

async function unlessAborted(work: Promise<void>, stop: AbortSignal): Promise<void> {
  stop.throwIfAborted()
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(stop.reason)
    stop.addEventListener('abort', onAbort, { once: true })
  })
  try {
    await Promise.race([work, aborted])
  } finally {
    stop.removeEventListener('abort', onAbort)
  }
}
