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

export const describedLimits = {
  title: 200,
  summary: 500,
  /** Bytes of Markdown. */
  overview: 64 * 1024,
  keywords: 30,
  keyword: 60,
  links: 20,
  authors: 50,
  licence: 100,
  performance: 20,
  performanceText: 100,
} as const

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

/** How one version did on some hardware, in the publisher's words. */
export interface Performance {
  hardware: string
  time: string | null
  memory: string | null
  /** The version that was measured. */
  version: number | null
}

/** A licence as a publisher names it: by its SPDX id, or by its own name with the address of its text. */
export type EditedLicence = { spdx: string } | { name: string; url: string | null }

/** What a publisher wrote on the site; a key that is missing follows the repository. */
export interface Edits {
  title?: string
  summary?: string
  /** Markdown; it stands in place of the README. */
  overview?: string
  keywords?: string[]
  links?: Link[]
  authors?: Author[]
  licence?: EditedLicence
  performance?: Performance[]
}

export interface Described {
  title: Sourced<string> | null
  summary: Sourced<string> | null
  keywords: Sourced<string[]> | null
  links: Sourced<Link[]> | null
  authors: Sourced<Author[]> | null
  /** Markdown: the publisher's own, else the README. */
  overview: Sourced<string> | null
  /** The words that a file uses for its licence, not yet an id; never from the licence's own text. */
  licence: (Sourced<string> & { url: string | null }) | null
  performance: Sourced<Performance[]> | null
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
  licenceUrl?: string | null
  links?: Link[]
  authors?: Author[]
  performance?: Performance[]
}

/** A model's title, summary, keywords, links and authors, each from the strongest place that has it. Pure; never throws. */
export function describe(input: DescribeInput): Described {
  const card = readCard(input.readme)
  const citation = readCitation(input.citation)
  const layers: [Source, Found][] = [
    ['edited', fromEdits(input.edited)],
    ['runway.yml', fromMetadata(input.metadata)],
    ['README', fromCard(card.data)],
    ['CITATION.cff', fromCitation(citation.data)],
    ['repository', { summary: input.repository.description, keywords: input.repository.topics }],
  ]
  const text = (key: 'title' | 'summary' | 'licence'): Sourced<string> | null => {
    for (const [from, found] of layers) if (found[key]) return { value: found[key], from }
    return null
  }
  const list = <K extends 'keywords' | 'links' | 'authors' | 'performance'>(key: K) => {
    for (const [from, found] of layers) {
      const value = found[key]
      // An empty list that somebody saved on the site says that there are none.
      if (value && (value.length > 0 || from === 'edited')) return { value, from } as Sourced<NonNullable<Found[K]>>
    }
    return null
  }
  const licence = text('licence')
  return {
    title: text('title'),
    summary: text('summary'),
    keywords: list('keywords'),
    links: list('links'),
    authors: list('authors'),
    overview: overviewOf(input),
    licence: licence && { ...licence, url: layers.find(([from]) => from === licence.from)?.[1].licenceUrl ?? null },
    performance: list('performance'),
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

function fromEdits({ licence, overview: _overview, ...edits }: Edits): Found {
  if (!licence) return edits
  return 'spdx' in licence
    ? { ...edits, licence: licence.spdx }
    : { ...edits, licence: licence.name, licenceUrl: licence.url }
}

function overviewOf({ edited, readme }: DescribeInput): Described['overview'] {
  if (edited.overview) return { value: edited.overview, from: 'edited' }
  return readme === null ? null : { value: readme, from: 'README' }
}

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
    licenceUrl: webAddress(data.license_link),
    performance: performanceOf(data.performance),
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

/** A list of `{hardware, time, memory, version}`; lines that name no hardware are left out. */
function performanceOf(value: Data | undefined): Performance[] {
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return list.slice(0, describedLimits.performance).flatMap((one): Performance[] => {
    if (!isMap(one)) return []
    const word = (key: string) => plainText(one[key], describedLimits.performanceText)
    const hardware = word('hardware')
    const version = Number(one.version)
    if (!hardware) return []
    return [
      {
        hardware,
        time: word('time'),
        memory: word('memory'),
        version: Number.isSafeInteger(version) && version > 0 ? version : null,
      },
    ]
  })
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

export function isMap(value: Data | undefined): value is DataMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
