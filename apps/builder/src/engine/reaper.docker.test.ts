import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { containerDriver } from './container-driver.ts'
import { openTestEngine, testBase, testEgress, testSocket } from './docker-testing.ts'
import { openBuildNetwork, stopEgress } from './egress.ts'
import { type Engine, labels, listContainers, openEngine } from './engine.ts'
import { baseRepository, stagingReference } from './image-names.ts'
import { tarOf } from './normalised-tar.ts'
import { reap } from './reaper.ts'

let one: { engine: Engine; close: () => Promise<void> }
let other: { engine: Engine; close: () => Promise<void> }
let base: string

beforeAll(async () => {
  one = await openTestEngine()
  other = await openTestEngine()
  base = await testBase()
}, 300_000)

afterAll(async () => {
  await one.close()
  await other.close()
}, 60_000)

const keep = { cache: { maxAgeMs: 3600_000, maxBytes: 2 ** 40 }, bases: { maxAgeMs: 3600_000 } }

/** What a worker leaves that was killed in the middle of a step. */
async function abandon(engine: Engine, buildId: string): Promise<{ container: string; network: string }> {
  const network = await openBuildNetwork(engine, await testEgress(base), 'public', { buildId, epoch: 3, target: 'cpu' })
  const container = await engine.docker.createContainer({
    Image: base,
    Cmd: ['sleep', '600'],
    Labels: {
      [labels.installation]: engine.installation,
      [labels.build]: buildId,
      [labels.epoch]: '3',
      [labels.purpose]: 'build',
    },
    HostConfig: { NetworkMode: network.name },
  })
  await container.start()
  return { container: container.id, network: network.name }
}

it('removes what dead builds left, and nothing of live ones or of another installation', async () => {
  const dead = await abandon(one.engine, 'dead')
  const live = await abandon(one.engine, 'live')
  const foreign = await abandon(other.engine, 'dead')
  const asked: string[] = []
  const reaped = await reap(one.engine, {
    isLive: async (buildId, epoch) => {
      asked.push(`${buildId}/${epoch}`)
      return buildId === 'live'
    },
    ...keep,
  })
  expect(asked.sort()).toEqual(['dead/3', 'live/3'])
  expect(reaped.containers).toHaveLength(1)
  expect(reaped.networks).toEqual([dead.network])
  const running = (await listContainers(one.engine, {})).map((each) => each.Id)
  expect(running).not.toContain(dead.container)
  expect(running).toContain(live.container)
  expect(running).toContain(foreign.container)
}, 60_000)

it('removes staged images of dead builds and cached layers that nobody uses, but no base and no named image', async () => {
  const { engine } = one
  const driver = containerDriver(engine, {
    egress: await testEgress(base),
    minFreeBytes: 0,
    minFreeInodes: 0,
    unheldLimits: 'refuse',
  })
  const build = { buildId: 'staged', epoch: 1, target: 'cpu' as const }
  const image = await driver.buildImage(
    {
      ...build,
      cacheScope: 'reaper',
      cacheSalt: '',
      substitutionPolicy: 'exact',
      useCache: false,
      baseImage: base,
      plan: {
        target: 'cpu',
        files: [],
        emptyDirectories: [],
        ignored: [],
        layers: [{ kind: 'step', number: 1, text: 'echo made > /opt/made', hoisted: false }],
        entrypoint: 'true',
        env: {},
      },
      sourceDir: '/tmp',
      limits: { memoryBytes: 2 ** 28, cpus: 1, pids: 64, seconds: 30, logBytes: 2 ** 20, diskBytes: 2 ** 28 },
      egress: 'public',
      labels: {},
      signal: new AbortController().signal,
    },
    { stepStarted: async () => {}, stepEnded: async () => {}, line: () => {} },
  )
  await engine.docker.getImage(image.imageId).tag({ repo: `models/${engine.installation}`, tag: 'v1-cpu' })
  const named = engine.docker.getImage(`models/${engine.installation}:v1-cpu`)
  const run = await engine.docker.createContainer({ Image: image.imageId, Cmd: ['sleep', '60'] })
  await run.start()
  try {
    const kept = await reap(engine, { isLive: async () => true, ...keep })
    expect(kept.images).toEqual([])
    const dead = await reap(engine, { isLive: async () => false, ...keep })
    expect(dead.images).toEqual([stagingReference(build)])
    // What a person runs has the image's labels, and is not a build's.
    expect((await run.inspect()).State.Running).toBe(true)
    expect((await named.inspect()).Id).toBe(image.imageId)
    const old = await reap(engine, { ...keep, isLive: async () => false, cache: { maxAgeMs: 0, maxBytes: 0 } })
    expect(old.images.filter((each) => each.startsWith('modelport-cache:'))).toHaveLength(1)
    expect((await engine.docker.getImage(base).inspect()).Id).toBe(base)
    expect((await named.inspect()).Id).toBe(image.imageId)
  } finally {
    await run.remove({ force: true })
    await named.remove()
  }
}, 60_000)

it('finds a step ended by its own deadline after its worker was killed, and clears up after it', async () => {
  const { engine } = one
  const program = fileURLToPath(new URL('abandoned-build.ts', import.meta.url))
  const worker = spawn(process.execPath, ['--import', 'tsx', program, engine.installation, base], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = String((await once(worker.stdout, 'data'))[0])
  worker.kill('SIGKILL')
  await once(worker, 'exit')
  expect(said).toContain('begun')
  const [found] = await listContainers(engine, { filters: { label: [`${labels.build}=abandoned`] } })
  const container = engine.docker.getContainer(found!.Id)
  expect((await container.inspect()).State.Running).toBe(true)
  // Four seconds for the steps and two of grace.
  expect(await container.wait()).toMatchObject({ StatusCode: 124 })
  const reaped = await reap(engine, { ...keep, isLive: async (buildId) => buildId !== 'abandoned' })
  expect(reaped.containers).toEqual(found!.Names)
  expect(reaped.networks).toHaveLength(1)
}, 60_000)

it('forgets bases that no build asked for in a time, but none that a container stands on', async () => {
  const { engine } = one
  const made = await Promise.all([tinyBase('unused'), tinyBase('used')])
  const container = await engine.docker.createContainer({
    Image: made[1]!,
    Cmd: ['true'],
    Labels: { [labels.installation]: engine.installation },
  })
  const reaping = (maxAgeMs: number) => reap(engine, { ...keep, isLive: async () => true, bases: { maxAgeMs } })
  try {
    expect((await reaping(60_000)).images).toEqual([])
    // What `ensureBase` does for a build that asks: the time by which a base is old begins anew.
    const before = await taggedAt(made[0]!)
    await engine.docker.getImage(made[0]!).tag({ repo: baseRepository, tag: made[0]!.split(':')[1]! })
    expect(await taggedAt(made[0]!)).toBeGreaterThan(before)
    expect((await reaping(0)).images).toEqual([made[0]])
  } finally {
    await container.remove({ force: true })
  }
  expect((await reaping(0)).images).toEqual([made[1]])
  expect((await engine.docker.getImage(base).inspect()).Id).toBe(base)
}, 60_000)

async function taggedAt(reference: string): Promise<number> {
  const found = (await one.engine.docker.getImage(reference).inspect()) as { Metadata?: { LastTagTime?: string } }
  return new Date(found.Metadata!.LastTagTime!).getTime()
}

/** An image named like a base, of this test's installation. Returns its name. */
async function tinyBase(word: string): Promise<string> {
  const { engine } = one
  const tag = `${engine.installation}-${word}`
  const text = Buffer.from(tag)
  const archive = tarOf([{ type: 'file', name: 'word', executable: false, size: text.length, source: text }])
  const answer = await engine.docker.importImage(archive, {
    repo: baseRepository,
    tag,
    changes: [`LABEL ${labels.installation}=${engine.installation}`],
  })
  for await (const _ of answer);
  return `${baseRepository}:${tag}`
}

it('starts the proxy again after somebody removed it', async () => {
  const engine = openEngine({ socketPath: testSocket, installation: one.engine.installation })
  const egress = await testEgress(base)
  const owner = { buildId: 'again', epoch: 1, target: 'cpu' }
  await stopEgress(engine)
  const [first, second] = await Promise.all([
    openBuildNetwork(engine, egress, 'public', owner),
    openBuildNetwork(engine, egress, 'public', owner),
  ])
  expect(first.proxyAddress).not.toBe(second.proxyAddress)
  await first.close()
  await second.close()
}, 60_000)
