import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BuildError } from '../build/build-error.ts'
import type { BuildDriver, BuildImageRequest } from './build-driver.ts'
import { containerDriver } from './container-driver.ts'
import { leftovers, openTestEngine, testBase, testDriverConfig } from './docker-testing.ts'
import type { DriverConfig } from './driver-config.ts'
import { type Engine, freeSpace, removing } from './engine.ts'
import {
  forbiddenCalls,
  forbiddenFiles,
  forbiddenWays,
  forbiddenWords,
  greedySteps,
  manyFiles,
} from './escape-steps.ts'
import { stagingReference } from './image-names.ts'

// Hostile steps as real builds, beside a neighbour's build that must not notice (T45 to T60 of the threat list). A limit
// has its case in the conformance suite of the drivers; here is the default driver against what people would try.
let engine: Engine
let close = async () => {}
let base: string
let config: DriverConfig
let driver: BuildDriver
let aloneMs: number
let canary: string
let count = 0

beforeAll(async () => {
  const opened = await openTestEngine()
  engine = opened.engine
  close = opened.close
  base = await testBase()
  config = await testDriverConfig(base)
  driver = containerDriver(engine, config)
  canary = await mkdtemp(join(tmpdir(), 'modelport-canary-'))
  await writeFile(join(canary, 'canary'), 'untouched')
  // The first one starts the proxy and warms the base's files.
  await neighbour()
  aloneMs = Math.max(await neighbour(), await neighbour())
}, 300_000)

afterEach(async () => {
  expect(await leftovers(engine), 'containers and networks of builds are gone').toEqual([])
})

afterAll(async () => {
  await close()
  await rm(canary, { recursive: true, force: true })
}, 60_000)

interface Run {
  error: BuildError | null
  said: string
  stepMs: number
}

async function run(
  text: string,
  changes: { limits?: Partial<BuildImageRequest['limits']>; driver?: BuildDriver } = {},
): Promise<Run> {
  const said: string[] = []
  let stepMs = 0
  const request: BuildImageRequest = {
    buildId: `escape-${++count}`,
    epoch: 1,
    target: 'cpu',
    cacheScope: 'escape',
    cacheSalt: '',
    substitutionPolicy: 'exact',
    useCache: false,
    baseImage: base,
    plan: {
      target: 'cpu',
      files: [],
      emptyDirectories: [],
      ignored: [],
      layers: [{ kind: 'step', number: 1, text, hoisted: false }],
      entrypoint: 'true',
      env: {},
    },
    sourceDir: canary,
    limits: {
      memoryBytes: 256 * 2 ** 20,
      cpus: 0.5,
      pids: 64,
      seconds: 40,
      logBytes: 50 * 2 ** 20,
      diskBytes: 200 * 2 ** 20,
      ...changes.limits,
    },
    egress: 'public',
    labels: {},
    signal: new AbortController().signal,
  }
  const reporter = {
    stepStarted: async () => {},
    stepEnded: async (_step: string, end: { durationMs: number }) => {
      stepMs = end.durationMs
    },
    line: (_step: string, _stream: string, line: string) => void (said.length < 5000 && said.push(line)),
  }
  try {
    await (changes.driver ?? driver).buildImage(request, reporter)
    await removing(engine.docker.getImage(stagingReference(request)).remove())
    return { error: null, said: said.join('\n'), stepMs }
  } catch (error) {
    return { error: error as BuildError, said: said.join('\n'), stepMs }
  }
}

/** An honest build: some arithmetic, processes, and files. Returns its step's time. */
async function neighbour(): Promise<number> {
  const work =
    'python3 -c "sum(i * i for i in range(2_000_000))"; for i in 1 2 3; do head -c 2000000 /dev/zero > /opt/f$i; done; sync -d /opt/f1; echo well'
  const { error, said, stepMs } = await run(work, { limits: { cpus: 1 } })
  expect(error, 'the neighbour succeeds').toBeNull()
  expect(said).toContain('well')
  return stepMs
}

describe('what takes all there is is stopped, and a neighbour does not notice', () => {
  it.each(greedySteps)('$what', async ({ text, limits, failure, says }) => {
    const [{ error, said }, besideMs] = await Promise.all([run(text, { limits }), neighbour()])
    if (failure === null) expect(error).toBeNull()
    else if (failure !== 'any') expect(error?.code).toBe(failure)
    if (says) expect(said).toMatch(says)
    // A floor, because the times of a busy machine's first second say nothing.
    expect(besideMs).toBeLessThan(Math.max(aloneMs, 1500) * 3)
  })

  it('stops a step that takes the inodes of the disk', async () => {
    const { DockerRootDir } = await engine.docker.info()
    const free = await freeSpace(DockerRootDir)
    // Where the engine's disk is elsewhere the worker cannot see it; the page of limits says so.
    expect(free).not.toBeNull()
    const watchful = containerDriver(engine, { ...config, minFreeInodes: free!.freeInodes - 30_000 })
    const [{ error }, besideMs] = await Promise.all([
      run(manyFiles, { driver: watchful, limits: { cpus: 1 } }),
      neighbour(),
    ])
    expect(error?.code).toBe('build/engine-disk-full')
    expect(besideMs).toBeLessThan(Math.max(aloneMs, 1500) * 3)
  })
})

describe('a step is kept from its host', () => {
  it('gets nothing of the kernel that only root of the host may have', async () => {
    const before = await hostState()
    const { error, said } = await run(`python3 - <<'E'\n${forbiddenCalls}\nE`)
    expect(error).toBeNull()
    const lines = said.split('\n')
    expect(lines.length).toBeGreaterThanOrEqual(26)
    // ESRCH: there is no such process to be seen from inside.
    const refused = /: (EPERM|EACCES|ENOSYS)$|^ptrace of a process outside: ESRCH$/
    expect(lines.filter((line) => !refused.test(line))).toEqual([])
    expect(await hostState()).toEqual(before)
  })

  it('writes no file of the kernel and opens no device of the host', async () => {
    const before = await hostState()
    const { error, said } = await run(`python3 - <<'E'\n${forbiddenFiles}\nE`)
    expect(error).toBeNull()
    expect(said).toContain('core_pattern')
    expect(said).not.toContain('ALLOWED')
    expect(await hostState()).toEqual(before)
  })

  it('finds no way to the engine, the host or the metadata of a cloud', async () => {
    const secret = createServer((_request, response) => response.end('host secret'))
    await new Promise<void>((resolve) => secret.listen(0, '0.0.0.0', resolve))
    try {
      const { port } = secret.address() as AddressInfo
      const ours = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
      const addresses = ours.filter((each) => each.family === 'IPv4' && !each.internal).map((each) => each.address)
      const { error, said } = await run(`python3 - <<'E'\n${forbiddenWays(addresses, port)}\nE`)
      expect(error).toBeNull()
      expect(said).not.toContain('ALLOWED')
      expect(said).not.toContain('secret')
      expect(said).toMatch(/^interfaces: eth0 lo$/m)
      // The step's own: `timeout`, the shell and Python. No process of the host or of another build.
      expect(said.match(/^processes: (.*)$/m)?.[1]?.split(' ').length).toBeLessThan(6)
      expect(said).toMatch(/^done$/m)
    } finally {
      secret.close()
    }
  })

  it('finds no credential and no word of the host', async () => {
    const { error, said } = await run(forbiddenWords)
    expect(error).toBeNull()
    for (const [name, value] of Object.entries(process.env)) {
      if (value && value.length > 8 && /token|secret|key|password|database|redis/i.test(name)) {
        expect(said).not.toContain(value)
      }
    }
    expect(said).not.toContain(canary)
    expect(said).not.toMatch(/token|secret|password|\.pem|\.netrc|DATABASE_URL|GITHUB/i)
  })
})

/** What a step that got out would have changed. */
async function hostState(): Promise<Record<string, string>> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => 'not there')
  const hierarchies = await readdir('/sys/fs/cgroup').catch(() => [])
  const files = [
    join(canary, 'canary'),
    '/proc/sys/kernel/core_pattern',
    '/proc/sys/kernel/modprobe',
    '/proc/sys/kernel/hostname',
    '/sys/kernel/uevent_helper',
    ...hierarchies.map((each) => `/sys/fs/cgroup/${each}/release_agent`),
  ]
  return Object.fromEntries(await Promise.all(files.map(async (path) => [path, await read(path)])))
}
