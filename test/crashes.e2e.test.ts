import { join } from 'node:path'
import Docker from 'dockerode'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fixtures, openWorld, until, type World } from './world.ts'

const upper = join(fixtures, 'models/upper')
const slowSteps = (seconds: number) =>
  `python: 3.11\ncuda: 11.8\nentrypoint: python runway_model.py\nbuild_steps:\n  - echo begin && sleep ${seconds} && echo end\n`
let world: World
beforeAll(async () => {
  world = await openWorld({ queue: 'redis', appEnv: { RECONCILE_SECONDS: '5' } })
  await world.push('alice/warm', upper)
  await world.finished('alice/warm', 1)
})
afterAll(() => world?.stop())

const kill = (name: string) => {
  const pid = world.stack.state.processes[name]
  if (!pid) throw new Error(`${name} does not run`)
  process.kill(pid, 'SIGKILL')
  return pid
}
const restarted = (name: string, old: number) =>
  until(async () => (world.stack.state.processes[name] ?? old) !== old, 60_000, `${name} to be started again`)
/** `call` that outlives a database that is being started again. */
const patientVersion = (repository: string, number: number) => world.version(repository, number).catch(() => null)
const finished = (repository: string, number: number, ms = 180_000) =>
  until(
    async () => {
      const version = await patientVersion(repository, number)
      return version && !['queued', 'building'].includes(version.status) ? version : null
    },
    ms,
    `version ${number} of ${repository} to end`,
  )

async function checkInvariants(repository: string): Promise<void> {
  const sql = postgres(world.stack.state.database.url, { max: 1, onnotice: () => {} })
  try {
    const gaps =
      await sql`select build_id from log_lines group by build_id having count(*) <> max(number) or min(number) <> 1`
    expect(gaps, 'logs without a gap').toHaveLength(0)
    const name = repository.split('/')[1]!
    const twice = await sql`select v.commit from versions v join models m on m.id = v.model_id
      where m.slug = ${name} and v.rebuild_of is null group by v.commit having count(*) > 1`
    expect(twice, 'one version for a commit').toHaveLength(0)
    await until(
      async () => (await sql`select 1 from deliveries where state = 'received'`).length === 0,
      60_000,
      'an empty inbox',
    )
    await until(async () => (await sql`select 1 from outbox`).length === 0, 60_000, 'an empty outbox')
  } finally {
    await sql.end()
  }
  const docker = new Docker({ socketPath: world.stack.state.engine.socket! })
  const label = [`modelport.installation=${world.stack.state.installationId}`]
  await until(
    async () => {
      const containers = await docker.listContainers({ all: true, filters: { label } }).catch(() => null)
      return containers?.every((c) => !c.Labels['modelport.build'])
    },
    90_000,
    'no container of a build that ended',
  )
}

describe('kill -9', () => {
  it('of the worker in a build: it is taken up again and ends once', async () => {
    await world.push('alice/killed-worker', upper, { 'runway.yml': slowSteps(8) })
    await until(
      async () => (await world.version('alice/killed-worker', 1))?.builds.some((b) => b.step === 'build:1'),
      60_000,
      'the steps to run',
    )
    const killedAt = Date.now()
    const old = kill('worker')
    await restarted('worker', old)
    await until(
      async () => {
        const sql = postgres(world.stack.state.database.url, { max: 1 })
        const rows =
          await sql`select 1 from builds b join versions v on v.id = b.version_id join models m on m.id = v.model_id
          where m.slug = 'killed-worker' and b.epoch >= 2 and b.state = 'running'`
        await sql.end()
        return rows.length > 0
      },
      90_000,
      'the build to be taken up again',
    )
    console.log(`killed worker: taken up again after ${Math.round((Date.now() - killedAt) / 1000)} s (target 30)`)
    const done = await finished('alice/killed-worker', 1)
    expect(done.status, JSON.stringify(done.builds)).toBe('ready')
    await checkInvariants('alice/killed-worker')
  })

  it('of the receiver while deliveries arrive: none is lost, none acts twice', async () => {
    const pushes = Array.from({ length: 6 }, (_, i) => world.push(`alice/killed-receiver-${i}`, upper))
    const old = kill('receiver')
    const commits = await Promise.all(pushes)
    await restarted('receiver', old)
    for (const [i, commit] of commits.entries()) {
      const version = await finished(`alice/killed-receiver-${i}`, 1)
      expect(version).toMatchObject({ commit, status: 'ready' })
      expect(await world.version(`alice/killed-receiver-${i}`, 2)).toBeNull()
    }
    await checkInvariants('alice/killed-receiver-0')
  })

  it('of Postgres in a build: the build ends once', async () => {
    await world.push('alice/killed-postgres', upper, { 'runway.yml': slowSteps(8) })
    await until(
      async () => (await world.version('alice/killed-postgres', 1))?.builds.some((b) => b.step === 'build:1'),
      60_000,
      'the steps to run',
    )
    const old = kill('postgres')
    await restarted('postgres', old)
    const done = await finished('alice/killed-postgres', 1)
    expect(done.status, JSON.stringify(done.builds)).toBe('ready')
    await checkInvariants('alice/killed-postgres')
  })

  it('of the queue in a build and before one: nothing is lost', async () => {
    await world.push('alice/killed-queue', upper, { 'runway.yml': slowSteps(6) })
    await until(
      async () => (await world.version('alice/killed-queue', 1))?.builds.some((b) => b.step === 'build:1'),
      60_000,
      'the steps to run',
    )
    const old = kill('redis')
    await world.push('alice/killed-queue-next', upper)
    await restarted('redis', old)
    expect((await finished('alice/killed-queue', 1)).status).toBe('ready')
    expect((await finished('alice/killed-queue-next', 1)).status).toBe('ready')
    await checkInvariants('alice/killed-queue')
  })
})

it('a push of which GitHub tells nobody is found at the head of its branch', async () => {
  const { apiUrl } = world.stack.state.localGithub
  const mode = async (value: object) => {
    const response = await fetch(`${apiUrl}/local/deliveries/mode`, {
      method: 'PUT',
      headers: { authorization: `Basic ${btoa('alice:x')}`, 'content-type': 'application/json' },
      body: JSON.stringify(value),
    })
    expect(response.ok, await response.text()).toBe(true)
  }
  await world.push('alice/untold', upper)
  expect((await finished('alice/untold', 1)).status).toBe('ready')
  await mode({ drop: 1, event: 'push' })
  const commit = await world.push('alice/untold', upper, { 'notes.txt': 'more' })
  const found = await finished('alice/untold', 2)
  await mode({})
  expect(found).toMatchObject({ commit, status: 'ready' })
  await checkInvariants('alice/untold')
})
