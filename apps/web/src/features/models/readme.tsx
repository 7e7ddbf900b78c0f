import { splitFrontMatter } from '@modelport/schema/model-card/read-data'
import { toJsxRuntime } from 'hast-util-to-jsx-runtime'
import { Fragment } from 'react'
import { jsx, jsxs } from 'react/jsx-runtime'
import { type HastNode, parseMarkdown } from '#src/features/models/parse-text.ts'

/** Where a README's relative links and images lead: the repository at the version's commit. */
export interface ReadmePlace {
  repositoryUrl: string
  commit: string
  /** Where a picture from elsewhere is shown from; null for one that is not shown. */
  remoteImage?: (address: string) => string | null
}

const maxBytes = 256 * 1024
const outward = 'nofollow ugc noopener noreferrer'

/**
 * A README as elements: GitHub's Markdown with the HTML that its allow-list lets through, headings one level down so that
 * the page keeps its one `h1`. What is too large, or takes too long to parse, is shown as plain text.
 */
export async function Readme({ text: whole, place }: { text: string; place: ReadmePlace }) {
  // Model cards begin with YAML between `---` lines; it is data, not text.
  const { text } = splitFrontMatter(whole)
  const tree = Buffer.byteLength(text) > maxBytes ? null : await parseMarkdown(text)
  if (!tree) return <pre className="font-mono text-[13px] whitespace-pre-wrap">{text.slice(0, maxBytes)}</pre>
  // Parsed trees are kept for the next reader, so what is changed is a copy.
  const own = structuredClone(tree)
  settle(own, place)
  const headings = nameHeadings(own)
  return (
    <div className="prose">
      {headings.length > 4 ? <Contents headings={headings} /> : null}
      {toJsxRuntime(own as Parameters<typeof toJsxRuntime>[0], { Fragment, jsx, jsxs, ignoreInvalidStyle: true })}
    </div>
  )
}

interface Heading {
  id: string
  text: string
  depth: number
}

/** Gives each heading the id by which GitHub's links find it, with the prefix of all ids in a README. */
function nameHeadings(tree: HastNode): Heading[] {
  const headings: Heading[] = []
  const taken = new Set<string>()
  const walk = (node: HastNode) => {
    const depth = Number(/^h([2-6])$/.exec(node.tagName ?? '')?.[1] ?? 0)
    if (!depth) return node.children?.forEach(walk)
    const text = textOf(node).trim()
    const slug = text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-')
    let id = prefix + slug
    for (let n = 1; taken.has(id); n++) id = `${prefix}${slug}-${n}`
    taken.add(id)
    node.properties = { ...node.properties, id }
    if (text !== '') headings.push({ id, text, depth })
  }
  walk(tree)
  return headings
}

const prefix = 'user-content-'

const textOf = (node: HastNode): string => node.value ?? (node.children ?? []).map(textOf).join('')

function Contents({ headings }: { headings: Heading[] }) {
  const top = Math.min(...headings.map((one) => one.depth))
  return (
    <details className="mb-4 rounded-lg border border-border px-4 py-2 text-sm">
      <summary className="min-h-6 font-medium">Contents</summary>
      <ul>
        {headings.slice(0, 100).map((one) => (
          <li key={one.id} className={one.depth > top ? 'ms-4' : undefined}>
            <a href={`#${one.id}`}>
              <bdi>{one.text}</bdi>
            </a>
          </li>
        ))}
      </ul>
    </details>
  )
}

function settle(node: HastNode, place: ReadmePlace): void {
  node.children = node.children?.flatMap((child) => {
    // From the leaves up: a table is wrapped once, not again inside its wrapper.
    settle(child, place)
    return settleChild(child, place)
  })
}

function settleChild(node: HastNode, place: ReadmePlace): HastNode[] {
  const heading = /^h([1-6])$/.exec(node.tagName ?? '')?.[1]
  if (heading) return [{ ...node, tagName: `h${Math.min(6, Number(heading) + 1)}` }]
  if (node.tagName === 'a') {
    const href = resolve(node.properties?.href, place, 'blob')
    const { name: _name, ...properties } = node.properties ?? {}
    return [{ ...node, properties: { ...properties, href, rel: outward } }]
  }
  if (node.tagName === 'img') return [image(node, place)]
  if (node.tagName === 'table')
    return [
      {
        type: 'element',
        tagName: 'div',
        properties: { className: 'table-scroll', tabIndex: 0, role: 'region', ariaLabel: 'Table' },
        children: [node],
      },
    ]
  if (node.tagName === 'pre') return [{ ...node, properties: { ...node.properties, tabIndex: 0 } }]
  // Task lists come as check boxes without a name; their state is said in words.
  if (node.tagName === 'input') return [{ type: 'text', value: node.properties?.checked ? '☑' : '☐' }]
  return [node]
}

/** Images of the repository are shown; one from elsewhere would tell its host who reads the page: it is shown from here, or becomes a link. */
function image(node: HastNode, place: ReadmePlace): HastNode {
  // A place on the page is no picture.
  const found = resolve(node.properties?.src, place, 'raw')
  const src = found?.startsWith('#') ? undefined : found
  const alt = typeof node.properties?.alt === 'string' ? node.properties.alt : ''
  const own = src && new URL(src).origin === new URL(place.repositoryUrl).origin
  const shown = own ? src : src ? place.remoteImage?.(src) : null
  if (shown)
    return {
      type: 'element',
      tagName: 'img',
      properties: { src: shown, alt, ...sizeOf(node), loading: 'lazy' },
      children: [],
    }
  return {
    type: 'element',
    tagName: 'a',
    properties: { href: src, rel: outward },
    children: [{ type: 'text', value: alt ? `Image: ${alt}` : 'Image' }],
  }
}

/** The size that the README gives, in pixels. */
function sizeOf({ properties }: HastNode): Record<string, number> {
  const sizes: Record<string, number> = {}
  for (const side of ['width', 'height']) {
    const pixels = /^(\d{1,4})(?:px)?$/.exec(String(properties?.[side] ?? ''))?.[1]
    if (pixels) sizes[side] = Number(pixels)
  }
  return sizes
}

function resolve(link: unknown, place: ReadmePlace, view: 'blob' | 'raw'): string | undefined {
  if (typeof link !== 'string' || link === '') return undefined
  if (link.startsWith('#')) return link.startsWith(`#${prefix}`) ? link : `#${prefix}${link.slice(1)}`
  try {
    const url = new URL(link, `${place.repositoryUrl}/${view}/${place.commit}/`)
    return url.protocol === 'http:' || url.protocol === 'https:' || (view === 'blob' && url.protocol === 'mailto:')
      ? url.href
      : undefined
  } catch {
    return undefined
  }
}
