import type { Readable } from 'node:stream'
import type { Engine } from './engine.ts'
import { jsonLines } from './json-lines.ts'

/** How a container ended, as the engine's own events tell it. */
export interface ContainerEnd {
  exitCode: number
  outOfMemory: boolean
  durationMs: number
}

interface Event {
  Action: string
  id: string
  timeNano: number
  Actor: { Attributes: { exitCode?: string } }
}

/**
 * Listens to the ends of containers with a label. The classic builder removes a step's container before anybody can ask
 * it, and what it says of the end is a line among the step's own.
 */
export async function watchContainers(
  engine: Engine,
  label: string,
): Promise<{ endOf(shortId: string): Promise<ContainerEnd | null>; close(): void }> {
  const events = (await engine.docker.getEvents({
    filters: { type: ['container'], event: ['start', 'oom', 'die'], label: [label] },
  })) as unknown as Readable
  events.on('error', () => undefined)
  const started = new Map<string, number>()
  const outOfMemory = new Set<string>()
  const ends = new Map<string, ContainerEnd>()
  let wake = () => {}
  const read = async () => {
    for await (const event of jsonLines<Event>(events)) {
      const id = event.id.slice(0, 12)
      const at = event.timeNano / 1e6
      if (event.Action === 'start') started.set(id, at)
      if (event.Action === 'oom') outOfMemory.add(id)
      if (event.Action === 'die') {
        const exitCode = Number(event.Actor.Attributes.exitCode ?? 1)
        const durationMs = Math.max(0, Math.round(at - (started.get(id) ?? at)))
        ends.set(id, { exitCode, outOfMemory: outOfMemory.has(id), durationMs })
        wake()
      }
    }
  }
  // Broken off by `close`; who waits for an end that never comes gets null.
  read().catch(() => undefined)
  return {
    async endOf(shortId) {
      const deadline = Date.now() + 5000
      for (;;) {
        const end = ends.get(shortId)
        if (end || Date.now() > deadline) return end ?? null
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 200)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    },
    close: () => void events.destroy(),
  }
}
