import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { makeBell } from './bell.ts'

const { signal } = new AbortController()

it('wakes one at each ring', async () => {
  const bell = makeBell()
  const woken: string[] = []
  const waits = ['a', 'b'].map(async (name) => {
    await bell.wait(60_000, signal)
    woken.push(name)
  })
  bell.ring()
  await waits[0]
  expect(woken).toEqual(['a'])
  bell.ring()
  await waits[1]
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

it('keeps a ring for the next who waits, and one is enough', async () => {
  const bell = makeBell()
  bell.ring()
  bell.ring()
  await bell.wait(60_000, signal)
  const began = performance.now()
  await bell.wait(20, signal)
  expect(performance.now() - began).toBeGreaterThan(15)
})
