import { readDirectoryFilter } from '@modelport/schema/directory'
import { describe, expect, it } from 'vitest'
import { chipsOf, directoryAddress, isWrittenByForm, pairsOf, sizeTitle, valueTitle } from './filter-words.ts'

const read = (query: string) => readDirectoryFilter(new URLSearchParams(query))

describe('words of the filters', () => {
  it('lead from each chip to the list without it', () => {
    const filter = read('q=face&input=image,text&license=cc-by-nc-4.0&size=..2gb&sort=name')
    expect(chipsOf(filter).map(({ title, address }) => [title, address])).toEqual([
      ['Input type: image', '/models?q=face&input=text&license=cc-by-nc-4.0&size=..2gb&sort=name'],
      ['Input type: text', '/models?q=face&input=image&license=cc-by-nc-4.0&size=..2gb&sort=name'],
      ['License: CC-BY-NC-4.0', '/models?q=face&input=image,text&size=..2gb&sort=name'],
      ['Image size: up to 2 GB', '/models?q=face&input=image,text&license=cc-by-nc-4.0&sort=name'],
    ])
  })
  it('are none without a filter', () => {
    expect(chipsOf(read('q=face'))).toEqual([])
    expect(directoryAddress(read(''))).toBe('/models')
  })
  it.each([
    ['apache-2.0', 'Apache-2.0'],
    ['bsd-3-clause', 'BSD-3-Clause'],
    ['gpl-3.0-or-later', 'GPL-3.0-or-later'],
    ['not-stated', 'Not stated'],
  ])('write the licence %s as %s', (value, title) => expect(valueTitle('license', value)).toBe(title))
  it.each([
    ['500mb..2gb', '500 MB to 2 GB'],
    ['500mb..', '500 MB or more'],
  ])('say the size %s as %s', (words, title) => expect(sizeTitle(words)).toBe(title))
  it('know what a form wrote, and are shorter in one step', () => {
    const written = { q: '', input: ['text', 'image'], sort: 'updated' }
    expect(isWrittenByForm(written)).toBe(true)
    expect(directoryAddress(readDirectoryFilter(pairsOf(written)))).toBe('/models?input=image,text')
    expect(isWrittenByForm({ input: 'image,text' })).toBe(false)
  })
})
