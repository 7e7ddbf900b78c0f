import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import type { BuildLimits } from './build-driver.ts'
import { type Engine, engineStatus, freeSpace } from './engine.ts'
import { LineSplitter, outputPieces } from './log-lines.ts'

/** How a container ended. `killed` is null when it ended by itself or by a limit of the kernel. */
export interface StepEnd {
  exitCode: number
  /** True also when only a child of the step was killed for memory. */
  outOfMemory: boolean
  durationMs: number
  killed: 'stop' | 'log' | 'disk' | 'engine-disk' | null
}

export interface DiskWatch {
  limits: Pick<BuildLimits, 'diskBytes'>
  minFreeBytes: number
  minFreeInodes: number
}

export interface StepWatch extends DiskWatch {
  limits: Pick<BuildLimits, 'logBytes' | 'diskBytes'>
  stop: AbortSignal
  onLine: (stream: 'stdout' | 'stderr', text: string) => Promise<void> | void
}

export const diskWatchMs = 2000

/**
 * Starts a created container, passes its output on line by line, and waits for its end, which `stop`, the log limit
 * or the disk limit may bring. The container still exists afterwards; none of its processes do.
 */
export async function runStep(engine: Engine, container: Docker.Container, watch: StepWatch): Promise<StepEnd> {
  let killed: StepEnd['killed'] = null
  let attached: Readable | null = null
  let running = false
  let giveUpOutput = () => {}
  const outputGivenUp = new Promise<void>((resolve) => {
    giveUpOutput = resolve
  })
  const kill = async (why: NonNullable<StepEnd['killed']>) => {
    killed ??= why
    if (!running) return
    // First, because the engine ends a container only when its output is read to the end or nobody reads it;
    // the reader may be waiting for a slow reporter.
    attached?.destroy()
    giveUpOutput()
    await container.kill().catch((error) => {
      // 404, 409: it has ended by itself meanwhile.
      if (![404, 409].includes(engineStatus(error) ?? 0)) throw error
    })
  }
  const onStop = () => {
    kill('stop').catch(() => undefined)
  }
  watch.stop.addEventListener('abort', onStop, { once: true })
  let disk: NodeJS.Timeout | undefined
  try {
    attached = (await container.attach({ stream: true, stdout: true, stderr: true })) as unknown as Readable
    const output = passOutput(
      attached,
      watch,
      () => kill('log'),
      () => killed !== null,
    )
    output.catch(() => undefined)
    await container.start()
    running = true
    // After the start: before it the default condition, "not running", holds already, and the condition "next-exit" is
    // missed, for ever, by a container that ends before the engine has read this request.
    const done = container.wait()
    done.catch(() => undefined)
    if (watch.stop.aborted) await kill('stop')

    const { DockerRootDir } = await engine.docker.info()
    const look = async () => {
      const why = await overDisk(container, watch, DockerRootDir).catch(() => null)
      if (why) await kill(why).catch(() => undefined)
      else disk = setTimeout(look, diskWatchMs)
    }
    disk = setTimeout(look, diskWatchMs)

    const ended = done.then(() => 'ended' as const)
    // An error of the reporter (a lost lease, for example) ends the step too.
    await Promise.race([ended, output.then(() => ended)])
    clearTimeout(disk)
    await Promise.race([outputGivenUp, output])

    const found = await inspectWithSize(container)
    if (!killed && (found.SizeRw ?? 0) > watch.limits.diskBytes) killed = 'disk'
    const { ExitCode, OOMKilled, StartedAt, FinishedAt } = found.State
    const durationMs = Math.max(0, new Date(FinishedAt).getTime() - new Date(StartedAt).getTime())
    return { exitCode: ExitCode, outOfMemory: OOMKilled, durationMs, killed }
  } finally {
    clearTimeout(disk)
    watch.stop.removeEventListener('abort', onStop)
    attached?.destroy()
  }
}

async function passOutput(
  attached: Readable,
  watch: StepWatch,
  tooLong: () => Promise<void>,
  isKilled: () => boolean,
): Promise<void> {
  const splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() }
  let bytesSoFar = 0
  const pass = async (stream: 'stdout' | 'stderr', lines: Iterable<string>) => {
    for (const line of lines) {
      const held = watch.onLine(stream, line)
      if (held) await held
    }
  }
  try {
    for await (const { stream, bytes } of outputPieces(attached)) {
      bytesSoFar += bytes.length
      if (bytesSoFar > watch.limits.logBytes) return await tooLong()
      await pass(stream, splitters[stream].push(bytes))
    }
  } catch (error) {
    // A stream that we broke off ourselves ends with an error of its own.
    if (!isKilled()) throw error
    return
  }
  await pass('stdout', splitters.stdout.end())
  await pass('stderr', splitters.stderr.end())
}

/** Which of the disk limits a running container has passed, if any. */
export async function overDisk(container: Docker.Container, watch: DiskWatch, dataRoot: string) {
  const free = await freeSpace(dataRoot)
  if (free && (free.freeBytes < watch.minFreeBytes || free.freeInodes < watch.minFreeInodes))
    return 'engine-disk' as const
  const found = await inspectWithSize(container)
  return (found.SizeRw ?? 0) > watch.limits.diskBytes ? ('disk' as const) : null
}

/** The container's state with the bytes that it added; the client's types know neither the option nor the answer. */
async function inspectWithSize(
  container: Docker.Container,
): Promise<Docker.ContainerInspectInfo & { SizeRw?: number }> {
  const inspect = container.inspect.bind(container) as (options: object) => Promise<Docker.ContainerInspectInfo>
  return await inspect({ size: true })
}
