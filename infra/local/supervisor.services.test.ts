import { execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { openS3Storage } from '@modelport/storage/s3-storage'
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LocalState, readLocalState } from './local-state.ts'
import { processIdentity } from './process-identity.ts'
import { hasNoModels } from './publish-examples.ts'
import { redisAnswers } from './queue.ts'
import { repositoryFolder, type Stack, type StackOptions, startStack } from './supervisor.ts'
import { dummyApp, recordingReport, type TemporaryHome, temporaryHome, until } from './testing.ts'

let home: TemporaryHome
let stacks: Stack[]

beforeEach(() => {
  home = temporaryHome()
  stacks = []
})

afterEach(async () => {
  for (const stack of stacks) await stack.stop()
  home.remove()
})

async function start(options: StackOptions = {}): Promise<Stack> {
  const stack = await startStack({
    home: home.path,
    ports: 'free',
    apps: [],
    queue: 'postgres',
    engine: 'none',
    objectStore: 'none',
    migrate: async () => {},
    ...options,
  })
  stacks.push(stack)
  return stack
}

function runs(pid: number | undefined): boolean {
  return pid !== undefined && processIdentity(pid) !== null
}

/** Every process on this machine that has `text` in its command line or environment. */
function processesNaming(text: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text) ||
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text)
        )
      } catch {
        return false
      }
    })
}

async function query(stack: Stack, text: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(stack.state.database.url, { max: 1, onnotice: () => {} })
  try {
    return await sql.unsafe(text)
  } finally {
    await sql.end()
  }
}

describe('PostgreSQL', () => {
  it('runs below a folder that only its owner can enter, and keeps its data over a restart', async () => {
    const first = await start()
    await query(first, 'create table kept (n int); insert into kept values (7)')
    await first.stop()
    const second = await start()
    expect(await query(second, 'select n from kept')).toEqual([{ n: 7 }])
    expect(second.state.secrets).toEqual(first.state.secrets)
    expect(second.state.installationId).toBe(first.state.installationId)
  })

  it('gets the current schema, again and again', async () => {
    const stack = await start({ migrate: undefined })
    expect(await hasNoModels(stack.state.database.url)).toBe(true)
    await stack.stop()
    await start({ migrate: undefined })
  })

  it('refuses a wrong password', async () => {
    const stack = await start()
    const wrong = stack.state.database.url.replace(/:[^:@]+@/, ':wrong@')
    const sql = postgres(wrong, { max: 1 })
    await expect(sql`select 1`).rejects.toThrow(/password authentication failed/)
    await sql.end()
  })

  it('is started again with its data when it is killed', async () => {
    const report = recordingReport()
    const stack = await start({ report })
    await query(stack, 'create table kept (n int); insert into kept values (7)')
    const before = stack.state.processes.postgres!
    process.kill(before, 'SIGKILL')
    await until('PostgreSQL runs again', () => report.notices.includes('postgres runs again'))
    expect(await query(stack, 'select n from kept')).toEqual([{ n: 7 }])
    expect(readLocalState(home.path).processes.postgres).not.toBe(before)
  })

  it('is left out when the operator names a database', async () => {
    const own = await start()
    const other = temporaryHome()
    const migrated: string[] = []
    const guest = await startStack({
      home: other.path,
      ports: 'free',
      apps: [],
      queue: 'postgres',
      engine: 'none',
      objectStore: 'none',
      databaseUrl: own.state.database.url,
      migrate: async (url) => void migrated.push(url),
    })
    expect(guest.state.database).toMatchObject({ kind: 'given', url: own.state.database.url })
    expect(guest.state.processes).not.toHaveProperty('postgres')
    expect(migrated).toEqual([own.state.database.url])
    await guest.stop()
    other.remove()
  })
})

describe('the queue', () => {
  it('is a Redis of our own on a unix socket', async () => {
    const stack = await start({ queue: 'redis' })
    expect(stack.state.queue.kind).toBe('redis')
    expect(await redisAnswers(stack.state.queue.redisUrl!)).toBe(true)
    await stack.stop()
    expect(await redisAnswers(stack.state.queue.redisUrl!)).toBe(false)
  })

  it('finds a short path for the socket of a deep home', async () => {
    const deep = join(home.path, 'd'.repeat(90))
    const stack = await start({ home: deep, queue: 'redis' })
    expect(stack.state.queue.redisUrl!.length).toBeLessThan(100)
    expect(await redisAnswers(stack.state.queue.redisUrl!)).toBe(true)
    await stack.stop()
    const place = stack.state.database.directory!
    execFileSync('rm', ['-rf', join(place, '..')])
  })
})

describe('the object store', () => {
  it('is our own, keeps its objects over a restart, and goes with the stack', async () => {
    const stack = await start({ objectStore: undefined })
    const { endpoint, publicEndpoint, bucket, accessKeyId, secretAccessKey, kind } = stack.state.objectStore!
    expect([kind, runs(stack.state.processes['local-s3'])]).toEqual(['local', true])
    const secrets = { accessKeyId, secretAccessKey }
    const storage = openS3Storage({ endpoint, publicEndpoint, region: 'us-east-1', bucket }, secrets)
    await storage.put('files/kept', Buffer.from('weights'), { contentType: 'text/plain' })
    // Another host than the site's, so that its cookies stay at the site.
    expect(new URL(publicEndpoint).hostname).toBe('localhost')
    const download = await fetch(await storage.signDownload('files/kept', { fileName: 'a.pt' }))
    expect(await download.text()).toBe('weights')
    await stack.stop()
    await expect(fetch(`${endpoint}/healthz`)).rejects.toThrow()
    const again = await start({ objectStore: undefined, ports: stack.state.ports })
    expect(again.state.objectStore!.secretAccessKey).toBe(secretAccessKey)
    expect(Buffer.from((await storage.get('files/kept'))!).toString()).toBe('weights')
    storage.close()
  })

  it('is started again with its objects when it is killed', async () => {
    const report = recordingReport()
    const stack = await start({ objectStore: undefined, report })
    process.kill(stack.state.processes['local-s3']!, 'SIGKILL')
    await until('the object store runs again', () => report.notices.includes('local-s3 runs again'), 50_000)
  })

  it('is left out when the operator names one', async () => {
    const given = {
      endpoint: 'https://s3.example',
      publicEndpoint: 'https://files.example',
      region: 'eu',
      bucket: 'b',
      accessKeyId: 'k',
      secretAccessKey: 's',
    }
    const stack = await start({ objectStore: given })
    expect(stack.state.objectStore).toEqual({ kind: 'given', ...given, directory: null })
    expect(stack.state.processes).not.toHaveProperty('local-s3')
  })
})

describe('the home', () => {
  it('names everything in local.json, which only its owner can read', async () => {
    const stack = await start({ apps: [dummyApp('web', 'web')] })
    const file = join(home.path, 'local.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const state = LocalState.parse(JSON.parse(readFileSync(file, 'utf8')))
    expect(state).toEqual(stack.state)
    expect(Object.keys(state.processes).sort()).toEqual(['postgres', 'supervisor', 'web'])
    await stack.stop()
    expect(readLocalState(home.path).processes).toEqual({})
  })

  it('belongs to one stack at a time', async () => {
    await start()
    await expect(start()).rejects.toThrow(
      `The local stack in ${home.path} is already in use by process ${process.pid}.`,
    )
  })

  it('is taken over from a supervisor that died', async () => {
    const first = await start()
    await first.stop()
    writeFileSync(join(home.path, 'lock'), JSON.stringify({ pid: 1, identity: 'another boot:1' }))
    const second = await start()
    expect(second.state.processes.supervisor).toBe(process.pid)
  })
})

it('names the port that is in use, what wants it and how to change it', async () => {
  const blocker = createServer()
  await new Promise<void>((done) => blocker.listen(0, '127.0.0.1', done))
  const { port } = blocker.address() as { port: number }
  await expect(start({ ports: { postgres: port } })).rejects.toThrow(
    `Port ${port} is in use by another program, and PostgreSQL wants it. Stop that program, or choose another port: npm start -- --postgres-port ${port + 1} (or POSTGRES_PORT=${port + 1}).`,
  )
  await new Promise((done) => blocker.close(done))
})

describe('apps', () => {
  it('get their own settings and none of the shell that started the stack', async () => {
    process.env.DOCKER_HOST = 'unix:///somewhere'
    const report = recordingReport()
    await start({ apps: [dummyApp('web', 'web', { SHOW_A: '1' })], appEnv: { SHOW_B: '2' }, report })
    delete process.env.DOCKER_HOST
    expect(report.lines).toContain('web: started NODE_ENV SHOW_A SHOW_B')
    expect(readFileSync(join(home.path, 'logs/web.log'), 'utf8')).toContain('started NODE_ENV SHOW_A SHOW_B')
  })

  it('are started again when they crash, and that is told in one line', async () => {
    const report = recordingReport()
    const stack = await start({ apps: [dummyApp('worker', 'worker')], report })
    const before = stack.state.processes.worker!
    await fetch(`http://127.0.0.1:${stack.state.ports.worker}/crash`).catch(() => {})
    await until('the worker runs again', () => report.notices.includes('worker runs again'))
    expect(report.notices).toEqual([
      `worker stopped (exit code 3); starting it again in 0.25 s. Its last words are in ${home.path}/logs/worker.log`,
      'worker runs again',
    ])
    expect(runs(before)).toBe(false)
    expect(runs(readLocalState(home.path).processes.worker)).toBe(true)
  })

  it('that need an engine are left out where there is none', async () => {
    const report = recordingReport()
    const worker = { ...dummyApp('worker', 'worker'), needsEngine: true }
    const stack = await start({ apps: [worker, dummyApp('web', 'web')], report })
    expect(report.steps).toContain('worker: not started, since there is no engine')
    expect(Object.keys(stack.state.processes).sort()).toEqual(['postgres', 'supervisor', 'web'])
  })

  it('that cannot start end the whole start with their last words, and leave nothing behind', async () => {
    const broken = dummyApp('receiver', 'receiver', {}, 'console.error("no such table"); process.exit(4)')
    await expect(start({ apps: [dummyApp('web', 'web'), broken], queue: 'redis' })).rejects.toThrow(
      /receiver did not start: exit code 4\. .*\nIts last words:\n {2}no such table/,
    )
    expect(processesNaming(home.path)).toEqual([])
    await start()
  })

  it('leave nothing behind after stop, with the children that they started', async () => {
    const mark = { SHOW_MARK: home.path }
    const parent = `require('node:child_process').spawn('sleep', ['1000'], { stdio: 'ignore' });`
    const app = dummyApp('web', 'web', mark)
    const stack = await start({
      queue: 'redis',
      apps: [{ ...app, args: (place) => ['-e', parent + app.args(place)[1], app.args(place)[2]!] }],
    })
    expect(processesNaming(home.path).length).toBeGreaterThanOrEqual(3)
    await stack.stop()
    expect(processesNaming(home.path)).toEqual([])
    expect(processesNaming(stack.state.database.directory!)).toEqual([])
  })

  it('stop when the start is given up', async () => {
    const giveUp = new AbortController()
    const silent = dummyApp('web', 'web', {}, 'setInterval(() => {}, 1000)')
    const starting = start({ apps: [silent], signal: giveUp.signal })
    await until('the app runs', () => {
      try {
        return 'web' in readLocalState(home.path).processes
      } catch {
        return false
      }
    })
    giveUp.abort()
    await expect(starting).rejects.toThrow(/abort/i)
    expect(readLocalState(home.path).processes).toEqual({})
  })
})

describe('a supervisor that is killed', () => {
  it('leaves children that the next start stops first', async () => {
    const script = `
      import { startStack } from '${repositoryFolder}/infra/local/supervisor.ts'
      import { dummyApp } from '${repositoryFolder}/infra/local/testing.ts'
      await startStack({ home: ${JSON.stringify(home.path)}, ports: 'free', queue: 'redis', engine: 'none', objectStore: 'none',
        apps: [dummyApp('web', 'web')], migrate: async () => {} })
      console.log('up')
      setInterval(() => {}, 1000)`
    const supervisor = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: repositoryFolder,
    })
    await new Promise<void>((done, fail) => {
      supervisor.stdout.on('data', () => done())
      supervisor.once('exit', () => fail(new Error('the supervisor ended early')))
    })
    const left = readLocalState(home.path)
    await query({ state: left } as Stack, 'create table kept (n int); insert into kept values (7)')
    supervisor.kill('SIGKILL')
    await until('the supervisor is gone', () => !runs(supervisor.pid))
    expect(runs(left.processes.postgres) && runs(left.processes.redis) && runs(left.processes.web)).toBe(true)

    const report = recordingReport()
    const stack = await start({ queue: 'redis', report, ports: left.ports, apps: [dummyApp('web', 'web')] })
    expect(report.steps[0]).toBe('leftovers of a start that was killed: stopped web, redis, postgres')
    for (const name of ['postgres', 'redis', 'web']) {
      expect(runs(left.processes[name])).toBe(false)
      expect(runs(stack.state.processes[name])).toBe(true)
    }
    expect(await query(stack, 'select n from kept')).toEqual([{ n: 7 }])
  })
})
