import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type FailPoint, workerFailPoints } from '@modelport/builder/src/fail-point.ts'
import { type App, allApps } from '@modelport/infra/local/apps'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../world.ts'
import { type FaultsWorld, openFaultsWorld } from './faults-world.ts'

const firstWorker = allApps.find((app) => app.name === 'worker')!
/** Ready when the first is: its own port is any that is free. */
const secondWorker: App = {
  ...firstWorker,
  name: 'worker-2',
  title: 'second worker',
  env: (place) => ({ ...firstWorker.env(place), WORKER_PORT: '0' }),
}
// STOP_MATRIX_TIMES=2 stops a worker at every point of a build, each twice.
const rounds = Number(process.env.STOP_MATRIX_TIMES ?? 0)
const some: readonly FailPoint[] = ['build:middle', 'push:start', 'push:middle', 'publish:end', 'before-report']
const stops = rounds > 0 ? workerFailPoints : some
const stopped = Array.from({ length: Math.max(1, rounds) }, (_, round) =>
  stops.map((point) => ({ point, round })),
).flat()
/**
 * Points at which nobody has to take the image's build over: it is published already, or the worker may have been stopped
 * with the build of the other target, which ends when the config is read.
 */
const isElsewhere = (point: FailPoint) => /^(taken|fetch:|config:|after-publish-commit|.*-report)/.test(point)

let world: FaultsWorld
beforeAll(async () => {
  world = await openFaultsWorld(stops, 'stop', [secondWorker])
  // The base may have to be made first.
  await world.readyOnce('alice/warm', await world.pushTiny('alice/warm'), 840_000)
})
afterAll(() => world?.stop())

/** Every row that a push leaves, whatever way it came. */
const finalRows = async (repository: string) => {
  const slug = repository.split('/')[1]!
  const rows = await world.sql`select v.number, v.state, v.commit, b.target, b.state as build, b.attempt
    from versions v join models m on m.id = v.model_id join builds b on b.version_id = v.id where m.slug = ${slug}
    order by v.number, b.target`
  return rows.map(({ number, state, commit, target, build, attempt }) => ({
    number,
    state,
    commit,
    target,
    build,
    attempt,
  }))
}
const readyRow = (number: number, commit: string) => ({
  number,
  state: 'ready',
  commit,
  target: 'cpu',
  build: 'ready',
  attempt: 1,
})
const settled = async () => {
  await world.localGithub('POST', '/local/deliveries/settle')
  await world.nothingLeft()
}

/** The queue forgets everything, as after the loss of its disk. */
const flushQueue = async () => {
  const connection = connect(world.stack.state.queue.redisUrl!)
  connection.write('FLUSHALL\r\n')
  const [answer] = await once(connection, 'data')
  connection.destroy()
  expect(String(answer)).toBe('+OK\r\n')
}

it.each(stopped)(
  'a worker that is stopped at $point for longer than its lease and goes on is fenced',
  async (knock) => {
    const { point, round } = knock
    const epochs = isElsewhere(point) ? 1 : 2
    const repository = `alice/stopped-${point.replace(':', '-')}-${round}`
    world.arm(point)
    const commit = await world.pushTiny(repository)
    const pid = await until(async () => world.knocked(point), 60_000, `${point} to be reached`)
    try {
      // The other worker takes the build over while this one stands still.
      // Also the rows that it had locked when it was stopped must not hold that up.
      const epoch = await world.readyOnce(repository, commit, 90_000)
      expect(epoch).toBeGreaterThanOrEqual(epochs)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await world.nothingLeft()
    // And what the first one did when it went on changed nothing, in the rows and in the image registry.
    expect(await world.readyOnce(repository, commit)).toBeGreaterThanOrEqual(epochs)
    expect(Object.values(world.stack.state.processes)).toContain(pid)
  },
)

it('twenty pushes while the receiver is down become twenty versions when it is back', async () => {
  await world.localGithub('PUT', '/local/deliveries/mode', { fail: 1000 })
  const commits = new Map<string, string>()
  for (let n = 0; n < 20; n++) commits.set(`alice/while-down-${n}`, await world.pushTiny(`alice/while-down-${n}`))
  await world.localGithub('POST', '/local/deliveries/settle')
  await world.localGithub('PUT', '/local/deliveries/mode', {})
  process.kill(world.stack.state.processes.receiver!, 'SIGKILL')
  for (const [repository, commit] of commits) await world.readyOnce(repository, commit)
  await settled()
})

it.each([
  ['duplicated', { duplicate: 2 }],
  ['duplicated under new ids', { duplicate: 1, duplicateGuid: 'new' }],
  ['delayed', { delayMs: 400 }],
  ['recorded as failed', { fail: 4 }],
  ['shuffled', { shuffle: 3 }],
])('deliveries that are %s end in the same rows', async (name, mode) => {
  const repository = `alice/${name.replaceAll(' ', '-')}`
  await world.localGithub('PUT', '/local/deliveries/mode', mode)
  const commit = await world.pushTiny(repository)
  await world.localGithub('POST', '/local/deliveries/settle')
  await world.localGithub('PUT', '/local/deliveries/mode', {})
  await world.readyOnce(repository, commit)
  await settled()
  expect(await finalRows(repository)).toEqual([readyRow(1, commit)])
})

it('a push of which GitHub never told anybody does not keep the next one from becoming a version', async () => {
  const first = await world.pushTiny('alice/dropped', 'first')
  await world.readyOnce('alice/dropped', first)
  await world.localGithub('PUT', '/local/deliveries/mode', { drop: 1, event: 'push' })
  await world.pushTiny('alice/dropped', 'second')
  await world.localGithub('POST', '/local/deliveries/settle')
  await world.localGithub('PUT', '/local/deliveries/mode', {})
  const third = await world.pushTiny('alice/dropped', 'third')
  await until(async () => (await finalRows('alice/dropped')).at(-1)?.commit === third, 30_000, 'the third push')
  await settled()
  expect(await finalRows('alice/dropped')).toEqual([readyRow(1, first), readyRow(2, third)])
})

it('one delivery that comes fifty times at once acts once', async () => {
  const repository = 'alice/fifty-times'
  const commit = await world.pushTiny(repository)
  await world.readyOnce(repository, commit)
  const [stored] = await world.sql`select d.* from deliveries d join versions v on v.id = d.version_id
    where v.commit = ${commit} and d.event = 'push'`
  const body = JSON.stringify(stored!.payload)
  const { secrets, localGithub } = world.stack.state
  const send = (guid: string) =>
    fetch(localGithub.webhookUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': guid,
        'x-hub-signature-256': `sha256=${createHmac('sha256', secrets.githubWebhookSecret).update(body).digest('hex')}`,
      },
      body,
    })
  const fresh = randomUUID()
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => send(n % 2 ? fresh : stored!.guid)))
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
  await settled()
  expect(await finalRows(repository)).toEqual([readyRow(1, commit)])
  const kept = await world.sql`select 1 from deliveries where guid in (${fresh}, ${stored!.guid})`
  expect(kept).toHaveLength(2)
  await world.readyOnce(repository, commit)
})

it('a queue that forgets everything in the middle of a build loses no build and no report', async () => {
  const repository = 'alice/flushed'
  const commits = [await world.pushTiny(repository, 'flushed', 4)]
  await until(
    async () =>
      (
        await world.sql`select 1 from builds b join versions v on v.id = b.version_id
        where v.commit = ${commits[0]!} and b.current_step = 'build:1'`
      ).length > 0,
    60_000,
    'the build to run',
  )
  for (let n = 0; n < 3; n++) {
    await flushQueue()
    await world.pushTiny(`alice/flushed-${n}`)
    await flushQueue()
  }
  await world.readyOnce(repository, commits[0]!)
  for (let n = 0; n < 3; n++) {
    const [version] = await finalRows(`alice/flushed-${n}`)
    await world.readyOnce(`alice/flushed-${n}`, version!.commit)
  }
  await world.nothingLeft()
})

it('check runs are completed though GitHub refuses the first calls', async () => {
  await world.localGithub('PUT', '/local/api-faults', [
    { path: '/check-runs', method: 'POST', status: 502, remaining: 2 },
  ])
  const commit = await world.pushTiny('alice/refused-reports')
  await world.readyOnce('alice/refused-reports', commit)
  await world.localGithub('PUT', '/local/api-faults', [])
})
