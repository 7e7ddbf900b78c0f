import { setTimeout as sleep } from 'node:timers/promises'

/** Waits so many milliseconds, or until `signal` aborts. Leaves no listener behind: what runs for months calls it often. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
