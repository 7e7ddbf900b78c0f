import { expect, it } from 'vitest'
import { openPartAddresses } from '#src/features/files/upload/part-addresses.ts'
import { SendError } from '#src/features/files/upload/send-file.ts'

const failure = (status: number, from: 'api' | 'store' = 'store') =>
  new SendError(status, from, { code: 'failed', sentence: 'It failed.' })

/** Addresses of a file of `count` parts; each says how many requests there had been. */
function open(count: number) {
  const asked: number[][] = []
  const clock = { minutes: 0, broken: false }
  const addresses = openPartAddresses(
    async (parts) => {
      asked.push([...parts])
      if (clock.broken) throw failure(0, 'api')
      return parts.map((part) => `${part} of ${asked.length}`)
    },
    Array.from({ length: count }, (_, i) => i + 1),
    () => clock.minutes * 60_000,
  )
  return { addresses, asked, clock }
}

it('asks for sixteen at a time, and for none that arrived', async () => {
  const { addresses, asked } = open(20)
  const found: string[] = []
  for (const part of [1, 2, 3, 16, 17]) {
    found.push(await addresses.of(part))
    if (part < 16) addresses.done(part)
  }
  expect(found).toEqual(['1 of 1', '2 of 1', '3 of 1', '16 of 1', '17 of 2'])
  expect(asked).toEqual([Array.from({ length: 16 }, (_, i) => i + 1), [17, 18, 19, 20]])
})

it('asks once for those who come while it is asked', async () => {
  const { addresses, asked } = open(4)
  expect(await Promise.all([1, 2, 3, 4].map(addresses.of))).toEqual(['1 of 1', '2 of 1', '3 of 1', '4 of 1'])
  expect(asked).toHaveLength(1)
})

it('keeps an address for five minutes', async () => {
  const { addresses, asked, clock } = open(3)
  await addresses.of(1)
  addresses.done(1)
  clock.minutes = 4.9
  expect(await addresses.of(2)).toBe('2 of 1')
  clock.minutes = 5
  expect(await addresses.of(2)).toBe('2 of 2')
  expect(asked[1]).toEqual([2, 3])
})

it('uses an address again after one cut of the link, and no more after a second or a refusal', async () => {
  const { addresses } = open(2)
  await addresses.of(1)
  addresses.failed(1, failure(0))
  expect(await addresses.of(1)).toBe('1 of 1')
  addresses.failed(1, failure(0))
  expect(await addresses.of(1)).toBe('1 of 2')
  addresses.failed(1, failure(403))
  expect(await addresses.of(1)).toBe('1 of 3')
  expect(await addresses.of(2)).toBe('2 of 1')
})

it('asks again after a request that failed', async () => {
  const { addresses, clock } = open(2)
  clock.broken = true
  const both = await Promise.allSettled([addresses.of(1), addresses.of(2)])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  clock.broken = false
  expect([await addresses.of(2), await addresses.of(1)]).toEqual(['2 of 2', '1 of 2'])
})
