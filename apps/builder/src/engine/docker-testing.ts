import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { mirrorNetworks, readMachineMirror } from '../bases/apt-mirror.ts'
import { type BaseOptions, ensureBase } from '../bases/make-base.ts'
import type { DriverConfig } from './driver-config.ts'
import { type EgressConfig, stopEgress } from './egress.ts'
import { type Engine, labels, listContainers, openEngine } from './engine.ts'
import { stagingRepository } from './image-names.ts'
import { reap, reapBases } from './reaper.ts'

/** The engine's socket of this machine, for tests. */
export const testSocket = process.env.DOCKER_HOST?.replace('unix://', '') ?? '/var/run/docker.sock'

/** Opens an engine as a new installation of its own, and takes all that it made away again. */
export async function openTestEngine(): Promise<{ engine: Engine; close: () => Promise<void> }> {
  const engine = openEngine({ socketPath: testSocket, installation: `test-${randomBytes(6).toString('hex')}` })
  await engine.docker.ping()
  const close = async () => {
    await reap(engine, { isLive: async () => false, cache: { maxAgeMs: 0, maxBytes: 0 }, bases: { maxAgeMs: 0 } })
    await stopEgress(engine)
  }
  return { engine, close }
}

/** Options for making bases from this machine's mirror and the repository's SDK. */
export async function testBaseOptions(): Promise<BaseOptions> {
  const sdk =
    process.env.MODELPORT_SDK_DIR ?? fileURLToPath(new URL('../../../../packages/sdk-python', import.meta.url))
  if (!existsSync(join(sdk, 'build_wheels.py'))) throw new Error(`${sdk} holds no build_wheels.py`)
  return { mirror: await readMachineMirror(), sdkDir: sdk, lockDir: join(tmpdir(), 'modelport-locks') }
}

/**
 * The bookworm CPU base, made on first need (about half a minute). It belongs to an installation of all tests, which keeps
 * it from one run to the next and forgets those that no run uses any more.
 */
export async function testBase(): Promise<string> {
  const engine = openEngine({ socketPath: testSocket, installation: 'test-bases' })
  await reapBases(engine, 14 * 86_400_000)
  const entry = debianCatalogue.entries.find((each) => each.id === 'debian-bookworm-3.11-cpu')!
  const base = await ensureBase(engine, entry, await testBaseOptions())
  return base.imageId
}

/** Egress through a proxy of the given base that also reaches this machine's mirror, wherever that lies. */
export async function testEgress(baseImage: string): Promise<EgressConfig> {
  return {
    image: async () => baseImage,
    allowNets: await mirrorNetworks(await readMachineMirror()),
    allowHosts: [],
    upstream: null,
    maxBuildBytes: 2 ** 30,
    subnetPrefix: '10.213',
  }
}

/** What a driver needs beside an engine, with the strict word about limits. */
export async function testDriverConfig(baseImage: string): Promise<DriverConfig> {
  return { egress: await testEgress(baseImage), minFreeBytes: 2 ** 30, minFreeInodes: 10_000, unheldLimits: 'refuse' }
}

/** Names of what builds of this installation left in the engine, the cache and the proxy aside. */
export async function leftovers(engine: Engine): Promise<string[]> {
  const ours = [`${labels.installation}=${engine.installation}`]
  const containers = await listContainers(engine, { all: true, filters: { label: ours } })
  const networks = await engine.docker.listNetworks({ filters: { label: ours } })
  const images = await engine.docker.listImages({ filters: { reference: [stagingRepository], label: ours } as never })
  return [
    ...containers.filter((each) => each.Labels[labels.purpose] !== 'egress').flatMap((each) => each.Names),
    ...networks.map((each) => each.Name),
    ...images.flatMap((each) => each.RepoTags ?? []),
  ]
}
