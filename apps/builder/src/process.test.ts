import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { pause } from './process.ts'

it('waits, and leaves no listener on a signal that lives as long as the process', async () => {
  const { signal } = new AbortController()
  for (let i = 0; i < 20; i++) await pause(1, signal)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

it('ends at once when the signal aborts or has aborted', async () => {
  const stopping = new AbortController()
  const waiting = pause(60_000, stopping.signal)
  stopping.abort()
  await waiting
  await pause(60_000, stopping.signal)
})
