import type { NewDelivery } from '@modelport/db/queries/deliveries'
import { expect, it } from 'vitest'
import { deliveryStore } from './delivery-store.ts'

const delivery = (guid: string): NewDelivery => ({ guid, event: 'push', bodySha256: 'x', payload: {} })

it('stores what arrives together in few statements, and each delivery once', async () => {
  const stored = new Set<string>()
  let statements = 0
  const store = deliveryStore(async (arrived) => {
    statements++
    const guids = arrived.map(({ guid }) => guid)
    expect(new Set(guids).size).toBe(guids.length)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const fresh = guids.filter((guid) => !stored.has(guid))
    for (const guid of fresh) stored.add(guid)
    return new Set(fresh)
  })
  const guids = Array.from({ length: 250 }, (_, n) => `d${n % 200}`)
  const fresh = await Promise.all(guids.map((guid) => store(delivery(guid))))
  expect(stored.size).toBe(200)
  expect(fresh.filter(Boolean)).toHaveLength(200)
  expect(statements).toBeLessThan(10)
})

it('lets one that is refused fail alone', async () => {
  const store = deliveryStore(async (arrived) => {
    if (arrived.some(({ guid }) => guid === 'bad')) throw new Error('refused')
    return new Set(arrived.map(({ guid }) => guid))
  })
  const outcomes = await Promise.allSettled(['a', 'bad', 'b'].map((guid) => store(delivery(guid))))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
