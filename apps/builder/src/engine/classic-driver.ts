import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { PlanLayer } from '../build/plan.ts'
import type { BuildDriver, BuildImageRequest, BuildReporter, BuiltImage } from './build-driver.ts'
import { throwUnlessGood, withTimeLimit } from './build-failures.ts'
import { makeCgroupParent } from './cgroup-parent.ts'
import { type ContainerEnd, watchContainers } from './container-events.ts'
import type { DriverConfig } from './driver-config.ts'
import { type BuildNetwork, openBuildNetwork } from './egress.ts'
import { type Engine, engineAbilities, engineStatus, labels } from './engine.ts'
import { finishImage } from './finish-image.ts'
import { assertLimitsHeld, unheldLimits } from './held-limits.ts'
import { cacheRepository } from './image-names.ts'
import { jsonLines } from './json-lines.ts'
import { LayerReports } from './layer-reports.ts'
import { sendArchive } from './normalised-tar.ts'
import { diskWatchMs, overDisk, type StepEnd } from './run-step.ts'
import { type ScopedBuild, scopedBuild } from './scoped-build.ts'

/**
 * A driver that hands the whole plan to the classic builder of the engine. It reads the builder's lines for where a
 * layer begins and the engine's events for how a step ended, because a step can print any line.
 */
export function classicDriver(engine: Engine, config: DriverConfig): BuildDriver {
  const driver: BuildDriver = {
    name: 'classic',
    unheldLimits: async () => unheldLimits('classic', await engineAbilities(engine)),
    buildImage: (request, reporter) =>
      withTimeLimit(request, async (stop) => {
        await assertLimitsHeld(driver, config.unheldLimits)
        return await buildLayers({ engine, config, request, reporter, stop })
      }),
  }
  return driver
}

interface Rooms {
  engine: Engine
  config: DriverConfig
  request: BuildImageRequest
  reporter: BuildReporter
  stop: AbortSignal
}

interface Message {
  stream?: string
  aux?: { ID?: string }
  error?: string
  errorDetail?: { code?: number; message?: string }
}

async function buildLayers(rooms: Rooms): Promise<BuiltImage> {
  const { engine, config, request, stop } = rooms
  const build = await scopedBuild(engine, request, request.baseImage, config)
  stop.throwIfAborted()
  const network = await openBuildNetwork(engine, config.egress, request.egress, request)
  try {
    const parent = (await engineAbilities(engine)).ownCgroups
      ? await makeCgroupParent(
          `modelport-${engine.installation}-${randomBytes(8).toString('hex')}`,
          request.limits.pids,
          network.proxyContainer,
        )
      : null
    try {
      const { imageId, layers } = await runBuilder(rooms, build, network, parent?.name)
      // A named image keeps the layers below it, which are the cache; the reaper weighs and forgets it like any other.
      await engine.docker
        .getImage(imageId)
        .tag({ repo: cacheRepository, tag: `classic-${imageId.replace('sha256:', '')}` })
      stop.throwIfAborted()
      const finished = await finishImage(engine, request, imageId)
      const { Size } = await engine.docker.getImage(finished).inspect()
      return { imageId: finished, sizeBytes: Size, layers }
    } finally {
      await parent?.close()
    }
  } finally {
    await network.close()
  }
}

async function runBuilder(rooms: Rooms, build: ScopedBuild, network: BuildNetwork, cgroupparent: string | undefined) {
  const { engine, request, stop } = rooms
  const { limits } = request
  const events = await watchContainers(engine, `${labels.scope}=${build.scope}`)
  const state: { running: RunningStep | null } = { running: null }
  // Ends the request, and so the build, however this function is left.
  const ending = new AbortController()
  const onStop = () => {
    state.running?.kill('stop')
    ending.abort(stop.reason)
  }
  stop.addEventListener('abort', onStop, { once: true })
  try {
    stop.throwIfAborted()
    const options = {
      version: '1' as const,
      rm: true,
      forcerm: true,
      nocache: !request.useCache,
      memory: limits.memoryBytes,
      memswap: limits.memoryBytes,
      cpuperiod: 100_000,
      cpuquota: Math.round(limits.cpus * 100_000),
      shmsize: 64 * 2 ** 20,
      ulimits: JSON.stringify([
        { Name: 'nofile', Soft: 4096, Hard: 4096 },
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'fsize', Soft: limits.diskBytes, Hard: limits.diskBytes },
      ]),
      networkmode: network.name,
      extrahosts: `egress:${network.proxyAddress}`,
      cgroupparent,
    }
    const answer = (await sendArchive(build.context(), (archive, broken) =>
      engine.docker.buildImage(archive, { ...options, abortSignal: AbortSignal.any([ending.signal, broken]) }),
    )) as unknown as Readable
    answer.on('error', () => undefined)
    return await readBuilder(rooms, build, answer, state, events.endOf)
  } finally {
    stop.removeEventListener('abort', onStop)
    state.running?.kill('stop')
    ending.abort()
    if (state.running) await untilGone(engine, state.running.container)
    events.close()
  }
}

/** Follows the builder's lines to the image, and each step to its end. */
async function readBuilder(
  rooms: Rooms,
  build: ScopedBuild,
  answer: Readable,
  state: { running: RunningStep | null },
  endOf: (container: string) => Promise<ContainerEnd | null>,
) {
  const { engine, request, reporter, stop } = rooms
  const reports = new LayerReports(reporter, stop)
  let layer: PlanLayer | null = null
  let instruction = 0
  let imageId: string | null = null
  const endStep = async (step: RunningStep) => {
    const end = step.end(await endOf(step.container))
    await reports.ended(step.layer, end)
    if (step.layer.kind === 'step') throwUnlessGood(end, request, step.layer.number)
  }
  try {
    for await (const message of jsonLines<Message>(answer)) {
      if (message.aux?.ID) imageId = message.aux.ID
      if (message.error !== undefined) throw new Error(`The classic builder failed: ${message.error.slice(0, 2000)}`)
      const text = message.stream
      if (text === undefined) continue

      const { running } = state
      if (running) {
        // A step knows its container's name and can print this line too, but not while its container is gone.
        const isEnd = text === `Removing intermediate container ${running.container}\n`
        if (isEnd && (await isGone(engine, running.container))) {
          state.running = null
          await endStep(running)
        } else {
          const { stream, bytes } = outputOf(text)
          if (running.counts(bytes.length)) await reports.output(running.layer, stream, bytes)
        }
        continue
      }
      const begun = /^Step (\d+)\/\d+ : /.exec(text)
      if (begun && Number(begun[1]) === instruction + 1) {
        if (layer) await reports.ended(layer, { exitCode: 0, outOfMemory: false, durationMs: 0 })
        layer = build.byInstruction.get(++instruction) ?? null
        if (layer) await reports.started(layer)
      } else if (layer && text === ' ---> Using cache\n') {
        await reports.reused(layer)
      } else if (layer?.kind === 'step') {
        const container = /^ ---> Running in ([0-9a-f]{12})\n$/.exec(text)?.[1]
        if (container) state.running = new RunningStep(rooms, layer, container)
      }
    }
  } catch (error) {
    // What broke the answer off was our own stop; any other error, as a lost lease, is itself what there is to say.
    if (state.running?.isKilled) await endStep(state.running)
    throw error
  }
  if (!imageId) throw new Error('The classic builder ended without an image.')
  return { imageId, layers: reports.layers(request.plan.layers) }
}

/** A step's container while the builder runs it: watched, and killed at a limit. */
class RunningStep {
  readonly layer: PlanLayer
  readonly container: string
  readonly #rooms: Rooms
  #killed: StepEnd['killed'] = null
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(rooms: Rooms, layer: PlanLayer, container: string) {
    this.#rooms = rooms
    this.layer = layer
    this.container = container
    this.#watchDisk()
  }

  /** Counts output; false when it is too much and what follows is dropped. */
  counts(bytes: number): boolean {
    this.#bytes += bytes
    if (this.#bytes > this.#rooms.request.limits.logBytes) this.kill('log')
    return this.#killed === null
  }

  kill(why: NonNullable<StepEnd['killed']>): void {
    if (this.#killed) return
    this.#killed = why
    this.#stopWatching()
    // It may have ended by itself, or not begun yet; then the end of the request stops the builder.
    this.#rooms.engine.docker
      .getContainer(this.container)
      .kill()
      .catch(() => undefined)
  }

  get isKilled(): boolean {
    return this.#killed !== null
  }

  /** What the end means, by what the engine told of the container. Stops watching it. */
  end(told: ContainerEnd | null): StepEnd {
    this.#stopWatching()
    // Nothing told: the container never ran, or the engine is away. Neither is an end of the step's own.
    if (!told && !this.#killed) throw new Error('The engine did not tell how a step ended.')
    return { ...(told ?? { exitCode: 137, outOfMemory: false, durationMs: 0 }), killed: this.#killed }
  }

  #stopWatching(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #watchDisk(): void {
    const { engine, config, request } = this.#rooms
    const look = async () => {
      const { DockerRootDir } = await engine.docker.info()
      const container = engine.docker.getContainer(this.container)
      const why = await overDisk(container, { ...config, limits: request.limits }, DockerRootDir)
      if (why) this.kill(why)
    }
    this.#timer = setTimeout(async () => {
      await look().catch(() => undefined)
      if (!this.#closed && !this.#killed) this.#watchDisk()
    }, diskWatchMs)
  }
}

/** The builder marks what came from the error output by a colour; a step that prints that colour only fools itself. */
function outputOf(text: string): { stream: 'stdout' | 'stderr'; bytes: Buffer } {
  const marked = text.startsWith('\x1b[91m') && text.endsWith('\x1b[0m')
  return marked
    ? { stream: 'stderr', bytes: Buffer.from(text.slice(5, -4)) }
    : { stream: 'stdout', bytes: Buffer.from(text) }
}

async function isGone(engine: Engine, container: string): Promise<boolean> {
  return await engine.docker
    .getContainer(container)
    .inspect()
    .then(
      () => false,
      (error) => {
        if (engineStatus(error) === 404) return true
        throw error
      },
    )
}

/** The engine takes a second or two to clear up after a request that was broken off. */
async function untilGone(engine: Engine, container: string): Promise<void> {
  for (let attempt = 1; attempt <= 100; attempt++) {
    if (await isGone(engine, container)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
