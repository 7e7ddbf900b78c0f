import { type Author, authorsOf, doiOf, isMap, readCitation } from './describe.ts'
import { plainText, webAddress } from './read-data.ts'

/** A work as the three forms below print it. */
export interface Citation {
  /** `article` and the like are CITATION.cff's; a model without one is software. */
  kind: 'software' | 'article'
  title: string
  authors: Author[]
  year: number
  /** The whole day, where it is known. */
  released: string | null
  journal: string | null
  doi: string | null
  /** The address of the one version that is cited, and its number. */
  url: string
  version: number
  from: 'CITATION.cff' | 'generated'
}

export interface CiteInput {
  citation: string | null
  title: string
  authors: Author[]
  publishedAt: Date
  url: string
  version: number
}

/** CITATION.cff's preferred citation, else its own, else what is known of the model. The version is always ours. */
export function citationOf(input: CiteInput): Citation {
  const { data } = readCitation(input.citation)
  const preferred = isMap(data['preferred-citation']) ? data['preferred-citation'] : null
  const work = preferred ?? data
  const title = plainText(work.title, 300)
  const released = plainText(work.year, 10) ?? plainText(work['date-released'], 10)
  const day = title
    ? (/^\d{4}-\d\d-\d\d$/.exec(released ?? '')?.[0] ?? null)
    : input.publishedAt.toISOString().slice(0, 10)
  const year = Number(/^\d{4}/.exec(released ?? '')?.[0] ?? input.publishedAt.getUTCFullYear())
  const authors = authorsOf(work.authors)
  return {
    kind: preferred && /article|paper/.test(plainText(preferred.type, 50) ?? '') ? 'article' : 'software',
    title: title ?? input.title,
    authors: authors.length > 0 ? authors : input.authors,
    year,
    released: day,
    journal: plainText(work.journal, 200),
    doi: doiOf(work.doi),
    url: webAddress(input.url) ?? '',
    version: input.version,
    from: title ? 'CITATION.cff' : 'generated',
  }
}

const texEscapes: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
}

/** Text that TeX prints as it stands and that cannot close its braces. */
const tex = (text: string) => text.replaceAll(/[\\{}%&$#_~^]/g, (c) => texEscapes[c] ?? `\\${c}`)
/** An address: a brace or a backslash in it would end the field. */
const texUrl = (url: string) => url.replaceAll(/[\\{}%]/g, (c) => (c === '%' ? '\\%' : encodeURIComponent(c)))

export function bibtex(work: Citation): string {
  const first = work.authors[0]?.name.split(' ').at(-1) ?? 'model'
  const word = work.title.split(' ')[0] ?? ''
  const key = `${first}${work.year}${word}`.normalize('NFKD').replaceAll(/[^A-Za-z0-9]/g, '') || 'model'
  const fields: [string, string | null][] = [
    ['title', `{${tex(work.title)}}`],
    // Each name in braces: an institution is one name, and a comma in it is no separator.
    ['author', work.authors.map((author) => `{${tex(author.name)}}`).join(' and ') || null],
    ['year', String(work.year)],
    ['journal', work.journal && tex(work.journal)],
    ['doi', work.doi && texUrl(work.doi)],
    ['version', String(work.version)],
    ['url', texUrl(work.url)],
  ]
  const lines = fields.flatMap(([name, value]) => (value ? [`  ${name} = {${value}}`] : []))
  return `@${work.kind}{${key},\n${lines.join(',\n')}\n}\n`
}

/** `Lovelace, A. K.` of a person's name; an institution stays whole only where it is one word. */
function apaName(name: string): string {
  const parts = name.split(' ')
  if (
    parts.length === 1 ||
    /^(?:the|team|group)\b|\b(?:university|institute|lab|labs|team|group|inc|gmbh)\b/i.test(name)
  )
    return name
  const initials = parts.slice(0, -1).map((part) => `${[...part][0]}.`)
  return `${parts.at(-1)}, ${initials.join(' ')}`
}

export function apa(work: Citation): string {
  const names = work.authors.map((author) => apaName(author.name))
  const people =
    names.length > 20
      ? `${names.slice(0, 19).join(', ')}, … ${names.at(-1)}`
      : names.length > 1
        ? `${names.slice(0, -1).join(', ')}, & ${names.at(-1)}`
        : names[0]
  const place = [work.journal, work.doi ? `https://doi.org/${work.doi}` : null].filter(Boolean).join('. ')
  const start = people
    ? `${people}${people.endsWith('.') ? '' : '.'} (${work.year}). ${work.title}`
    : `${work.title} (${work.year})`
  const kind = work.kind === 'software' ? ' [Machine learning model]' : ''
  return `${start} (Version ${work.version})${kind}. ${place ? `${place}. ` : ''}${work.url}`
}

export function cff(work: Citation): string {
  // JSON's strings are YAML's double-quoted ones.
  const text = (value: string) => JSON.stringify(value)
  const authors = work.authors.map((author) => `  - name: ${text(author.name)}`)
  return [
    'cff-version: 1.2.0',
    'message: "If you use this model, please cite it as below."',
    'type: software',
    `title: ${text(work.title)}`,
    ...(authors.length > 0 ? ['authors:', ...authors] : []),
    `version: ${text(String(work.version))}`,
    ...(work.released ? [`date-released: ${work.released}`] : []),
    ...(work.doi ? [`doi: ${text(work.doi)}`] : []),
    `url: ${text(work.url)}`,
    '',
  ].join('\n')
}
