import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { allApps, childEnv } from './apps.ts'
import { installIsDue, nodeProblem } from './bootstrap.mjs'
import { webSourcesHash } from './build-web.ts'
import { canRun, describeFindings } from './doctor.ts'
import { LocalState, readKeptState, readLocalState, writeLocalState } from './local-state.ts'
import { readOwnerOfLock, takeLock } from './lock.ts'
import { LogFile } from './log-file.ts'
import { readStartOptions } from './options.ts'
import { defaultPorts, freePorts, portIsFree, portNames } from './ports.ts'
import { linkLibraries } from './postgres.ts'
import { isSameProcess, processIdentity } from './process-identity.ts'
import { redisSocket } from './queue.ts'
import { readableLine } from './report.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-local-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('bootstrap', () => {
  it('knows which Node can run us', () => {
    expect(nodeProblem('v20.20.2')).toBeNull()
    expect(nodeProblem('v22.3.0')).toBeNull()
    expect(nodeProblem('v24.0.0')).toBeNull()
    expect(nodeProblem('v20.11.0')).toMatch(/this is v20\.11\.0/)
    expect(nodeProblem('v18.20.0')).not.toBeNull()
    expect(nodeProblem('v21.7.0')).not.toBeNull()
  })

  it('installs when there was no install from this lock file', () => {
    writeFileSync(join(folder, 'package-lock.json'), '{}')
    expect(installIsDue(folder)).toBe(true)
  })
})

describe('the lock', () => {
  it('has one holder', () => {
    const file = join(folder, 'lock')
    const lock = takeLock(file, 'The home')
    expect(readOwnerOfLock(file)).toBe(process.pid)
    expect(() => takeLock(file, 'The home')).toThrow(`The home is already in use by process ${process.pid}.`)
    lock.release()
    expect(readOwnerOfLock(file)).toBeNull()
    takeLock(file, 'The home').release()
    expect(readdirSync(folder)).toEqual([])
  })

  it('is taken over from a holder that is gone, and from a stranger with its pid', () => {
    const file = join(folder, 'lock')
    const ended = spawnSync('true').pid
    for (const stale of [
      { pid: ended, identity: 'x:1' },
      { pid: process.pid, identity: 'an earlier boot:1' },
    ]) {
      writeFileSync(file, JSON.stringify(stale))
      takeLock(file, 'The home').release()
    }
    writeFileSync(file, 'half a li')
    takeLock(file, 'The home').release()
  })
})

describe('processIdentity', () => {
  it('is the same for one process and gone with it', () => {
    const identity = processIdentity(process.pid)
    expect(identity).toMatch(/^[0-9a-f-]{36}:\d+$/)
    expect(isSameProcess(process.pid, identity!)).toBe(true)
    expect(isSameProcess(process.ppid, identity!)).toBe(false)
    expect(processIdentity(spawnSync('true').pid)).toBeNull()
  })
})

describe('ports', () => {
  it('finds free ones, all different', async () => {
    const ports = await freePorts()
    expect(new Set(Object.values(ports)).size).toBe(portNames.length)
  })

  it('sees one in use', async () => {
    const server = createServer()
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    expect(await portIsFree(port)).toBe(false)
    await new Promise((done) => server.close(done))
    expect(await portIsFree(port)).toBe(true)
  })
})

describe('start options', () => {
  it('come from flags, then from the environment, then from defaults', () => {
    const { stack, examples } = readStartOptions(['--web-port', '4000', '--no-examples'], {
      WEB_PORT: '5000',
      WORKER_PORT: '5001',
    })
    expect(stack.ports).toEqual({ ...defaultPorts, web: 4000, worker: 5001 })
    expect(examples).toBe(false)
    expect(stack.policy).toBe('nearest')
    expect(readStartOptions(['--policy=exact'], {}).stack.policy).toBe('exact')
    expect(readStartOptions(['--no-web'], {}).stack.apps!.map(({ name }) => name)).toEqual([
      'local-github',
      'receiver',
      'worker',
    ])
  })

  it('take the object store of an operator', () => {
    const env = { S3_ENDPOINT: 'https://s3.example', S3_BUCKET: 'b', S3_ACCESS_KEY_ID: 'k', S3_SECRET_ACCESS_KEY: 's' }
    expect(readStartOptions([], env).stack.objectStore).toEqual({
      endpoint: 'https://s3.example',
      publicEndpoint: 'https://s3.example',
      region: 'us-east-1',
      bucket: 'b',
      accessKeyId: 'k',
      secretAccessKey: 's',
    })
    expect(readStartOptions([], {}).stack.objectStore).toBeUndefined()
    expect(() => readStartOptions([], { ...env, S3_BUCKET: '' })).toThrow(
      'S3_ENDPOINT is set, and S3_BUCKET is not: an object store needs both.',
    )
  })

  it('are refused with a sentence', () => {
    expect(() => readStartOptions(['--web-port', 'x'], {})).toThrow(
      '--web-port (or WEB_PORT) is a port from 1 to 65535, not "x".',
    )
    expect(() => readStartOptions(['--web-port', '3080'], {})).toThrow(
      'the site and the local GitHub cannot share port 3080; change one with --local-github-port.',
    )
    expect(() => readStartOptions(['--policy', 'newest'], {})).toThrow('--policy is exact or nearest, not "newest".')
    expect(() => readStartOptions(['--wbe-port', '1'], {})).toThrow(/Unknown option '--wbe-port'[\s\S]*--web-port/)
  })
})

describe('local.json', () => {
  it('keeps its keys and refuses to lose them', () => {
    const kept = readKeptState(folder)
    writeLocalState({ ...kept, format: 1, home: folder })
    expect(statSync(join(folder, 'local.json')).mode & 0o777).toBe(0o600)
    expect(readKeptState(folder)).toEqual(kept)
    // A home from before there were files.
    const { s3AccessKeyId: _, s3SecretAccessKey: __, ...older } = kept.secrets
    writeFileSync(join(folder, 'local.json'), JSON.stringify({ ...kept, secrets: older }))
    expect(readKeptState(folder).secrets).toMatchObject({
      ...older,
      s3AccessKeyId: expect.stringMatching(/^[0-9A-F]{20}$/),
      s3SecretAccessKey: expect.stringMatching(/^[0-9a-f]{48}$/),
    })
    writeFileSync(join(folder, 'local.json'), '{"secrets":')
    expect(() => readKeptState(folder)).toThrow(/it is left as it is: restore it, or move .* away to start anew/)
    expect(() => readLocalState(join(folder, 'none'))).toThrow('Start it with: npm start')
  })
})

describe('the apps', () => {
  const place = () => {
    const kept = readKeptState(folder)
    const state = LocalState.parse({
      ...kept,
      format: 1,
      home: folder,
      site: { url: 'http://127.0.0.1:3000' },
      localGithub: {
        url: 'http://127.0.0.1:3080',
        apiUrl: 'http://127.0.0.1:3080/api/v3',
        directory: folder,
        webhookUrl: 'x',
      },
      ports: defaultPorts,
      database: { url: 'postgres://a', kind: 'given', directory: null },
      queue: { kind: 'postgres', redisUrl: null },
      objectStore: {
        kind: 'local',
        endpoint: 'http://127.0.0.1:3060',
        publicEndpoint: 'http://127.0.0.1:3060',
        region: 'us-east-1',
        bucket: 'modelport',
        accessKeyId: kept.secrets.s3AccessKeyId,
        secretAccessKey: kept.secrets.s3SecretAccessKey,
        directory: folder,
      },
      imageRegistry: { host: null, pushHost: null, directory: null },
      engine: { socket: '/var/run/docker.sock', version: '1', problem: null },
      logs: folder,
      policy: 'exact',
    })
    return { repository: folder, state }
  }
  const envOf = (name: string) => allApps.find((app) => app.name === name)!.env(place())

  it('know no more than they need', () => {
    expect(envOf('web')).not.toHaveProperty('GITHUB_WEBHOOK_SECRET')
    expect(envOf('web')).not.toHaveProperty('MODELPORT_HOME')
    expect(envOf('web')).not.toHaveProperty('DOCKER_SOCKET')
    expect(envOf('receiver')).not.toHaveProperty('DOCKER_SOCKET')
    expect(envOf('receiver')).not.toHaveProperty('SECRET_KEY')
    expect(envOf('receiver')).not.toHaveProperty('S3_SECRET_ACCESS_KEY')
    expect(envOf('local-github')).not.toHaveProperty('S3_SECRET_ACCESS_KEY')
    for (const app of ['web', 'worker']) {
      expect(envOf(app)).toMatchObject({ S3_ENDPOINT: 'http://127.0.0.1:3060', S3_BUCKET: 'modelport' })
    }
    expect(envOf('worker').DOCKER_SOCKET).toBe('/var/run/docker.sock')
    expect(envOf('worker').REDIS_URL).toBeUndefined()
    expect(envOf('local-github')).not.toHaveProperty('DATABASE_URL')
  })

  it('inherit nothing that is ours to say', () => {
    const secret = [
      'DATABASE_URL',
      'REDIS_URL',
      'SECRET_KEY',
      'S3_SECRET_ACCESS_KEY',
      'S3_ENDPOINT',
      'GITHUB_WEBHOOK_SECRET',
      'GITHUB_PRIVATE_KEY',
      'DOCKER_SOCKET',
    ]
    const foreign = ['npm_config_cache', 'VITEST_POOL_ID', 'DOCKER_HOST', 'NODE_ENV', 'MODELPORT_HOME']
    const shell = Object.fromEntries([...secret, ...foreign].map((name) => [name, 'shell']))
    const env = childEnv({ SITE_URL: 'own' }, { ...shell, PATH: '/bin', BUILD_ENGINE: 'classic' })
    expect(env).toEqual({ PATH: '/bin', BUILD_ENGINE: 'classic', SITE_URL: 'own' })
  })
})

it('rolls a log file that is full', () => {
  const log = new LogFile(join(folder, 'a.log'), 10)
  for (const line of ['first line', 'second', 'third']) log.write(line)
  log.close()
  expect(readFileSync(join(folder, 'a.log.1'), 'utf8')).toBe('first line\n')
  expect(readFileSync(join(folder, 'a.log'), 'utf8')).toBe('second\nthird\n')
})

it('shows a line of JSON as a sentence', () => {
  expect(readableLine('{"level":30,"time":1,"name":"receiver","port":3070,"msg":"receiver listens"}')).toBe(
    'receiver listens port=3070',
  )
  expect(readableLine('{"level":50,"time":1,"error":{"code":"x"},"msg":"no"}')).toBe('error: no error={"code":"x"}')
  expect(readableLine('{"level":')).toBe('{"level":')
  expect(readableLine('Ready in 93ms')).toBe('Ready in 93ms')
})

it('sees when the sources of the site changed', () => {
  mkdirSync(join(folder, 'apps/web/src'), { recursive: true })
  mkdirSync(join(folder, 'apps/web/.next'))
  writeFileSync(join(folder, 'apps/web/src/page.tsx'), 'a')
  const before = webSourcesHash(folder)
  writeFileSync(join(folder, 'apps/web/.next/anything'), 'x')
  writeFileSync(join(folder, 'apps/web/src/page.test.tsx'), 'x')
  expect(webSourcesHash(folder)).toBe(before)
  writeFileSync(join(folder, 'apps/web/src/page.tsx'), 'b')
  expect(webSourcesHash(folder)).not.toBe(before)
})

it('makes the links that the install script of PostgreSQL would have made', () => {
  mkdirSync(join(folder, 'native/lib'), { recursive: true })
  writeFileSync(join(folder, 'native/lib/liba.so.1.2'), 'library')
  const links = ['liba.so', 'liba.so.1'].map((name) => ({
    source: 'native/lib/liba.so.1.2',
    target: `native/lib/${name}`,
  }))
  writeFileSync(join(folder, 'native/pg-symlinks.json'), JSON.stringify(links))
  linkLibraries(folder)
  linkLibraries(folder)
  expect(readlinkSync(join(folder, 'native/lib/liba.so.1'))).toBe('liba.so.1.2')
  expect(readFileSync(join(folder, 'native/lib/liba.so'), 'utf8')).toBe('library')
})

it('keeps the path of a socket short', () => {
  expect(redisSocket('/srv/modelport')).toBe('/srv/modelport/redis/redis.sock')
  expect(redisSocket(`/srv/${'x'.repeat(100)}`).length).toBeLessThan(100)
})

it('tells what is missing with the command that mends it', () => {
  const lacking = {
    what: 'mmdebstrap',
    verdict: 'lacks' as const,
    detail: 'not installed',
    mend: 'apt-get install mmdebstrap',
  }
  expect(canRun([lacking])).toBe(true)
  expect(canRun([{ ...lacking, verdict: 'fails' }])).toBe(false)
  expect(describeFindings([lacking])).toContain('mend: apt-get install mmdebstrap')
})
