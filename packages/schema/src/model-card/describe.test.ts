import { expect, describe as group, it } from 'vitest'
import { type DescribeInput, describe } from './describe.ts'
import { splitFrontMatter } from './read-data.ts'

const nothing: DescribeInput = {
  edited: {},
  metadata: {},
  readme: null,
  citation: null,
  repository: { description: null, topics: [] },
}
const card = (yaml: string) => describe({ ...nothing, readme: `---\n${yaml}\n---\n# Hello\n` })

const cff = `cff-version: 1.2.0
title: Waves
abstract: Draws waves.
authors:
  - family-names: Lovelace
    given-names: Ada
    orcid: https://orcid.org/0000-0001-2345-6789
  - name: The Institute
doi: 10.5281/zenodo.1234
license: Apache-2.0
`

group('the words of a model', () => {
  it('come from the strongest place that has them, each by itself', () => {
    const all: DescribeInput = {
      edited: { title: 'Edited' },
      metadata: { name: 'Config', description: 'From the config' },
      readme: '---\ntitle: Card\nsummary: From the card\ntags: [art, waves]\n---\n',
      citation: cff,
      repository: { description: 'From GitHub', topics: ['topic'] },
    }
    const found = describe(all)
    expect(found.title).toEqual({ value: 'Edited', from: 'edited' })
    expect(found.summary).toEqual({ value: 'From the config', from: 'runway.yml' })
    expect(found.keywords).toEqual({ value: ['art', 'waves'], from: 'README' })
    expect(found.authors).toEqual({
      value: [{ name: 'Ada Lovelace', url: 'https://orcid.org/0000-0001-2345-6789' }, { name: 'The Institute' }],
      from: 'CITATION.cff',
    })
    expect(describe({ ...nothing, repository: all.repository }).summary?.from).toBe('repository')
    expect(describe({ ...all, edited: { keywords: [] } }).keywords).toEqual({ value: [], from: 'edited' })
  })

  it('know papers by arXiv id, DOI and address', () => {
    expect(card('arxiv: 2103.00020\ndoi: doi:10.1000/xyz\npaper: https://example.org/a').links?.value).toEqual([
      { title: 'example.org', url: 'https://example.org/a' },
      { title: 'arXiv:2103.00020', url: 'https://arxiv.org/abs/2103.00020' },
      { title: 'doi:10.1000/xyz', url: 'https://doi.org/10.1000/xyz' },
    ])
    expect(card('paper: https://arxiv.org/pdf/2103.00020v2.pdf').links?.value[0]?.title).toBe('arXiv:2103.00020v2')
  })

  it('keep a licence’s own name beside `other`', () => {
    expect(card('license: mit').licence?.value).toBe('mit')
    expect(card('license: other\nlicense_name: my-terms').licence?.value).toBe('my-terms')
    expect(card('license: unknown').licence).toBeNull()
  })

  it.each([
    'paper: javascript:alert(1)',
    'paper: "https://user:pass@example.org/"',
    'paper: "//example.org"',
    'doi: "10.1000/a<script>"',
    'base_model: ../../settings',
    'arxiv: [[[]]]',
    'authors: [{name: [a]}]',
  ])('drop %s', (yaml) => {
    const found = card(yaml)
    expect([...(found.links?.value ?? []), ...(found.authors?.value ?? [])]).toEqual([])
  })

  it('are plain text', () => {
    expect(card('title: "<script>\\u202eabc\\u0007\\n x"').title?.value).toBe('<script>abc x')
    expect(card(`title: ${'x'.repeat(5000)}`).title?.value).toHaveLength(200)
  })

  it('survive what is not YAML, and say which line', () => {
    const broken = card('title: a\nsummary: "open')
    expect(broken.problems[0]).toMatchObject({ file: 'README' })
    expect(broken.problems[0]!.line).toBeGreaterThan(1)
    expect(card('- a list').problems).toHaveLength(1)
    expect(card('').problems).toEqual([])
    expect(describe({ ...nothing, citation: '\0\u0001' }).problems).toHaveLength(1)
  })

  it.each([
    ['a bomb', 'a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\ntitle: T'],
    ['a prototype', '__proto__: {title: x}\ntitle: T'],
    ['depth', `a: ${'['.repeat(5000)}`],
    ['size', `a: ${'x'.repeat(300_000)}`],
    ['many', `a: [${'x,'.repeat(50_000)}]`],
    ['merge keys', '<<: {title: x}\ntitle: T'],
  ])('stay within the limits under %s', (_what, yaml) => {
    const began = performance.now()
    expect(card(yaml).problems.length).toBeGreaterThan(0)
    expect(performance.now() - began).toBeLessThan(1000)
    expect(({} as { title?: string }).title).toBeUndefined()
  })

  it('list keys that mean nothing here', () => {
    expect(card('title: a\nlayout: ../../etc').unknownKeys).toEqual(['layout'])
  })
})

it('cuts the front matter off a README', () => {
  expect(splitFrontMatter('---\na: b\n---\ntext')).toEqual({ yaml: 'a: b', text: 'text' })
  expect(splitFrontMatter('---\r\na: b\r\n---\r\ntext')).toEqual({ yaml: 'a: b', text: 'text' })
  expect(splitFrontMatter('---\n---\ntext')).toEqual({ yaml: '', text: 'text' })
  expect(splitFrontMatter('# no\n---\na\n---\n').yaml).toBeNull()
  expect(splitFrontMatter('---\nnever closed').yaml).toBeNull()
})
