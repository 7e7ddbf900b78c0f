// The directory's words: the same in the address of `/models` and in `/api/v1/models`, and the one way in which texts
// and questions are cut into words.

/** What a list of models can be narrowed by, in the order of the page. OR inside a facet, AND across. */
export const facets = [
  'input',
  'output',
  'license',
  'permission',
  'keyword',
  'framework',
  'target',
  'publisher',
] as const
export type Facet = (typeof facets)[number]

export const sorts = ['relevance', 'updated', 'newest', 'smallest', 'name'] as const
export type Sort = (typeof sorts)[number]

/** Bytes of the smallest image; null is open. */
export interface SizeRange {
  from: number | null
  to: number | null
}

/** What somebody looks for. */
export interface DirectoryFilter {
  q: string
  values: Record<Facet, string[]>
  size: SizeRange | null
  /** Never `relevance` without words to be relevant to. */
  sort: Sort
}

export const directoryLimits = { q: 256, words: 8, values: 200, value: 100 }

/** Ranges that the page offers. */
export const sizePresets = ['..500mb', '..2gb', '..8gb'] as const

const longestWord = 60

/**
 * Cuts a text into words: lower case, without accents, split at everything that is neither letter nor digit. PostgreSQL's
 * own parser never sees a text, because it takes `a/b` for a path and `v1.0` for a version.
 */
export function searchWords(text: string): string[] {
  const plain = wellFormed(text)
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
  return (plain.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => [...word].slice(0, longestWord).join(''))
}

/** Reads a filter from pairs of word and value, as an address or a form gives them; what makes no sense is left out. */
export function readDirectoryFilter(pairs: Iterable<readonly [string, string]>): DirectoryFilter {
  const given = new Map<string, string[]>()
  for (const [word, value] of pairs) given.set(word, [...(given.get(word) ?? []), value])
  const first = (word: string) => given.get(word)?.[0] ?? ''
  const q = cutQuery(first('q'))
  let left = directoryLimits.values
  const values = Object.fromEntries(
    facets.map((facet) => {
      const list = valuesOf(given.get(facet) ?? []).slice(0, left)
      left -= list.length
      return [facet, list]
    }),
  ) as Record<Facet, string[]>
  const sort = sorts.find((known) => known === first('sort')) ?? defaultSort(q)
  // A form sends every preset that is ticked; the first is what counts.
  return { q, values, size: readSize(first('size')), sort: sort === 'relevance' ? defaultSort(q) : sort }
}

export const defaultSort = (q: string): Sort => (searchWords(q).length > 0 ? 'relevance' : 'updated')

/** At most so long and so many words that no question is slow. The last space is kept: after it, a word is complete. */
function cutQuery(text: string): string {
  const short = wellFormed(text.replaceAll('\0', '').slice(0, directoryLimits.q))
  // One sign may stand for several words, so that it is taken apart before words are counted.
  const plain = wellFormed(short.normalize('NFKC').trimStart().slice(0, directoryLimits.q))
  const next = [...plain.matchAll(/[\p{L}\p{M}\p{N}]+/gu)][directoryLimits.words]
  return (next ? plain.slice(0, next.index) : plain).replace(/\s+$/, ' ')
}

/** Half a character, as a cut may leave it, is none that a database takes. */
const wellFormed = (text: string) => text.replace(/\p{Surrogate}/gu, '\ufffd')

function valuesOf(lists: readonly string[]): string[] {
  const all = lists
    .flatMap((list) => list.split(','))
    .map((value) => wellFormed(value.replaceAll('\0', '')).trim().toLowerCase())
  return [...new Set(all)].filter((value) => value !== '' && value.length <= directoryLimits.value).sort()
}

const units = { kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 }
const sizeText = /^(?:(\d{1,6}(?:\.\d{1,3})?)(kb|mb|gb|tb))?\.\.(?:(\d{1,6}(?:\.\d{1,3})?)(kb|mb|gb|tb))?$/

/** `..2gb`, `500mb..`, `500mb..2gb`; null for anything else. */
export function readSize(text: string): SizeRange | null {
  const match = sizeText.exec(text.trim().toLowerCase())
  if (!match) return null
  const bytes = (amount?: string, unit?: string) =>
    amount === undefined ? null : Math.round(Number(amount) * units[unit as keyof typeof units])
  const range = { from: bytes(match[1], match[2]), to: bytes(match[3], match[4]) }
  return range.from === null && range.to === null ? null : range
}

/** A range as an address has it; the inverse of `readSize`. */
export function writeSize(range: SizeRange): string {
  const text = (bytes: number | null) => {
    if (bytes === null) return ''
    // The largest unit that says the same with three digits after the point.
    const fits = ([, each]: [string, number]) => bytes >= each && (bytes * 1000) % each === 0
    const [unit, factor] = Object.entries(units).findLast(fits) ?? ['kb', units.kb]
    return `${bytes / factor}${unit}`
  }
  return `${text(range.from)}..${text(range.to)}`
}

/** The filter as an address's query: fixed order, sorted lists, defaults left out. Empty when nothing is asked. */
export function directoryQuery(filter: DirectoryFilter, more: { cursor?: string | null; limit?: number } = {}): string {
  const query = new URLSearchParams()
  const put = (word: string, value: string) => value !== '' && query.set(word, value)
  const list = (facet: Facet) => put(facet, filter.values[facet].toSorted().join(','))
  put('q', filter.q.trim() === '' ? '' : filter.q)
  for (const facet of ['input', 'output', 'license', 'permission', 'keyword', 'framework', 'target'] as const)
    list(facet)
  put('size', filter.size ? writeSize(filter.size) : '')
  list('publisher')
  put('sort', filter.sort === defaultSort(filter.q) ? '' : filter.sort)
  put('cursor', more.cursor ?? '')
  put('limit', more.limit ? String(more.limit) : '')
  // A comma needs no escape in a query, and lists are read by people.
  return query.toString().replaceAll('%2C', ',')
}

/** How many facets narrow the list; a size counts as one. */
export const narrowedBy = (filter: DirectoryFilter): number =>
  facets.filter((facet) => filter.values[facet].length > 0).length + (filter.size ? 1 : 0)

const all = ['commercial', 'distribution', 'modification']
const without = (permission: string) => all.filter((each) => each !== permission)

// What common licences allow, as choosealicense.com and Creative Commons have it. A licence that is not here says nothing.
const allowed: Record<string, string[]> = {
  ...Object.fromEntries(
    [
      ...[
        '0bsd',
        'afl-3.0',
        'agpl-3.0',
        'agpl-3.0-only',
        'agpl-3.0-or-later',
        'apache-2.0',
        'artistic-2.0',
        'bsd-2-clause',
      ],
      ...[
        'bsd-3-clause',
        'bsd-3-clause-clear',
        'bsl-1.0',
        'cc-by-4.0',
        'cc-by-sa-4.0',
        'cc0-1.0',
        'ecl-2.0',
        'epl-2.0',
      ],
      ...[
        'eupl-1.2',
        'gpl-2.0',
        'gpl-2.0-only',
        'gpl-2.0-or-later',
        'gpl-3.0',
        'gpl-3.0-only',
        'gpl-3.0-or-later',
        'isc',
      ],
      ...[
        'lgpl-2.1',
        'lgpl-2.1-only',
        'lgpl-2.1-or-later',
        'lgpl-3.0',
        'lgpl-3.0-only',
        'lgpl-3.0-or-later',
        'mit',
        'mit-0',
      ],
      ...['mpl-2.0', 'ms-pl', 'ncsa', 'postgresql', 'unlicense', 'upl-1.0', 'wtfpl', 'zlib'],
    ].map((id) => [id, all]),
  ),
  ...Object.fromEntries(['cc-by-nc-4.0', 'cc-by-nc-sa-4.0'].map((id) => [id, without('commercial')])),
  'cc-by-nd-4.0': without('modification'),
  'cc-by-nc-nd-4.0': ['distribution'],
}

/** What a licence allows by its SPDX id, or `not-stated` where we cannot tell. */
export const permissionsOf = (spdx: string | null | undefined): string[] =>
  allowed[spdx?.toLowerCase() ?? ''] ?? ['not-stated']
