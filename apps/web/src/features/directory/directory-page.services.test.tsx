import { ModelList } from '@modelport/schema/api'
import { renderToStaticMarkup } from 'react-dom/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestSite, type TestSite } from '#src/api/test-site.ts'
import * as models from '#src/app/api/v1/models/route.ts'
import DirectoryRoute, { generateMetadata } from '#src/app/models/page.tsx'
import { suggest } from '#src/features/directory/suggest.ts'

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
  for (const [name, summary] of [
    ['depth-sketch', 'Draws <b>lines</b>'],
    ['night-sky', 'Paints stars'],
  ] as const) {
    const { model } = await site.seed.model({ owner: 'alice', name, summary, topics: ['drawing'] })
    await site.seed.publishedVersion(model, { lines: 1 })
  }
  const secret = await site.seed.model({ owner: 'mallory', name: 'secret', private: true, topics: ['hidden-topic'] })
  await site.seed.publishedVersion(secret.model, { lines: 1 })
})
afterAll(() => site.close())

type Search = Record<string, string | string[]>
const pageOf = async (search: Search) =>
  renderToStaticMarkup(await DirectoryRoute({ searchParams: Promise.resolve(search) }))
/** Whether the page has an input with all these attributes, in any order. */
const hasInput = (html: string, ...attributes: string[]) =>
  [...html.matchAll(/<input [^>]*>/g)].some(([tag]) => attributes.every((attribute) => tag.includes(attribute)))
const metadataOf = (search: Search) => generateMetadata({ searchParams: Promise.resolve(search) })
const apiOf = (query: string) => site.call(models.GET, `/models?${query}`)

describe('the page of the directory', () => {
  it('lists models beside filters that a form sends', async () => {
    const html = await pageOf({})
    expect(html).toContain('depth-sketch')
    expect(html).toMatch(/>2\smodels</)
    expect(hasInput(html, 'type="checkbox"', 'name="input"', 'value="vector"')).toBe(true)
    expect(hasInput(html, 'type="radio"', 'name="size"', 'value="..2gb"')).toBe(true)
    expect(html).toContain('Draws &lt;b&gt;lines')
    for (const hidden of ['secret', 'mallory', 'hidden-topic']) expect(html).not.toContain(hidden)
  })
  it('shows what applies, each with the way out', async () => {
    const html = await pageOf({ q: 'depth', output: 'image', target: 'gpu' })
    expect(html).toContain('aria-label="Remove Output type: image"')
    expect(html).toContain('href="/models?q=depth&amp;target=gpu"')
    expect(hasInput(html, 'type="hidden"', 'name="q"', 'value="depth"')).toBe(true)
    expect(hasInput(html, 'name="output"', 'checked=""', 'value="image"')).toBe(true)
  })
  it('says on an empty page what each filter hides', async () => {
    const html = await pageOf({ q: 'stars', input: 'vector', license: 'nosuch' })
    expect(html).toContain('No model matches “stars”')
    expect(html).toContain('href="/models?q=stars&amp;input=vector"')
    expect(html).not.toContain('“Input type”')
  })
  it('says which word it mended', async () => {
    expect(await pageOf({ q: 'skctch' })).toContain('These are the models for “sketch”')
  })
  it('sends a form’s long address to the short one', async () => {
    await expect(pageOf({ q: '', input: ['text', 'image'], size: '' })).rejects.toMatchObject({
      digest: expect.stringContaining('/models?input=image,text'),
    })
  })
  it('says that a search was given up, on the page and in the API', async () => {
    await site.db.transaction(async (tx) => {
      await tx.execute('lock table model_search')
      const [html, answer] = await Promise.all([pageOf({ q: 'depth', target: 'gpu' }), apiOf('q=depth')])
      expect(html).toContain('This search took too long.')
      expect(html).toContain('href="/models?q=depth"')
      expect(answer.status).toBe(503)
      expect(await answer.text()).toContain('This search took too long.')
    })
  })
  it('keeps filters out of search engines', async () => {
    expect((await metadataOf({ q: 'a', input: 'text' })).robots).toBeUndefined()
    expect(await metadataOf({ q: 'a', input: 'text', sort: 'name', target: 'cpu', cursor: 'x' })).toMatchObject({
      robots: { index: false },
      alternates: { canonical: '/models?q=a' },
    })
  })
})

describe('the list below the search field', () => {
  it('offers models and publishers that begin so, and nobody who has only private ones', async () => {
    expect(await suggest('ALI')).toEqual({
      models: expect.arrayContaining([expect.objectContaining({ path: '/alice/depth-sketch' })]),
      publishers: [{ path: '/alice', name: 'alice' }],
    })
    for (const nobody of ['mall', 'lice', 'a%', '_lice', ' ']) expect((await suggest(nobody)).publishers).toEqual([])
  })
})

describe('the API of the directory', () => {
  it('gives the page’s models and counts', async () => {
    const answer = ModelList.parse(await (await apiOf('q=drawing&output=image&sort=name')).json())
    expect(answer.items.map(({ name }) => name)).toEqual(['depth-sketch', 'night-sky'])
    expect(answer.total).toEqual({ count: 2, more: false })
    expect(answer.facets!.publisher).toEqual([{ value: 'alice', count: 2 }])
    expect(answer.facets!.keyword).toEqual([{ value: 'drawing', count: 2 }])
  })
  it('counts on the first page only', async () => {
    const first = ModelList.parse(await (await apiOf('limit=1')).json())
    const second = ModelList.parse(await (await apiOf(`limit=1&cursor=${first.nextCursor}`)).json())
    expect(first.facets).not.toBeNull()
    expect(second.facets).toBeNull()
    expect(second.items[0]!.id).not.toBe(first.items[0]!.id)
    expect(second.nextCursor).toBeNull()
  })
  it.each([
    `q=${'x'.repeat(257)}`,
    `q=${'a+'.repeat(9)}`,
    `keyword=${Array.from({ length: 201 }, (_, i) => i).join(',')}`,
    'size=big',
    'sort=sideways',
    'q=%00',
    'input=%00',
    'limit=101',
  ])('refuses %s', async (query) => {
    const answer = await apiOf(query)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })
})
