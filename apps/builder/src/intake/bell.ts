/** Wakes one of those who wait for work; a ring that nobody waits for is kept for the next who does. */
export interface Bell {
  ring(): void
  /** Resolves at a ring, after `ms` milliseconds, or when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export function makeBell(): Bell {
  const waiting = new Set<() => void>()
  let rung = false
  return {
    ring() {
      const [first] = waiting
      if (first) first()
      else rung = true
    },
    wait(ms, signal) {
      if (rung || signal.aborted) {
        rung = false
        return Promise.resolve()
      }
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          waiting.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        const timer = setTimeout(done, ms)
        waiting.add(done)
        signal.addEventListener('abort', done)
      })
    },
  }
}
