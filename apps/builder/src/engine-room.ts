import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkerReport } from '@modelport/db/queries/workers'
import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { mirrorNetworks, readMachineMirror } from './bases/apt-mirror.ts'
import { type BaseImage, ensureBase, findImage } from './bases/make-base.ts'
import { substitutionRecord } from './build/package-substitutions.ts'
import type { WorkerConfig } from './config.ts'
import type { WorkerContext } from './context.ts'
import type { BuildDriver } from './engine/build-driver.ts'
import { type Engine, openEngine, probeEngine } from './engine/engine.ts'
import { assertLimitsHeld, limitNames, watchedLimits } from './engine/held-limits.ts'
import { stagingReference } from './engine/image-names.ts'
import { inspectImage } from './engine/inspect-image.ts'
import { openBuildDriver } from './engine/open-build-driver.ts'
import { readImageFile } from './engine/read-image-file.ts'
import { reap } from './engine/reaper.ts'
import { forgetImage, openImageStore } from './image-registry/client.ts'
import { imageRepository, imageTag } from './image-registry/image-name.ts'
import type { IsLive } from './jobs/sweep.ts'
import { described, type Logger } from './log.ts'

/** The engine as the worker uses it. */
export interface EngineRoom {
  forBuilds: ForBuilds
  reap(isLive: IsLive): Promise<void>
  /** What the engine is and which limits of a build are held, asked now; the engine is null while it does not answer. */
  describe(): Promise<Pick<WorkerReport, 'engine' | 'limits'>>
}

type ForBuilds = Pick<
  WorkerContext,
  'driver' | 'ensureBase' | 'readSubstitutionRecord' | 'inspectImage' | 'pushImage' | 'releaseImages'
>

/**
 * Everything of the worker that touches the engine. Opening it sends nothing but a probe, whose answer is logged. Throws
 * when the engine cannot hold every limit of a build and the operator did not accept that.
 */
export async function openEngineRoom(config: WorkerConfig, log: Logger): Promise<EngineRoom> {
  const engine = openEngine({ socketPath: config.dockerSocket, installation: config.installationId })
  const answers = await probeEngine(engine).then(
    (found) => {
      log.info(found, 'engine')
      return true
    },
    (error) => {
      log.error(described(error), 'the engine does not answer; builds wait for it')
      return false
    },
  )
  const mirror = await readMachineMirror()
  const lockDir = join(config.home, 'locks')
  await mkdir(lockDir, { recursive: true })
  // The recipe and the SDK are files of this release: what they came to is worked out once, and later builds only ask the
  // engine whether it still has the image.
  const made = new Map<string, BaseImage>()
  const makeBase: ForBuilds['ensureBase'] = async (entry, onProgress, signal) => {
    const known = made.get(entry.id)
    if (known && (await findImage(engine, known.reference)) === known.imageId) return known
    const base = await ensureBase(engine, entry, {
      mirror,
      sdkDir: config.sdkDir,
      recipeDir: config.basesDir,
      lockDir,
      signal,
      onProgress,
    })
    made.set(entry.id, base)
    return base
  }
  // Any base holds the proxy's program; the one of the newest Debian that most models use is likely there already.
  const proxyBase = debianCatalogue.entries.find((entry) => entry.python === '3.11' && entry.cuda === null)!
  const driver = openBuildDriver(config.buildEngine, engine, {
    egress: {
      image: async () => (await makeBase(proxyBase, () => {}, AbortSignal.timeout(600_000))).imageId,
      allowNets: await mirrorNetworks(mirror),
      allowHosts: [],
      upstream: mirror.proxy && new URL(mirror.proxy).host,
      maxBuildBytes: 20 * 2 ** 30,
      subnetPrefix: '10.213',
    },
    minFreeBytes: 2 * 2 ** 30,
    minFreeInodes: 50_000,
    unheldLimits: config.unheldLimits,
  })
  // An engine that is away now is asked again before each build.
  if (answers) await tellLimits(driver, config, log)
  const images = openImageStore(
    engine,
    config.imageRegistry === null
      ? null
      : { host: config.imageRegistry, url: `http://${config.imageRegistry}`, credentials: null },
  )
  return {
    forBuilds: {
      driver,
      ensureBase: makeBase,
      readSubstitutionRecord: async (imageId, lease, signal) =>
        (await readImageFile(engine, { imageId, ...lease, ...substitutionRecord, signal }))?.toString() ?? '',
      inspectImage: (imageId, lease, signal) =>
        inspectImage(engine, { imageId, ...lease, ...config.inspect, cpus: config.limits.cpus, signal }),
      pushImage: async (imageId, request, signal) => {
        const name = {
          repository: imageRepository(request.modelId),
          tag: imageTag(request.versionNumber, request.target),
        }
        const { place, ...stored } = await images.store(imageId, name, signal)
        return { ...stored, pushed: place === 'image-registry' }
      },
      releaseImages: (build) => forgetImage(engine, stagingReference(build)),
    },
    describe: () => describeEngine(engine, driver),
    reap: async (isLive) => {
      const day = 86_400_000
      const reaped = await reap(engine, {
        isLive,
        cache: { maxAgeMs: 14 * day, maxBytes: 40 * 2 ** 30 },
        bases: { maxAgeMs: 14 * day },
      })
      const count = reaped.containers.length + reaped.networks.length + reaped.images.length
      if (count > 0) log.info(reaped, 'leftovers removed from the engine')
    },
  }
}

async function describeEngine(engine: Engine, driver: BuildDriver): Promise<Pick<WorkerReport, 'engine' | 'limits'>> {
  const found = await probeEngine(engine).catch(() => null)
  if (!found) return { engine: null, limits: [] }
  const off = new Map((await driver.unheldLimits()).map((limit) => [limit.name, limit.means]))
  return {
    engine: {
      version: found.version,
      runc: found.runc,
      storageDriver: found.storageDriver,
      cgroupVersion: found.cgroupVersion,
      freeBytes: found.dataRoot?.freeBytes ?? null,
    },
    limits: limitNames.map((name) => {
      const means = off.get(name) ?? null
      return { name, means, held: means ? 'off' : watchedLimits.includes(name) ? 'watched' : 'engine' }
    }),
  }
}

async function tellLimits(driver: BuildDriver, config: WorkerConfig, log: Logger): Promise<void> {
  await assertLimitsHeld(driver, config.unheldLimits)
  for (const limit of await driver.unheldLimits()) {
    log.warn({ limit: limit.name, driver: driver.name }, `builds run without a limit: ${limit.means}`)
  }
}
