import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  directoryLimits,
  directoryQuery,
  narrowedBy,
  permissionsOf,
  readDirectoryFilter,
  readSize,
  searchWords,
  writeSize,
} from './directory.ts'

const read = (query: string) => readDirectoryFilter(new URLSearchParams(query))
// Any code points, halves of characters among them.
const anyText = fc
  .array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 30 })
  .map((points) => String.fromCodePoint(...points))
const tidy = (query: string) => directoryQuery(read(query))

describe('searchWords', () => {
  it.each([
    ['flair/ner-danish-large', ['flair', 'ner', 'danish', 'large']],
    ['v1.0 & a/b', ['v1', '0', 'a', 'b']],
    ['Überblick, ﬁne', ['uberblick', 'fine']],
    ["'; drop -- table", ['drop', 'table']],
    ['\ud800 \0', []],
    ['模型 модель', ['模型', 'модель']],
  ])('cuts %j', (text, words) => expect(searchWords(text)).toEqual(words))
  it('gives letters and digits only, whatever it gets', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const words = searchWords(text)
        expect(words.filter((word) => !/^[\p{L}\p{N}]+$/u.test(word) || [...word].length > 60)).toEqual([])
      }),
    )
  })
})

describe('the address of a search', () => {
  it.each([
    ['', ''],
    ['q=&input=&sort=updated&size=', ''],
    ['sort=updated&q=face', 'q=face&sort=updated'],
    ['sort=relevance&q=face', 'q=face'],
    ['sort=relevance', ''],
    ['sort=sideways', ''],
    ['size=..2GB&output=vector,text&input=image&q=face', 'q=face&input=image&output=text,vector&size=..2gb'],
    ['input=text&input=image&input=text', 'input=image,text'],
    ['license=MIT&publisher=Alice', 'license=mit&publisher=alice'],
    ['size=nonsense&unknown=1', ''],
    ['size=500mb..1.5gb', 'size=500mb..1.5gb'],
  ])('%j is written %j', (query, expected) => expect(tidy(query)).toBe(expected))
  it('is written the same when it is read again', () => {
    const word = fc.constantFrom('q', 'input', 'license', 'keyword', 'size', 'sort', 'publisher')
    const value = fc.oneof(anyText, fc.constantFrom('..2gb', '1kb..', 'name', 'a,b', 'two words '))
    fc.assert(
      fc.property(fc.array(fc.tuple(word, value)), (pairs) => {
        const once = tidy(new URLSearchParams(pairs).toString())
        expect(tidy(once)).toBe(once)
      }),
    )
  })
  it('reads a question of any length in so many words at most', () => {
    expect(searchWords(read(`q=${'a '.repeat(5000)}`).q)).toHaveLength(directoryLimits.words)
    expect(read(`q=${'x'.repeat(5000)}`).q).toHaveLength(directoryLimits.q)
    const many = Array.from({ length: 500 }, (_, i) => `k${i}`).join(',')
    expect(read(`keyword=${many}&input=${many}`).values.keyword.length).toBeLessThanOrEqual(directoryLimits.values)
  })
  it('keeps the space that ends a word', () => expect(read('q=danis+').q).toBe('danis '))
  it('counts what narrows it', () => expect(narrowedBy(read('q=a&input=text,image&size=..2gb'))).toBe(2))
})

describe('sizes', () => {
  it.each(['', '..', '2gb', '..2', 'x..y', '..2gb..'])('%j is none', (text) => expect(readSize(text)).toBeNull())
  it('are written as they are read, also where a unit divides with a remainder in the last bit', () => {
    expect(readSize(writeSize({ from: 32_772_529_000, to: null }))).toEqual({ from: 32_772_529_000, to: null })
  })
  it('are written as they are read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (kilobytes) => {
        const range = { from: kilobytes * 1000, to: null }
        expect(readSize(writeSize(range))).toEqual(range)
      }),
    )
  })
})

describe('permissions', () => {
  it.each([
    ['MIT', ['commercial', 'distribution', 'modification']],
    ['CC-BY-NC-4.0', ['distribution', 'modification']],
    ['Some-Own-1.0', ['not-stated']],
    [null, ['not-stated']],
  ])('of %s', (spdx, expected) => expect(permissionsOf(spdx)).toEqual(expected))
})
