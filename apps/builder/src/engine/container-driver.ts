import { stepProgram } from '../build/dockerfile.ts'
import type { PlanLayer } from '../build/plan.ts'
import type { BuildDriver, BuildImageRequest, BuildReporter, BuiltImage } from './build-driver.ts'
import { reusedNote, throwUnlessGood, withTimeLimit } from './build-failures.ts'
import type { DriverConfig } from './driver-config.ts'
import { type BuildNetwork, openBuildNetwork } from './egress.ts'
import { type Engine, engineAbilities, engineStatus, labels, removing } from './engine.ts'
import { buildLabels, finishImage } from './finish-image.ts'
import { assertLimitsHeld, unheldLimits } from './held-limits.ts'
import { cacheRepository } from './image-names.ts'
import { layerKeys } from './layer-keys.ts'
import { entriesOf, hashEntries, sendArchive, type TarEntry, tarOf } from './normalised-tar.ts'
import { runStep } from './run-step.ts'

/**
 * A driver that runs each step in a container of its own and commits it. The caller removes the staging reference
 * (`stagingReference`) when it has pushed or named the image; everything else of the build is gone when this returns.
 */
export function containerDriver(engine: Engine, config: DriverConfig): BuildDriver {
  const driver: BuildDriver = {
    name: 'container',
    unheldLimits: async () => unheldLimits('container', await engineAbilities(engine)),
    buildImage: (request, reporter) =>
      withTimeLimit(request, async (stop, deadlineAt) => {
        await assertLimitsHeld(driver, config.unheldLimits)
        return await buildLayers({ engine, config, request, reporter, stop, deadlineAt })
      }),
  }
  return driver
}

interface Rooms {
  engine: Engine
  config: DriverConfig
  request: BuildImageRequest
  reporter: BuildReporter
  /** Aborted by the caller or by the time limit. */
  stop: AbortSignal
  deadlineAt: number
}

async function buildLayers(rooms: Rooms): Promise<BuiltImage> {
  const { engine, config, request, reporter, stop } = rooms
  const { layers } = request.plan

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
        await reporter.line(step, 'note', reusedNote)
        await reporter.stepEnded(step, { exitCode: 0, outOfMemory: false, cached: true, durationMs: 0 })
        continue
      }
      network ??= await openBuildNetwork(engine, config.egress, request.egress, request)
      image = await stepLayer(rooms, image, layer, network, keys[index]!)
    }
    stop.throwIfAborted()
    const imageId = await finishImage(engine, request, image)
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
    Labels: buildLabels(engine, request),
    HostConfig: { NetworkMode: 'none', LogConfig: { Type: 'none', Config: {} } },
  })
  try {
    await sendArchive(tarOf(entries), (archive, broken) =>
      container.putArchive(archive, { path: '/', abortSignal: AbortSignal.any([request.signal, broken]) }),
    )
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
      stepProgram,
      String(secondsLeft + (config.graceSeconds ?? 30)),
      request.target,
      request.substitutionPolicy,
      String(layer.number),
      layer.text,
    ],
    User: '0',
    WorkingDir: '/model',
    Labels: buildLabels(engine, request),
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
    throwUnlessGood(end, request, layer.number)
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

// A commit hands the container's labels on, and a label can be emptied but not removed.
const cacheLabels = { [labels.build]: '', [labels.epoch]: '', [labels.purpose]: 'cache' }
