/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

/** What of a part of the document could act. Runs in the browser. */
export function activeParts(selector: string): string[] {
  const found: string[] = []
  const allowedOutside = '.prose'
  for (const root of document.querySelectorAll(selector))
    for (const element of root.querySelectorAll('*')) {
      const inProse = element.closest(allowedOutside) !== null
      for (const { name, value } of element.attributes) {
        if (/^on/i.test(name)) found.push(`${element.tagName} ${name}`)
        if (/^(href|src|action|formaction|xlink:href|srcdoc|background|poster|data)$/i.test(name) && value !== '') {
          const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(value.replaceAll(/\s|\p{Cc}/gu, ''))?.[1]?.toLowerCase()
          if (scheme && !['http', 'https', 'mailto'].includes(scheme))
            found.push(`${element.tagName} ${name}=${value.slice(0, 60)}`)
        }
        if (inProse && /^(style|class|srcset|target|ping|is|slot|part)$/i.test(name)) {
          const ours =
            /^(prose|table-scroll|contains-task-list|task-list-item|sr-only|footnotes|data-footnote-backref|code-line|mb-4 .*|min-h-6 .*|ms-4|(language-\S*|hljs[\w-]*))*( (language-\S*|hljs[\w-]*|function_|class_|constant_|inherited__|invoke__))*$/
          if (name !== 'class' || !ours.test(value.trim()))
            found.push(`${element.tagName} ${name}=${value.slice(0, 60)}`)
        }
        if (inProse && /^(id|name)$/i.test(name) && !value.startsWith('user-content-') && value !== 'footnote-label')
          found.push(`${element.tagName} ${name}=${value.slice(0, 60)}`)
      }
      if (
        inProse &&
        /^(script|style|iframe|object|embed|form|input|button|textarea|select|svg|math|meta|base|link|template|video|audio|frame|frameset|noscript|dialog|portal)$/i.test(
          element.tagName,
        )
      )
        found.push(element.tagName)
      if (inProse && element instanceof HTMLAnchorElement && element.hostname && element.hostname !== location.hostname)
        if (!/nofollow/.test(element.rel) || !/noopener/.test(element.rel))
          found.push(`a link without rel: ${element.href}`)
    }
  return [...new Set(found)].slice(0, 20)
}

/** Every payload below a folder: each line of a text, each text of a JSON list, any other file as one. */
export function readPayloads(folder: string): { file: string; text: string }[] {
  const all: { file: string; text: string }[] = []
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, name)
    if (!statSync(path).isFile()) continue
    const text = readFileSync(path, 'utf8').toWellFormed()
    const parts = name.endsWith('.txt') ? text.split('\n') : name.endsWith('.json') ? textsIn(JSON.parse(text)) : [text]
    for (const part of new Set(parts)) if (part.trim() !== '') all.push({ file: relative(folder, path), text: part })
  }
  return all
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
