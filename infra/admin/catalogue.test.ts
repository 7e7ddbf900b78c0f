import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { upstreamCatalogue } from '@modelport/schema/catalogues/upstream'
import { describe, expect, it } from 'vitest'
import { judgeEntry, type Means } from './catalogue.ts'

const able: Means = { engine: '20.10', mmdebstrap: true, root: true, images: new Set(), canPull: async () => false }
const debian = debianCatalogue.entries[0]!
const upstream = (state: string) => upstreamCatalogue.entries.find((entry) => entry.state === state)!

describe('admin catalogue check', () => {
  it('says that a Debian entry can be made where its tools are', async () => {
    expect(await judgeEntry(debian, able)).toMatchObject({ id: debian.id, canBuild: true })
  })
  it.each([
    ['no engine', { engine: null }, /no container engine/],
    ['no mmdebstrap', { mmdebstrap: false }, /apt-get install mmdebstrap/],
    ['no root', { root: false }, /needs root/],
  ])('says why not with %s', async (_, lack, why) => {
    expect(await judgeEntry(debian, { ...able, ...lack })).toMatchObject({
      canBuild: false,
      why: expect.stringMatching(why),
    })
  })
  it('can build on a public image that lies in the engine or can be pulled, and not on one that is gone', async () => {
    const available = upstream('available')
    if (available.source.kind !== 'image') throw new Error('upstream entries stand on images')
    const { reference } = available.source
    expect(await judgeEntry(available, able)).toMatchObject({ canBuild: false })
    expect(await judgeEntry(available, { ...able, canPull: async () => true })).toMatchObject({ canBuild: true })
    expect(await judgeEntry(available, { ...able, images: new Set([reference]) })).toMatchObject({ canBuild: true })
    expect(await judgeEntry(upstream('gone'), { ...able, canPull: async () => true })).toMatchObject({
      canBuild: false,
      why: expect.stringMatching(/deleted upstream/),
    })
    expect(await judgeEntry(upstream('operator-mirror'), { ...able, canPull: async () => true })).toMatchObject({
      canBuild: false,
      why: expect.stringMatching(/mirror/),
    })
  })
})
