import { PlatformError } from '../build/build-error.ts'
import type { BuildDriver } from './build-driver.ts'

/** A limit that the builds of an installation run without. */
export interface UnheldLimit {
  name: LimitName
  /** What that means, as one sentence for the operator. */
  means: string
}

/** What a build must be kept from, in the words of the operator's pages. */
export const limitNames = [
  'memory',
  'cpu',
  'processes',
  'disk',
  'log',
  'system calls',
  'capabilities',
  'network',
  'names',
] as const
export type LimitName = (typeof limitNames)[number]

/** Limits that no engine here holds by itself: the worker watches them and ends the step. */
export const watchedLimits: readonly LimitName[] = ['disk', 'log']

/** What the operator said about limits that the chosen engine and driver cannot hold. */
export type UnheldPolicy = 'refuse' | 'accept'

/** What a driver's promises depend on: the engine's own answer, and whether we may make cgroups beside its own. */
export interface EngineAbilities {
  memory: boolean
  cpu: boolean
  pids: boolean
  seccomp: boolean
  ownCgroups: boolean
}

const withoutEngine: Pick<Record<LimitName, string>, 'memory' | 'cpu' | 'processes' | 'system calls'> = {
  memory: 'The kernel of the engine keeps no account of memory: a step may take all of it.',
  cpu: 'The kernel of the engine holds no CPU quota: a step may take every core.',
  processes: 'The kernel of the engine counts no processes: a fork bomb takes the machine.',
  'system calls': 'The engine filters no system calls.',
}

// The classic builder takes neither capabilities nor DNS options (API 1.41 `POST /build`), and a process limit only
// through a parent cgroup. On an internal network the engine's own resolver still answers outside names where the
// machine's resolver has a loopback address (CVE-2024-29018, mended in 23.0.11, 25.0.5 and 26.0).
const withoutClassic = {
  processes: 'The classic builder limits processes only in a cgroup that the worker makes, which it may not here.',
  capabilities: "The classic builder runs steps with the engine's default capabilities and with setuid programs.",
  names: 'The classic builder gives steps the resolver of the engine, by which they may pass words to the outside.',
} satisfies Partial<Record<LimitName, string>>

// BuildKit of engine 20.10 takes these parameters and ignores them, without a word (measured); it refuses other networks
// than `default`, `host` and `none`, and cuts a step's output at 1 MiB but lets the step go on.
const withoutBuildkit = {
  memory: "BuildKit ignores the memory limit: a step may take all of the engine's.",
  cpu: 'BuildKit ignores the CPU limit: a step may take every core.',
  processes: 'BuildKit has no process limit: a fork bomb takes the machine.',
  disk: 'BuildKit tells of no container, so that what a step writes is seen only when the disk is nearly full.',
  log: 'BuildKit cuts the output of a step at 1 MiB and lets it print on to the time limit.',
  capabilities: "BuildKit runs steps with the engine's default capabilities and with setuid programs.",
  network: 'BuildKit runs steps on the default network: this machine, its neighbours and its metadata can be reached.',
  names: 'BuildKit gives steps the resolver of the machine.',
} satisfies Partial<Record<LimitName, string>>

/** The limits that a driver cannot hold on an engine with these abilities. */
export function unheldLimits(driver: BuildDriver['name'], engine: EngineAbilities): UnheldLimit[] {
  const unheld = new Map<LimitName, string>()
  if (!engine.memory) unheld.set('memory', withoutEngine.memory)
  if (!engine.cpu) unheld.set('cpu', withoutEngine.cpu)
  if (!engine.pids) unheld.set('processes', withoutEngine.processes)
  if (!engine.seccomp) unheld.set('system calls', withoutEngine['system calls'])
  const also: Partial<Record<LimitName, string>> =
    driver === 'classic' ? withoutClassic : driver === 'buildkit' ? withoutBuildkit : {}
  for (const [name, means] of Object.entries(also) as [LimitName, string][]) {
    if (driver === 'classic' && name === 'processes' && engine.ownCgroups) continue
    if (!unheld.has(name)) unheld.set(name, means)
  }
  return [...unheld].map(([name, means]) => ({ name, means }))
}

/** Throws when a driver cannot hold every limit and the operator did not accept that. */
export async function assertLimitsHeld(
  driver: Pick<BuildDriver, 'name' | 'unheldLimits'>,
  policy: UnheldPolicy,
): Promise<void> {
  const unheld = await driver.unheldLimits()
  if (unheld.length === 0 || policy === 'accept') return
  const names = unheld.map((limit) => limit.name).join(', ')
  throw new PlatformError(
    'build/engine-without-limits',
    `With BUILD_ENGINE=${driver.name} this container engine cannot hold these limits of a build: ${names}. ` +
      'Choose another BUILD_ENGINE, or run builds without them by BUILD_UNHELD_LIMITS=accept.',
  )
}
