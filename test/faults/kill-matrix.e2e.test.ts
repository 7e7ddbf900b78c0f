import { receiverFailPoints, workerFailPoints } from '@modelport/builder/src/fail-point.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../world.ts'
import { type FaultsWorld, openFaultsWorld } from './faults-world.ts'

// Every point of a push's way at which a process can die, each once: one of the receiver's and two of the worker's in the
// way of one push, so that its build dies twice. KILL_MATRIX_TIMES=10 goes round ten times.
const times = Number(process.env.KILL_MATRIX_TIMES ?? 1)
const half = Math.ceil(workerFailPoints.length / 2)
const rounds = Array.from({ length: times }, (_, round) =>
  Array.from({ length: half }, (_, i) => {
    const points = [receiverFailPoints[i], workerFailPoints[i], workerFailPoints[i + half]].filter(
      (point) => point !== undefined,
    )
    return { round, points, name: points.join(', ') }
  }),
).flat()

let world: FaultsWorld
const seconds: number[] = []
beforeAll(async () => {
  world = await openFaultsWorld([...receiverFailPoints, ...workerFailPoints], 'kill')
  // The base may have to be made first.
  await world.readyOnce('alice/warm', await world.pushTiny('alice/warm'), 840_000)
})
afterAll(() => world?.stop())

it.each(rounds)('kill -9 at $name (round $round): one version, once', async ({ points, round }) => {
  const repository = `alice/${points.at(-1)!.replaceAll(':', '-')}-${round}`
  for (const point of points) world.arm(point)
  const began = performance.now()
  const commit = await world.pushTiny(repository)
  for (const point of points) await until(async () => world.knocked(point), 90_000, `${point} to be reached`)
  const epoch = await world.readyOnce(repository, commit)
  seconds.push((performance.now() - began) / 1000)
  expect(epoch).toBeLessThanOrEqual(3)
})

it('leaves nothing behind a minute later', async () => {
  await world.nothingLeft()
  const sorted = seconds.toSorted((a, b) => a - b)
  const kills = rounds.flatMap(({ points }) => points).length
  console.log(
    `${kills} kills; push to ready with them: median ${sorted[Math.floor(sorted.length / 2)]!.toFixed(1)} s, longest ${sorted.at(-1)!.toFixed(1)} s`,
  )
})
