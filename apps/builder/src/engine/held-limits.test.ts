import { describe, expect, it } from 'vitest'
import { PlatformError } from '../build/build-error.ts'
import { assertLimitsHeld, unheldLimits } from './held-limits.ts'

const able = { memory: true, cpu: true, pids: true, seccomp: true, ownCgroups: true }
const names = (...asked: Parameters<typeof unheldLimits>) => unheldLimits(...asked).map((limit) => limit.name)

describe('unheldLimits', () => {
  it('is empty for the container driver on an engine that can', () => {
    expect(names('container', able)).toEqual([])
    expect(names('container', { ...able, ownCgroups: false })).toEqual([])
  })

  it('tells what the engine cannot', () => {
    expect(names('container', { ...able, memory: false, pids: false })).toEqual(['memory', 'processes'])
    expect(names('container', { ...able, seccomp: false })).toEqual(['system calls'])
  })

  it('tells what the builders of the engine ignore or do not take', () => {
    expect(names('classic', able)).toEqual(['capabilities', 'names'])
    expect(names('classic', { ...able, ownCgroups: false })).toEqual(['processes', 'capabilities', 'names'])
    expect(names('classic', { ...able, pids: false })).toEqual(['processes', 'capabilities', 'names'])
    const all = ['memory', 'cpu', 'processes', 'disk', 'log', 'capabilities', 'network', 'names']
    expect(names('buildkit', able)).toEqual(all)
    expect(names('buildkit', { ...able, memory: false })).toEqual(all)
  })
})

describe('assertLimitsHeld', () => {
  const driver = { name: 'classic' as const, unheldLimits: async () => unheldLimits('classic', able) }

  it('refuses with one sentence that names every limit and both ways out', async () => {
    const error = await assertLimitsHeld(driver, 'refuse').catch((thrown) => thrown)
    expect(error).toBeInstanceOf(PlatformError)
    expect(error.code).toBe('build/engine-without-limits')
    for (const word of ['capabilities, names', 'BUILD_ENGINE=classic', 'BUILD_UNHELD_LIMITS=accept']) {
      expect(error.sentence).toContain(word)
    }
  })

  it('lets the operator accept, and needs no word where all is held', async () => {
    await assertLimitsHeld(driver, 'accept')
    await assertLimitsHeld({ name: 'container', unheldLimits: async () => [] }, 'refuse')
  })
})
