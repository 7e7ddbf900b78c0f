import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Names one run of one process: the boot and the moment in it at which the process started.
 * A pid alone may belong to a stranger by the time it is read back from a file. Null when there is no such process.
 */
export function processIdentity(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the command in brackets and may hold anything, so count from the last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const state = fields[0]
    const startTime = fields[19]
    if (state === 'Z' || state === 'X') return null
    return `${bootId()}:${startTime}`
  } catch {
    return null
  }
}

/** Whether the process that had this pid and identity still runs. */
export function isSameProcess(pid: number, identity: string): boolean {
  return processIdentity(pid) === identity
}

/** Sends a signal to a process group, or to the process alone when it leads no group; a process that is gone is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Stops a process that an earlier start left behind: asks, waits, then kills its group. */
export async function stopLeftover(
  pid: number,
  identity: string,
  signal: NodeJS.Signals = 'SIGTERM',
  graceMs = 10_000,
): Promise<void> {
  if (!isSameProcess(pid, identity)) return
  process.kill(pid, signal)
  const deadline = Date.now() + graceMs
  while (isSameProcess(pid, identity) && Date.now() < deadline) await sleep(20)
  signalGroup(pid, 'SIGKILL')
  while (isSameProcess(pid, identity)) await sleep(20)
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}
