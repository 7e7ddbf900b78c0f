import {
  type Data,
  type DataMap,
  plainText,
  plainTexts,
  type ReadData,
  readData,
  splitFrontMatter,
  webAddress,
} from './read-data.ts'

export const describedLimits = { title: 200, summary: 500, keywords: 30, keyword: 60, links: 20, authors: 50 } as const

/** Where a value comes from, the strongest first (product decision 11). */
export const sources = ['edited', 'runway.yml', 'README', 'CITATION.cff', 'LICENSE', 'repository'] as const
export type Source = (typeof sources)[number]

export interface Sourced<T> {
  value: T
  from: Source
}
export interface Link {
  title: string
  url: string
}
export interface Author {
  name: string
  role?: string | null
  url?: string | null
}

/** How fast the model was somewhere, in its publisher's words. */
export interface PerformanceNote {
  hardware: string
  time: string | null
  memory: string | null
  version: string | null
}

/** What a publisher wrote on the site; a key that is missing follows the repository. */
export interface Edits {
  title?: string
  summary?: string
  keywords?: string[]
  links?: Link[]
  authors?: Author[]
}

export interface Described {
  title: Sourced<string> | null
  summary: Sourced<string> | null
  keywords: Sourced<string[]> | null
  links: Sourced<Link[]> | null
  authors: Sourced<Author[]> | null
  /** The words that a file uses for its licence, not yet an id; never from the licence's own text. */
  licence: Sourced<string> | null
  /** From the front matter's `performance`. */
  performance: PerformanceNote[]
  /** Lines of README or CITATION.cff that could not be read; for publishers. */
  problems: { file: Source; sentence: string; line: number }[]
  /** Keys of the README's front matter that mean nothing here; for publishers. */
  unknownKeys: string[]
}

export interface DescribeInput {
  edited: Edits
  /** The keys of `runway.yml` that are not part of the format. */
  metadata: Record<string, unknown>
  readme: string | null
  /** The text of CITATION.cff. */
  citation: string | null
  repository: { description: string | null; topics: string[] }
}

type Found = Partial<{ [K in 'title' | 'summary' | 'licence']: string | null }> & {
  keywords?: string[]
  links?: Link[]
  authors?: Author[]
}

/** A model's title, summary, keywords, links and authors, each from the strongest place that has it. Pure; never throws. */
export function describe(input: DescribeInput): Described {
  const card = readCard(input.readme)
  const citation = readCitation(input.citation)
  const layers: [Source, Found][] = [
    ['edited', input.edited],
    ['runway.yml', fromMetadata(input.metadata)],
    ['README', fromCard(card.data)],
    ['CITATION.cff', fromCitation(citation.data)],
    ['repository', { summary: input.repository.description, keywords: input.repository.topics }],
  ]
  const text = (key: 'title' | 'summary' | 'licence'): Sourced<string> | null => {
    for (const [from, found] of layers) if (found[key]) return { value: found[key], from }
    return null
  }
  const list = <K extends 'keywords' | 'links' | 'authors'>(key: K) => {
    for (const [from, found] of layers) {
      const value = found[key]
      // An empty list that somebody saved on the site says that there are none.
      if (value && (value.length > 0 || from === 'edited')) return { value, from } as Sourced<NonNullable<Found[K]>>
    }
    return null
  }
  return {
    title: text('title'),
    summary: text('summary'),
    keywords: list('keywords'),
    links: list('links'),
    authors: list('authors'),
    licence: text('licence'),
    performance: performanceOf(card.data.performance),
    problems: [
      ...(card.problem ? [{ file: 'README' as const, ...card.problem }] : []),
      ...(citation.problem ? [{ file: 'CITATION.cff' as const, ...citation.problem }] : []),
    ],
    unknownKeys: Object.keys(card.data)
      .filter((key) => !cardKeys.has(key))
      .slice(0, 50)
      .flatMap((key) => plainText(key, 60) ?? []),
  }
}

const cardKeys = new Set(
  'title summary description license license_name license_link tags keywords pipeline_tag task library_name datasets base_model language paper arxiv doi authors thumbnail performance'.split(
    ' ',
  ),
)

function readCard(readme: string | null): ReadData {
  const yaml = readme === null ? null : splitFrontMatter(readme).yaml
  return yaml === null ? { data: {}, problem: null } : readData(yaml, 2)
}

export function readCitation(text: string | null): ReadData {
  return text === null ? { data: {}, problem: null } : readData(text)
}

function fromMetadata(metadata: Record<string, unknown>): Found {
  return {
    title: plainText(metadata.name as Data, describedLimits.title),
    summary: plainText(metadata.description as Data, describedLimits.summary),
    licence: plainText(metadata.license as Data, 100),
    keywords: keywordsOf(metadata.keywords as Data | undefined),
  }
}

function fromCard(data: DataMap): Found {
  const tags = [data.tags ?? data.keywords, data.pipeline_tag ?? data.task, data.library_name]
  // Hugging Face's cards write `license: other` and the name beside it.
  const licence = plainText(data.license, 100)
  const named = plainText(data.license_name, 100)
  return {
    title: plainText(data.title, describedLimits.title),
    summary: plainText(data.summary ?? data.description, describedLimits.summary),
    licence: licence && /^(?:other|unknown)$/i.test(licence) ? named : (licence ?? named),
    keywords: keywordsOf(tags.flatMap((tag) => tag ?? [])),
    links: linksOf([
      ...papersOf(data.paper),
      ...papersOf(data.arxiv),
      ...papersOf(data.doi),
      ...hubLinks('Base model', data.base_model, ''),
      ...hubLinks('Data set', data.datasets, 'datasets/'),
    ]),
    authors: authorsOf(data.authors),
  }
}

function fromCitation(data: DataMap): Found {
  const identifiers = Array.isArray(data.identifiers) ? data.identifiers.slice(0, 20) : []
  const preferred = isMap(data['preferred-citation']) ? data['preferred-citation'] : {}
  const site = webAddress(data.url)
  return {
    title: plainText(data.title, describedLimits.title),
    summary: plainText(data.abstract, describedLimits.summary),
    licence: plainText(data.license, 100),
    keywords: keywordsOf(data.keywords),
    links: linksOf([
      ...papersOf(preferred.doi),
      ...papersOf(data.doi),
      ...identifiers.flatMap((one) => (isMap(one) ? papersOf(one.value) : [])),
      ...(site ? [{ title: new URL(site).host, url: site }] : []),
    ]),
    authors: authorsOf(data.authors),
  }
}

const keywordsOf = (value: Data | undefined) =>
  plainTexts(value, { many: describedLimits.keywords, longest: describedLimits.keyword })

/** arXiv ids, DOIs and addresses, as links with a title that says which. */
function papersOf(value: Data | undefined): Link[] {
  return plainTexts(value, { many: describedLimits.links, longest: 500 }).flatMap((text) => paperOf(text) ?? [])
}

export function paperOf(text: string): Link | null {
  const arxiv = /(?:^|arxiv[:.]|arxiv\.org\/(?:abs|pdf)\/)(\d{4}\.\d{4,5}(?:v\d{1,2})?)(?:\.pdf)?$/i.exec(text)?.[1]
  if (arxiv) return { title: `arXiv:${arxiv}`, url: `https://arxiv.org/abs/${arxiv}` }
  const doi = doiOf(text)
  if (doi) return { title: `doi:${doi}`, url: `https://doi.org/${doi.split('/').map(encodeURIComponent).join('/')}` }
  const url = webAddress(text)
  return url ? { title: new URL(url).host, url } : null
}

export function doiOf(value: Data | undefined): string | null {
  if (typeof value !== 'string') return null
  return (
    /^(?:doi:\s*|https?:\/\/(?:dx\.)?doi\.org\/)?(10\.\d{4,9}\/[^\s"<>\\{}]{1,200})$/i.exec(value.trim())?.[1] ?? null
  )
}

function hubLinks(kind: string, value: Data | undefined, folder: string): Link[] {
  return plainTexts(value, { many: 5, longest: 100 })
    .filter((id) => /^[\w.-]+(?:\/[\w.-]+)?$/.test(id) && !/^\.+$/.test(id))
    .map((id) => ({ title: `${kind}: ${id}`, url: `https://huggingface.co/${folder}${id}` }))
}

function linksOf(links: Link[]): Link[] {
  return [...new Map(links.map((link) => [link.url, link])).values()].slice(0, describedLimits.links)
}

/** People and institutions, as a list of names, of `{name, url}` or of CFF's persons. */
export function authorsOf(value: Data | undefined): Author[] {
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return list.slice(0, describedLimits.authors).flatMap((one): Author[] => {
    if (!isMap(one)) {
      const name = plainText(one, 200)
      return name ? [{ name }] : []
    }
    const person = ['given-names', 'name-particle', 'family-names', 'name-suffix']
      .map((key) => plainText(one[key], 100))
      .filter(Boolean)
      .join(' ')
    const name = plainText(one.name, 200) ?? (person || plainText(one.alias, 100))
    if (!name) return []
    const url = webAddress(one.orcid) ?? webAddress(one.website) ?? webAddress(one.url)
    const role = plainText(one.role ?? one.affiliation, 100)
    return [{ name, ...(role ? { role } : {}), ...(url ? { url } : {}) }]
  })
}

/** A list of `{hardware, time, memory, version}`; one without hardware says nothing. */
function performanceOf(value: Data | undefined): PerformanceNote[] {
  const list = Array.isArray(value) ? value : isMap(value) ? [value] : []
  return list.slice(0, 20).flatMap((one): PerformanceNote[] => {
    const hardware = isMap(one) ? plainText(one.hardware, 100) : null
    if (!hardware || !isMap(one)) return []
    return [
      {
        hardware,
        time: plainText(one.time ?? one.median_time, 60),
        memory: plainText(one.memory, 60),
        version: plainText(one.version, 20),
      },
    ]
  })
}

export function isMap(value: Data | undefined): value is DataMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
