import type { World } from '#src/features/files/upload/send-file.ts'

const everyMs = 5000
/** The site takes no more in one request. */
const atOnce = 100

/** Tells the site which parts have arrived: the first at once, and then those of some seconds together, until `signal` aborts. */
export function openPartNotes(world: World, id: string, signal: AbortSignal): { arrived(part: number): void } {
  const untold: number[] = []
  let telling = false

  async function tell(): Promise<void> {
    telling = true
    try {
      while (untold.length > 0) {
        await world.api.note(id, untold.splice(0, atOnce))
        await world.wait(everyMs, signal)
      }
    } catch {
      // Only shown to others; what counts is what the store has.
    } finally {
      telling = false
    }
  }

  return {
    arrived(part) {
      untold.push(part)
      if (!telling) void tell()
    },
  }
}
