import type { KeptState } from './local-state.ts'
import { isSameProcess, stopLeftover } from './process-identity.ts'
import type { Report } from './report.ts'

/** The names of what an earlier start of this home left running. Its engine is not among them: it is taken over where one is looked for. */
export function leftBehind({ processes, processIdentities }: KeptState): string[] {
  return Object.keys(processes)
    .filter((name) => name !== 'supervisor' && name !== 'dockerd')
    .filter((name) => isSameProcess(processes[name]!, processIdentities[name] ?? ''))
}

/** Stops what a start that was killed left running. */
export async function stopLeftovers(kept: KeptState, report: Report): Promise<void> {
  const left = leftBehind(kept)
  if (left.length === 0) return
  await report.step('leftovers of a start that was killed', async (say) => {
    // Last started, first stopped.
    for (const name of left.reverse()) {
      const signal = name === 'postgres' ? 'SIGINT' : 'SIGTERM'
      await stopLeftover(kept.processes[name]!, kept.processIdentities[name]!, signal)
    }
    say(`stopped ${left.join(', ')}`)
  })
}
