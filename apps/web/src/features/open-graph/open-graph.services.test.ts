import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { openTestSite, type TestSite } from '#src/api/test-site.ts'
import { drawable, drawCard, genericCard } from '#src/features/open-graph/card.tsx'
import { serveCard } from '#src/features/open-graph/serve-card.ts'

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
})
afterAll(() => site.close())
afterEach(() => vi.restoreAllMocks())

const get = async (segment: string) => {
  const answer = await serveCard(new Request('http://site.test/x'), 'alice', segment)
  return { answer, bytes: Buffer.from(await answer.arrayBuffer()) }
}

it('draws 1200 by 630 for a public model, another for each version, and the generic one for what is not public', async () => {
  const { model } = await site.seed.model({ name: 'drawn', summary: 'Turns a photo into a line drawing.' })
  await site.seed.publishedVersion(model)
  await site.seed.publishedVersion(model)
  await site.seed.failedBuild(model, { step: 'build:1' })
  const hidden = await site.seed.model({ name: 'undrawn', private: true })
  await site.seed.publishedVersion(hidden.model)

  const shown = await get('drawn')
  expect(shown.answer.headers.get('content-type')).toBe('image/png')
  expect(await sharp(shown.bytes).metadata()).toMatchObject({ format: 'png', width: 1200, height: 630 })
  expect((await get('drawn@2')).bytes.equals(shown.bytes)).toBe(true)
  expect((await get('drawn@1')).bytes.equals(shown.bytes)).toBe(false)

  const generic = await get('nothing-of-that-name')
  expect(generic.bytes.equals(shown.bytes)).toBe(false)
  // A version that failed is not public either.
  for (const segment of ['undrawn', 'undrawn@1', 'drawn@3', 'drawn@99'])
    expect((await get(segment)).bytes.equals(generic.bytes), segment).toBe(true)
})

it('asks nobody for fonts or pictures, whatever the words are', async () => {
  const asked = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('no network'))
  const letters = Array.from({ length: 0x2200 }, (_, code) => String.fromCharCode(code)).join('')
  for (const summary of [
    '日本語のモデル',
    '😀 🎨 emoji',
    'نص عربي',
    letters.slice(0x20, 0x250),
    letters.slice(0x370, 0x460),
    letters.slice(0x2010),
  ])
    await drawCard({
      ...genericCard,
      owner: 'a',
      name: summary,
      summary: `Model of ${summary} and more words`,
      flow: 'text → 画像',
    })
  // The renderer is WebAssembly, which it may read from `data:` or a file; nothing else.
  expect(asked.mock.calls.map(([input]) => String(input)).filter((url) => /^https?:/.test(url))).toEqual([])
}, 60_000)

it('keeps what can be drawn', () => {
  expect(drawable('Zeichnet Häuser – schnell', 100)).toBe('Zeichnet Häuser – schnell')
  expect(drawable('Nice model 🎉', 100)).toBe('Nice model')
  expect(drawable('日本語のモデル', 100)).toBeNull()
  expect(drawable('a'.repeat(50), 10)).toBe(`${'a'.repeat(9)}…`)
})
