import { describe, expect, it } from 'vitest'
import { apa, bibtex, type CiteInput, cff, citationOf } from './cite.ts'
import { readData } from './read-data.ts'

const input: CiteInput = {
  citation: null,
  title: 'alice/waves',
  authors: [{ name: 'Ada Lovelace' }, { name: 'Grace Hopper' }],
  publishedAt: new Date('2026-11-20T12:00:00Z'),
  url: 'http://site.test/alice/waves@3',
  version: 3,
}

describe('a citation', () => {
  it('is made of what is known of the model, with version and pinned address', () => {
    const work = citationOf(input)
    expect(bibtex(work)).toBe(`@software{Lovelace2026alicewaves,
  title = {{alice/waves}},
  author = {{Ada Lovelace} and {Grace Hopper}},
  year = {2026},
  version = {3},
  url = {http://site.test/alice/waves@3}
}
`)
    expect(apa(work)).toBe(
      'Lovelace, A., & Hopper, G. (2026). alice/waves (Version 3) [Machine learning model]. http://site.test/alice/waves@3',
    )
    expect(cff(work)).toContain('date-released: 2026-11-20')
  })

  it('prefers what CITATION.cff prefers', () => {
    const citation = `title: Software
authors: [{name: A}]
preferred-citation:
  type: article
  title: The paper
  year: 1999
  journal: Waves Weekly
  doi: 10.1000/xyz
  authors:
    - family-names: Noether
      given-names: Emmy
`
    const work = citationOf({ ...input, citation })
    expect(work).toMatchObject({ kind: 'article', title: 'The paper', year: 1999, version: 3, from: 'CITATION.cff' })
    expect(apa(work)).toBe(
      'Noether, E. (1999). The paper (Version 3). Waves Weekly. https://doi.org/10.1000/xyz. http://site.test/alice/waves@3',
    )
    expect(citationOf({ ...input, citation: 'title: Software\n' }).authors).toEqual(input.authors)
  })

  it.each([
    'x}, url = {http://evil.example',
    '\\input{/etc/passwd}',
    '$\\write18$ % # & _ ~ ^',
    'a": b\n- c: "d',
    '# "quoted" \u2028 line',
  ])('cannot be broken out of by %j', (title) => {
    const work = citationOf({ ...input, title })
    const text = bibtex(work)
    let depth = 0
    for (const [c] of text.replaceAll(/\\[{}]/g, '').matchAll(/[{}]/g)) {
      depth += c === '{' ? 1 : -1
      expect(depth).toBeGreaterThanOrEqual(0)
    }
    expect(depth).toBe(0)
    expect(text).not.toMatch(/\\(?:input|write)/)
    expect(readData(cff(work)).data.title).toBe(title)
  })
})
