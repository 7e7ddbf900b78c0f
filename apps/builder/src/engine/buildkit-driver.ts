import type { Readable } from 'node:stream'
import { PlatformError } from '../build/build-error.ts'
import type { PlanLayer } from '../build/plan.ts'
import type { BuildDriver, BuildImageRequest, BuildReporter, BuiltImage } from './build-driver.ts'
import { throwUnlessGood, withTimeLimit } from './build-failures.ts'
import { type BuildkitStatus, decodeStatus, type Vertex, vertexMs } from './buildkit-status.ts'
import type { DriverConfig } from './driver-config.ts'
import { proxyOnDefaultNetwork } from './egress.ts'
import { type Engine, engineAbilities, freeSpace } from './engine.ts'
import { finishImage } from './finish-image.ts'
import { assertLimitsHeld, unheldLimits } from './held-limits.ts'
import { jsonLines } from './json-lines.ts'
import { LayerReports } from './layer-reports.ts'
import { sendArchive } from './normalised-tar.ts'
import { diskWatchMs, type StepEnd } from './run-step.ts'
import { type ScopedBuild, scopedBuild } from './scoped-build.ts'

/**
 * A driver that hands the whole plan to the BuildKit of the engine. BuildKit of engine 20.10 holds few limits
 * (`held-limits.ts`): this is for an operator whose publishers are all trusted, or whose engine is a throwaway machine.
 * Its cache belongs to the engine, which keeps it small by its own setting `builder.gc`.
 */
export function buildkitDriver(engine: Engine, config: DriverConfig): BuildDriver {
  const driver: BuildDriver = {
    name: 'buildkit',
    unheldLimits: async () => unheldLimits('buildkit', await engineAbilities(engine)),
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
  id?: string
  aux?: string | { ID?: string }
  error?: string
}

async function buildLayers(rooms: Rooms): Promise<BuiltImage> {
  const { engine, config, request, stop } = rooms
  const base = await nameOf(engine, request.baseImage)
  const build = await scopedBuild(engine, request, base, config)
  stop.throwIfAborted()
  const proxy = `http://${await proxyOnDefaultNetwork(engine, config.egress, request.egress)}:3128`
  const { imageId, layers } = await runBuilder(rooms, build, proxy)
  stop.throwIfAborted()
  const finished = await finishImage(engine, request, imageId)
  const { Size } = await engine.docker.getImage(finished).inspect()
  return { imageId: finished, sizeBytes: Size, layers }
}

/** BuildKit knows no image by its id: it asks the public hub for one named `sha256` (20.10.24). */
async function nameOf(engine: Engine, image: string): Promise<string> {
  const { RepoTags } = await engine.docker.getImage(image).inspect()
  const name = RepoTags?.[0]
  if (!name) throw new PlatformError('build/engine-failed', 'The base image has no name, and BuildKit needs one.')
  return name
}

async function runBuilder(rooms: Rooms, build: ScopedBuild, proxy: string) {
  const { engine, config, request, reporter, stop } = rooms
  const { plan, limits } = request
  const reports = new LayerReports(reporter, stop)
  const ending = new AbortController()
  let killed: StepEnd['killed'] = null
  const kill = (why: NonNullable<StepEnd['killed']>) => {
    killed ??= why
    ending.abort(new Error(why))
  }
  const onStop = () => kill('stop')
  stop.addEventListener('abort', onStop, { once: true })
  const { DockerRootDir } = await engine.docker.info()
  const disk = setInterval(async () => {
    const free = await freeSpace(DockerRootDir)
    if (free && (free.freeBytes < config.minFreeBytes || free.freeInodes < config.minFreeInodes)) kill('engine-disk')
  }, diskWatchMs)
  let answer: Readable | null = null
  let running: PlanLayer | null = null
  try {
    stop.throwIfAborted()
    // These four are known to the builder: they are in no image's history and in no cache key.
    const buildargs = Object.fromEntries(
      ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'].map((name) => [name, proxy]),
    )
    const options = {
      version: '2' as const,
      rm: true,
      forcerm: true,
      nocache: !request.useCache,
      buildargs,
    }
    answer = (await sendArchive(build.context(), (archive, broken) =>
      engine.docker.buildImage(archive, { ...options, abortSignal: AbortSignal.any([ending.signal, broken]) }),
    )) as unknown as Readable
    answer.on('error', () => undefined)

    const layerOf = new Map<string, PlanLayer>()
    let imageId: string | null = null
    let bytes = 0
    const see = async ({ vertexes, logs }: BuildkitStatus) => {
      for (const vertex of vertexes) {
        const number = /^\[ *(\d+)\/\d+\] /.exec(vertex.name)?.[1]
        const layer = number ? build.byFileInstruction.get(Number(number)) : undefined
        if (!layer) continue
        layerOf.set(vertex.digest, layer)
        if (vertex.started && !vertex.cached) {
          running = layer
          await reports.started(layer)
        }
      }
      for (const log of logs) {
        const layer = layerOf.get(log.vertex)
        bytes += log.msg.length
        if (bytes > limits.logBytes) kill('log')
        if (layer && !killed) await reports.output(layer, log.stream === 2 ? 'stderr' : 'stdout', log.msg)
      }
      for (const vertex of vertexes) {
        const layer = layerOf.get(vertex.digest)
        if (!layer || !vertex.completed) continue
        if (vertex.cached) {
          await reports.reused(layer)
          continue
        }
        const end = endOf(vertex, killed)
        if (running === layer) running = null
        await reports.ended(layer, end)
        if (layer.kind === 'step') throwUnlessGood(end, request, layer.number)
      }
    }
    try {
      for await (const message of jsonLines<Message>(answer)) {
        if (typeof message.aux === 'object') imageId = message.aux.ID ?? imageId
        else if (message.id === 'moby.buildkit.trace') await see(decodeStatus(message.aux ?? ''))
        if (message.error !== undefined) throw new Error(`BuildKit failed: ${message.error.slice(-2000)}`)
      }
    } catch (error) {
      const step = running as PlanLayer | null
      if (step?.kind === 'step' && killed) {
        const end = { exitCode: 137, outOfMemory: false, durationMs: 0, killed }
        await reports.ended(step, end)
        throwUnlessGood(end, request, step.number)
      }
      throw error
    }
    if (!imageId) throw new Error('BuildKit ended without an image.')
    return { imageId, layers: reports.layers(plan.layers) }
  } finally {
    clearInterval(disk)
    stop.removeEventListener('abort', onStop)
    ending.abort()
    // The client closes its session with the builder at this event only, which an answer that broke off does not have.
    if (answer && !answer.readableEnded) answer.emit('end')
  }
}

/** The engine tells the exit code at the very end of a sentence that holds the command; nothing tells of memory. */
function endOf(vertex: Vertex, killed: StepEnd['killed']): StepEnd {
  const told = /exit code: (\d+)$/.exec(vertex.error)?.[1]
  const exitCode = vertex.error === '' ? 0 : told ? Number(told) : 137
  if (exitCode !== 0 && !told && !killed) throw new Error(`BuildKit failed: ${vertex.error.slice(-2000)}`)
  return { exitCode, outOfMemory: false, durationMs: vertexMs(vertex), killed }
}
