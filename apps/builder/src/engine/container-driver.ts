import { createHash } from 'node:crypto'
import { BuildError, Cancelled, PlatformError, PublisherError, TimedOut } from '../build/build-error.ts'
import { imageCommand } from '../build/image-command.ts'
import type { PlanLayer } from '../build/plan.ts'
import type { BuildDriver, BuildImageRequest, BuildReporter, BuiltImage } from './build-driver.ts'
import { type BuildNetwork, type EgressConfig, openBuildNetwork } from './egress.ts'
import { type Engine, engineStatus, labels, removing } from './engine.ts'
import { layerKeys } from './layer-keys.ts'
import { entriesOf, hashEntries, type TarEntry, tarOf } from './normalised-tar.ts'
import { runStep, type StepEnd } from './run-step.ts'

/** What the container driver needs beside an engine. */
export interface ContainerDriverConfig {
  egress: EgressConfig
  /** A build is stopped as our fault when the engine's disk has less than this left. */
  minFreeBytes: number
  minFreeInodes: number
  /** Milliseconds since 1970; the week of it is in every cache key. */
  now?: () => number
}

/** The repository of cached layers (`modelport-cache:<key>`) and of finished images that nobody has named yet. */
export const cacheRepository = 'modelport-cache'
export const stagingRepository = 'modelport-staging'

/** The name that a finished image carries in the engine until its caller has pushed or named it. */
export function stagingReference(build: { buildId: string; epoch: number; target: string }): string {
  const id = createHash('sha256').update(build.buildId).digest('hex').slice(0, 24)
  return `${stagingRepository}:${id}-${build.epoch}-${build.target}`
}

/**
 * A driver that runs each step in a container of its own and commits it. The caller removes the staging reference
 * (`stagingReference`) when it has pushed or named the image; everything else of the build is gone when this returns.
 */
export function containerDriver(engine: Engine, config: ContainerDriverConfig): BuildDriver {
  return {
    name: 'container',
    async buildImage(request, reporter) {
      // Our own controller and timer: a signal of `AbortSignal.timeout` that only `AbortSignal.any` holds may be collected.
      const stopping = new AbortController()
      const onAbort = () => stopping.abort(request.signal.reason)
      request.signal.addEventListener('abort', onAbort, { once: true })
      if (request.signal.aborted) onAbort()
      const milliseconds = request.limits.seconds * 1000
      const timer = setTimeout(() => stopping.abort(new Error('time limit')), milliseconds)
      const deadlineAt = Date.now() + milliseconds
      try {
        return await buildLayers({ engine, config, request, reporter, stop: stopping.signal, deadlineAt })
      } catch (error) {
        throw asBuildError(error, request, stopping.signal)
      } finally {
        clearTimeout(timer)
        request.signal.removeEventListener('abort', onAbort)
      }
    },
  }
}

interface Rooms {
  engine: Engine
  config: ContainerDriverConfig
  request: BuildImageRequest
  reporter: BuildReporter
  /** Aborted by the caller or by the time limit. */
  stop: AbortSignal
  deadlineAt: number
}

async function buildLayers(rooms: Rooms): Promise<BuiltImage> {
  const { engine, config, request, reporter, stop } = rooms
  const { layers } = request.plan
  await assertLimitsHold(engine)

  const copied = new Map<PlanLayer, TarEntry[]>()
  const hashes = new Map<PlanLayer, string>()
  for (const layer of layers) {
    if (layer.kind === 'step') continue
    stop.throwIfAborted()
    const files = layer.kind === 'copy-files' ? layer.files : request.plan.files
    const empty = layer.kind === 'copy-files' ? [] : request.plan.emptyDirectories
    const entries = await entriesOf(request.sourceDir, files, empty, 'model')
    copied.set(layer, entries)
    hashes.set(layer, await hashEntries(entries))
  }
  const keys = layerKeys(
    {
      installation: engine.installation,
      cacheScope: request.cacheScope,
      cacheSalt: request.cacheSalt,
      baseImage: request.baseImage,
      target: request.target,
      egress: request.egress,
      now: (config.now ?? Date.now)(),
    },
    layers,
    (layer) => hashes.get(layer)!,
  )

  const cached = request.useCache ? await deepestCached(engine, keys) : null
  const reused = cached ? cached.index + 1 : 0
  const made: BuiltImage['layers'] = []
  let image = cached?.imageId ?? request.baseImage
  let network: BuildNetwork | null = null
  try {
    for (const [index, layer] of layers.entries()) {
      stop.throwIfAborted()
      const isReused = index < reused
      if (layer.kind !== 'step') {
        made.push({ kind: 'copy', step: null, reused: isReused })
        if (!isReused) image = await copyLayer(rooms, image, copied.get(layer)!, keys[index]!)
        continue
      }
      const step = `build:${layer.number}`
      made.push({ kind: 'step', step, reused: isReused })
      await reporter.stepStarted(step, layer.text)
      if (isReused) {
        await reporter.line(
          step,
          'note',
          'Nothing changed since an earlier build of this publisher: its layer is used again.',
        )
        await reporter.stepEnded(step, { exitCode: 0, outOfMemory: false, cached: true, durationMs: 0 })
        continue
      }
      network ??= await openBuildNetwork(engine, config.egress, request.egress, request)
      image = await stepLayer(rooms, image, layer, network, keys[index]!)
    }
    stop.throwIfAborted()
    const imageId = await finishImage(rooms, image)
    const { Size } = await engine.docker.getImage(imageId).inspect()
    return { imageId, sizeBytes: Size, layers: made }
  } finally {
    await network?.close()
  }
}

/** Looks for the last layer whose key the cache knows; every layer before it is in it. Marks it as used now. */
async function deepestCached(engine: Engine, keys: string[]): Promise<{ index: number; imageId: string } | null> {
  for (let index = keys.length - 1; index >= 0; index--) {
    try {
      const image = engine.docker.getImage(`${cacheRepository}:${keys[index]}`)
      const { Id } = await image.inspect()
      // Naming it again moves the engine's own "last tagged" time, by which the reaper finds layers that nobody uses.
      await image.tag({ repo: cacheRepository, tag: keys[index]! })
      return { index, imageId: Id }
    } catch (error) {
      if (engineStatus(error) !== 404) throw error
    }
  }
  return null
}

async function copyLayer(rooms: Rooms, from: string, entries: TarEntry[], key: string): Promise<string> {
  const { engine, request } = rooms
  const container = await engine.docker.createContainer({
    Image: from,
    Entrypoint: [],
    Cmd: ['copy of the project'],
    User: '0',
    WorkingDir: '/model',
    Labels: containerLabels(rooms),
    HostConfig: { NetworkMode: 'none', LogConfig: { Type: 'none', Config: {} } },
  })
  try {
    await container.putArchive(tarOf(entries), { path: '/', abortSignal: request.signal })
    const committed = await container.commit({
      _query: { container: container.id, repo: cacheRepository, tag: key, pause: 'false' },
      _body: { Labels: cacheLabels },
    })
    return committed.Id
  } finally {
    await removing(container.remove({ force: true, v: true }))
  }
}

async function stepLayer(
  rooms: Rooms,
  from: string,
  layer: Extract<PlanLayer, { kind: 'step' }>,
  network: BuildNetwork,
  key: string,
): Promise<string> {
  const { engine, config, request, reporter, stop } = rooms
  const step = `build:${layer.number}`
  const secondsLeft = Math.max(1, Math.ceil((rooms.deadlineAt - Date.now()) / 1000))
  const container = await engine.docker.createContainer({
    Image: from,
    Entrypoint: [],
    Cmd: [
      '/opt/modelport/step',
      String(secondsLeft + 30),
      request.target,
      request.substitutionPolicy,
      String(layer.number),
      layer.text,
    ],
    User: '0',
    WorkingDir: '/model',
    Labels: containerLabels(rooms),
    HostConfig: stepLimits(request, network),
  })
  try {
    const end = await runStep(engine, container, {
      limits: request.limits,
      minFreeBytes: config.minFreeBytes,
      minFreeInodes: config.minFreeInodes,
      stop,
      onLine: (stream, text) => reporter.line(step, stream, text),
    })
    await reporter.stepEnded(step, { ...end, cached: false })
    throwUnlessGood(end, request, layer)
    stop.throwIfAborted()
    const committed = await container.commit({
      _query: { container: container.id, repo: cacheRepository, tag: key, pause: 'false' },
      _body: { Labels: cacheLabels },
    })
    return committed.Id
  } finally {
    await removing(container.remove({ force: true, v: true }))
  }
}

function throwUnlessGood(end: StepEnd, request: BuildImageRequest, layer: { number: number; text: string }): void {
  const { limits } = request
  const place = { step: `build:${layer.number}`, exitCode: end.exitCode, outOfMemory: end.outOfMemory }
  if (end.killed === 'log') {
    const sentence = `Build step ${layer.number} printed more than ${megabytes(limits.logBytes)} and was stopped.`
    throw new PublisherError('build/log-too-long', sentence, place)
  }
  if (end.killed === 'disk') {
    const sentence = `Build step ${layer.number} wrote more than ${megabytes(limits.diskBytes)} and was stopped.`
    throw new PublisherError('build/disk-limit', sentence, place)
  }
  if (end.killed === 'engine-disk') {
    throw new PlatformError('build/engine-disk-full', 'The disk of the container engine is nearly full.', place)
  }
  if (end.killed === 'stop') {
    if (request.signal.aborted) throw cancelled(request)
    throw timedOut(request, place)
  }
  if (end.exitCode === 0) return
  // 124 is the deadline inside the container, which fires when this process was held up.
  if (end.exitCode === 124 && end.durationMs > limits.seconds * 1000) throw timedOut(request, place)
  if (end.outOfMemory) {
    const sentence = `Build step ${layer.number} ran out of memory (${megabytes(limits.memoryBytes)}).`
    throw new PublisherError('build/out-of-memory', sentence, place)
  }
  throw new PublisherError(
    'build/step-failed',
    `Build step ${layer.number} ended with exit code ${end.exitCode}.`,
    place,
  )
}

/** Commits the image that people run: its command, environment and labels, which no layer below may carry. */
async function finishImage(rooms: Rooms, from: string): Promise<string> {
  const { engine, request } = rooms
  const [repo, tag] = stagingReference(request).split(':') as [string, string]
  const container = await engine.docker.createContainer({
    Image: from,
    Entrypoint: [],
    Cmd: imageCommand(request.plan.entrypoint),
    Env: Object.entries(request.plan.env).map(([name, value]) => `${name}=${value}`),
    User: '',
    WorkingDir: '/model',
    Labels: { ...request.labels, ...containerLabels(rooms) },
    HostConfig: { NetworkMode: 'none', LogConfig: { Type: 'none', Config: {} } },
  })
  try {
    const committed = await container.commit({
      _query: { container: container.id, repo, tag, pause: 'false' },
      _body: { Labels: { [labels.purpose]: 'image' } },
    })
    return committed.Id
  } finally {
    await removing(container.remove({ force: true, v: true }))
  }
}

function stepLimits(request: BuildImageRequest, network: BuildNetwork) {
  const { limits } = request
  return {
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    NanoCpus: Math.round(limits.cpus * 1e9),
    PidsLimit: limits.pids,
    CapDrop: ['ALL'],
    // What apt, dpkg's maintainer scripts, `su` and `setcap` need; no raw sockets, devices, chroot or tracing.
    CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETUID', 'SETGID', 'SETFCAP'],
    SecurityOpt: ['no-new-privileges'],
    // The output goes to us alone; a log file of the engine would be a second disk to fill.
    LogConfig: { Type: 'none', Config: {} },
    IpcMode: 'private',
    ShmSize: 64 * 2 ** 20,
    // Where memory ends for the whole machine, a step goes before the worker does.
    OomScoreAdj: 500,
    Ulimits: [
      { Name: 'nofile', Soft: 4096, Hard: 4096 },
      { Name: 'core', Soft: 0, Hard: 0 },
      { Name: 'fsize', Soft: limits.diskBytes, Hard: limits.diskBytes },
    ],
    NetworkMode: network.name,
    ExtraHosts: [`egress:${network.proxyAddress}`],
    // Names are the proxy's business; with no resolver there is no channel, and a look-up fails in two seconds.
    Dns: ['127.0.0.1'],
    DnsOptions: ['timeout:1', 'attempts:1'],
  }
}

function containerLabels({ engine, request }: Rooms): Record<string, string> {
  return {
    [labels.installation]: engine.installation,
    [labels.build]: request.buildId,
    [labels.epoch]: String(request.epoch),
    [labels.purpose]: 'build',
  }
}

// A commit hands the container's labels on, and a label can be emptied but not removed.
const cacheLabels = { [labels.build]: '', [labels.epoch]: '', [labels.purpose]: 'cache' }

/** Refuses to build on an engine that would ignore a limit instead of holding it. */
async function assertLimitsHold(engine: Engine): Promise<void> {
  const info = await engine.docker.info()
  const missing = [
    ['memory', info.MemoryLimit],
    ['CPU', info.CpuCfsQuota],
    ['process', info.PidsLimit],
  ].flatMap(([name, held]) => (held ? [] : [name]))
  if (missing.length > 0) {
    throw new PlatformError(
      'build/engine-without-limits',
      `The container engine cannot hold the ${missing.join(', ')} limit of a build.`,
    )
  }
}

function asBuildError(error: unknown, request: BuildImageRequest, stop: AbortSignal): BuildError {
  if (error instanceof BuildError) return error
  if (request.signal.aborted) return cancelled(request)
  if (stop.aborted) return timedOut(request, {})
  return new PlatformError(
    'build/engine-failed',
    'The container engine failed while it made the image.',
    {},
    { cause: error },
  )
}

function cancelled(request: BuildImageRequest): Cancelled {
  return new Cancelled('build/cancelled', 'The build was cancelled.', {}, { cause: request.signal.reason })
}

function timedOut(request: BuildImageRequest, place: ConstructorParameters<typeof TimedOut>[2]): TimedOut {
  const minutes = request.limits.seconds / 60
  const limit = minutes >= 1 ? `${Math.round(minutes)} minutes` : `${request.limits.seconds} seconds`
  return new TimedOut('build/timed-out', `The build steps took longer than ${limit} together.`, place)
}

function megabytes(bytes: number): string {
  return bytes >= 2 ** 30 ? `${Number((bytes / 2 ** 30).toFixed(1))} GB` : `${Math.round(bytes / 2 ** 20)} MB`
}
