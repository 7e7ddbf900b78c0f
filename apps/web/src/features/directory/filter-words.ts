import { type DirectoryFilter, directoryQuery, type Facet, facets, writeSize } from '@modelport/schema/directory'

/** What a facet is called above its values. */
export const facetTitles: Record<Facet | 'size', string> = {
  input: 'Input type',
  output: 'Output type',
  permission: 'License allows',
  license: 'License',
  keyword: 'Keyword',
  framework: 'Framework',
  target: 'Runs on',
  size: 'Image size',
  publisher: 'Publisher',
}

export const sortTitles = {
  relevance: 'Relevance',
  updated: 'Recently updated',
  newest: 'Newest',
  smallest: 'Smallest image',
  name: 'Name',
}

const valueTitles: Partial<Record<Facet, Record<string, string>>> = {
  permission: {
    commercial: 'Commercial use',
    distribution: 'Distribution',
    modification: 'Modification',
    'not-stated': 'Not stated',
  },
  license: { 'not-stated': 'Not stated', own: 'Own licence', mit: 'MIT', isc: 'ISC' },
  framework: { pytorch: 'PyTorch', tensorflow: 'TensorFlow' },
  target: { cpu: 'CPU', gpu: 'GPU' },
}

/** A value as a person reads it. Licences are kept in lower case, and SPDX writes most of them in capitals. */
export function valueTitle(facet: Facet, value: string): string {
  const known = valueTitles[facet]?.[value]
  if (known) return known
  if (facet !== 'license') return value
  return value.replace(/[a-z]+/g, (part) => spdxParts[part] ?? part.toUpperCase())
}

const spdxParts: Record<string, string> = {
  apache: 'Apache',
  artistic: 'Artistic',
  clause: 'Clause',
  clear: 'Clear',
  later: 'later',
  only: 'only',
  or: 'or',
  postgresql: 'PostgreSQL',
  unlicense: 'Unlicense',
  zlib: 'Zlib',
}

/** `up to 2 GB`, `500 MB to 2 GB`. */
export function sizeTitle(words: string): string {
  const [from, to] = words.split('..').map((part) => part.replace(/[a-z]+$/, (unit) => ` ${unit.toUpperCase()}`))
  if (!from) return `up to ${to}`
  return to ? `${from} to ${to}` : `${from} or more`
}

/** Where the news of a search are fed from. */
export function feedAddress(filter: DirectoryFilter): string {
  const query = directoryQuery(filter)
  return query === '' ? '/feed.atom' : `/feed.atom?${query}`
}

/** The address of a filter. */
export function directoryAddress(filter: DirectoryFilter, cursor?: string | null): string {
  const query = directoryQuery(filter, { cursor })
  return query === '' ? '/models' : `/models?${query}`
}

export interface Chip {
  key: string
  title: string
  /** Where the filter leads without it. */
  address: string
}

/** What narrows the list, each with the address of the same list without it. */
export function chipsOf(filter: DirectoryFilter): Chip[] {
  const chips = facets.flatMap((facet) =>
    filter.values[facet].map((value) => ({
      key: `${facet}=${value}`,
      title: `${facetTitles[facet]}: ${valueTitle(facet, value)}`,
      address: directoryAddress({
        ...filter,
        values: { ...filter.values, [facet]: filter.values[facet].filter((other) => other !== value) },
      }),
    })),
  )
  if (filter.size)
    chips.push({
      key: 'size',
      title: `${facetTitles.size}: ${sizeTitle(writeSize(filter.size))}`,
      address: directoryAddress({ ...filter, size: null }),
    })
  return chips
}

/** Whether a browser wrote this address from a form: empty words, or one word twice. It has a shorter one. */
export function isWrittenByForm(search: Record<string, string | string[] | undefined>): boolean {
  return Object.values(search).some((value) => Array.isArray(value) || value === '')
}

/** The pairs of Next's search parameters. */
export function pairsOf(search: Record<string, string | string[] | undefined>): [string, string][] {
  return Object.entries(search).flatMap(([word, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [word, each]),
  )
}
