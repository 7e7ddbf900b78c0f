import { S3Error } from './s3-error.ts'

/** An element of a request's XML: its name, its text and the elements in it. */
export interface Element {
  name: string
  text: string
  children: Element[]
}

// A real client sends at most 10,000 parts of five fields each.
const maxElements = 100_000

/** Reads the XML of a request. Only what S3's requests use is known: no document types, no entities beside the five. */
export function parseXml(source: string): Element {
  const root: Element = { name: '', text: '', children: [] }
  const open = [root]
  let count = 0
  for (const [token, , closing, name, , selfClosing] of source.matchAll(
    /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|(<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>)|<|[^<]+/g,
  )) {
    const top = open.at(-1)!
    if (name !== undefined && closing) {
      if (open.length === 1 || top.name !== localName(name)) throw malformed()
      open.pop()
    } else if (name !== undefined) {
      if (++count > maxElements || open.length > 10) throw malformed()
      const element: Element = { name: localName(name), text: '', children: [] }
      top.children.push(element)
      if (!selfClosing) open.push(element)
    } else if (token === '<') throw malformed()
    else if (!token.startsWith('<')) top.text += unescapeText(token)
  }
  if (open.length !== 1 || root.children.length !== 1 || root.text.trim()) throw malformed()
  return root.children[0]!
}

/** The text of the first child of this name, without surrounding space. */
export function textOf(element: Element, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text.trim()
}

/** The texts of all children of this name. */
export function textsOf(element: Element, name: string): string[] {
  return element.children.filter((child) => child.name === name).map((child) => child.text.trim())
}

export type XmlValue = string | number | boolean | undefined | XmlFields | readonly XmlValue[]
export interface XmlFields {
  [name: string]: XmlValue
}

/** Writes a document with one root. A list repeats its element; what is undefined is left out. */
export function writeXml(root: string, fields: XmlFields, namespace = true): string {
  const attribute = namespace ? ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' : ''
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${writeFields(fields)}</${root}>`
}

function writeFields(fields: XmlFields): string {
  return Object.entries(fields)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((item) => writeField(name, item)))
    .join('')
}

function writeField(name: string, value: XmlValue): string {
  if (value === undefined) return ''
  const inner = typeof value === 'object' ? writeFields(value as XmlFields) : escapeText(String(value))
  return `<${name}>${inner}</${name}>`
}

function escapeText(text: string): string {
  return text.replace(/[&<>"'\r\n\t]/g, (character) => `&#${character.charCodeAt(0)};`)
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescapeText(text: string): string {
  return text.replace(/&(#x[0-9a-fA-F]{1,6}|#\d{1,7}|\w+);|&/g, (_, name: string | undefined) => {
    if (name?.startsWith('#')) {
      const code = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
      if (code > 0x10ffff) throw malformed()
      return String.fromCodePoint(code)
    }
    const character = name && named[name]
    if (!character) throw malformed()
    return character
  })
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

function malformed(): S3Error {
  return new S3Error('MalformedXML', 'The XML in the request is not well-formed or not what this call takes.')
}
