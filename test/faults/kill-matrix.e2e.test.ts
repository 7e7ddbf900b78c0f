import { receiverFailPoints, workerFailPoints } from '@modelport/builder/src/fail-point.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../world.ts'
import { type FaultsWorld, openFaultsWorld } from './faults-world.ts'

// Every point of a push's way at which a process can die, each once: the receiver with the push of one repository, the
// worker in that push's build. KILL_MATRIX_TIMES=10 goes round ten times.
const times = Number(process.env.KILL_MATRIX_TIMES ?? 1)
const rounds = Array.from({ length: times }, (_, round) =>
  workerFailPoints.map((worker, i) => ({ worker, receiver: receiverFailPoints[i] ?? null, round })),
).flat()

let world: FaultsWorld
const seconds: number[] = []
beforeAll(async () => {
  world = await openFaultsWorld([...receiverFailPoints, ...workerFailPoints], 'kill')
  await world.readyOnce('alice/warm', await world.pushTiny('alice/warm'))
})
afterAll(() => world?.stop())

it.each(rounds)(
  'kill -9 of the worker at $worker, of the receiver at $receiver (round $round): one version, once',
  async ({ worker, receiver, round }) => {
    const repository = `alice/${worker.replaceAll(':', '-')}-${round}`
    world.arm(worker)
    if (receiver) world.arm(receiver)
    const began = performance.now()
    const commit = await world.pushTiny(repository)
    for (const point of receiver ? [receiver, worker] : [worker])
      await until(async () => world.knocked(point), 60_000, `${point} to be reached`)
    const epoch = await world.readyOnce(repository, commit)
    seconds.push((performance.now() - began) / 1000)
    expect(epoch).toBeLessThanOrEqual(3)
  },
)

it('leaves nothing behind a minute later', async () => {
  await world.nothingLeft()
  const sorted = seconds.toSorted((a, b) => a - b)
  const kills = rounds.length + rounds.filter((round) => round.receiver).length
  console.log(
    `${kills} kills; push to ready with them: median ${sorted[Math.floor(sorted.length / 2)]!.toFixed(1)} s, longest ${sorted.at(-1)!.toFixed(1)} s`,
  )
})
