import { writeFileSync } from 'node:fs'

const stages = ['fetch', 'config', 'base', 'build', 'inspect', 'push', 'publish'] as const
const parts = ['start', 'middle', 'end'] as const

/** Where a receiver can be knocked over, in the order in which a delivery passes. */
export const receiverFailPoints = [
  'body-read',
  'signature-checked',
  'before-insert',
  'after-insert',
  'after-commit',
  'after-answer',
  'before-dispatch',
] as const
/** Where a worker can be, in the order in which a build passes. */
export const workerFailPoints = [
  'taken',
  ...stages.flatMap((stage) => parts.map((part) => `${stage}:${part}` as const)),
  'before-publish-commit',
  'after-publish-commit',
  'before-report',
  'after-report-call',
] as const
/** Where a worker can be while it verifies an upload. */
export const uploadFailPoints = ['upload:taken', 'upload:finished', 'upload:hashed', 'upload:done'] as const
const failPoints = [...receiverFailPoints, ...workerFailPoints, ...uploadFailPoints]
export type FailPoint = (typeof failPoints)[number]

const actions = ['kill', 'stop', 'throw'] as const
interface Armed {
  action: (typeof actions)[number]
  /** It acts when it is reached for the nth time in this process. */
  nth: number
  reached: number
  /** A file that shows that it acted; it does not act where the file is. */
  marker: string | null
}

const armed = new Map<FailPoint, Armed>()

/**
 * Reads `FAILPOINT=<name>:kill|stop|throw[:nth]` (a list with commas) and `FAILPOINT_ONCE=<path>`, with which a point acts
 * once and leaves the file `<path>.<name>`, so that the process that is started again goes on. Tests alone set them; the
 * second must come with the first where NODE_ENV is `production`, since a process that always ends is of no use.
 */
export function armFailPoints(env: NodeJS.ProcessEnv): void {
  armed.clear()
  if (!env.FAILPOINT) return
  if (env.NODE_ENV === 'production' && !env.FAILPOINT_ONCE)
    throw new Error('FAILPOINT is for tests: with NODE_ENV=production it needs FAILPOINT_ONCE.')
  for (const text of env.FAILPOINT.split(',')) {
    const found = /^(.+?):(kill|stop|throw)(?::(\d+))?$/.exec(text.trim())
    const name = failPoints.find((known) => known === found?.[1])
    if (!found || !name)
      throw new Error(
        `FAILPOINT: "${text}" is not NAME:kill|stop|throw[:NTH] with a name of apps/builder/src/fail-point.ts.`,
      )
    armed.set(name, {
      action: found[2] as Armed['action'],
      nth: Number(found[3] ?? 1),
      reached: 0,
      marker: env.FAILPOINT_ONCE ? `${env.FAILPOINT_ONCE}.${name}` : null,
    })
  }
}

/** A place where this process can be killed, stopped or made to fail. Does nothing unless it was armed. */
export function failPoint(name: FailPoint): void {
  if (armed.size === 0) return
  const point = armed.get(name)
  if (!point || ++point.reached < point.nth || !leftMarker(point.marker)) return
  if (point.action === 'throw') throw new Error(`the fail-point ${name}`)
  // The kernel does it before the call returns.
  process.kill(process.pid, point.action === 'kill' ? 'SIGKILL' : 'SIGSTOP')
}

/** False where the marker is there already: the point acted before. */
function leftMarker(path: string | null): boolean {
  if (path === null) return true
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
