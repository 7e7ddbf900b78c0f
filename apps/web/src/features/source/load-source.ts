import { listSource, readSourceText, type SourceFile } from '@modelport/db/queries/source'
import { notFound } from 'next/navigation'
import { context } from '#src/context.ts'
import { loadModelView, type ModelView } from '#src/features/models/load-model-view.ts'
import { type CodeLines, highlightCode } from '#src/features/models/parse-text.ts'
import { type Entry, entriesOf, languageOf, readSourcePath } from '#src/features/source/source-path.ts'

export type SourceParams = Promise<{ owner: string; model: string; path?: string[] }>

interface Place {
  view: ModelView
  /** Below the repository's root; empty for the root. */
  path: string
}
export type SourceView =
  | (Place & { kind: 'nothing-kept' })
  | (Place & { kind: 'folder'; entries: Entry[] })
  | (Place & { kind: 'file'; file: SourceFile; lines: CodeLines | null })

/** Longer text is shown without colours. */
const colouredBytes = 128 * 1024

export async function loadSource(params: SourceParams): Promise<SourceView> {
  const segments = (await params).path
  const path = readSourcePath(segments)
  const view = await loadModelView(params)
  const { version } = view
  if (path === null || !version) notFound()
  const { db } = context()
  const files = await listSource(db, version.id)
  if (files.length === 0 && path === '') return { kind: 'nothing-kept', view, path }
  const file = files.find((one) => one.path === path)
  if (!file) {
    const entries = entriesOf(files, path)
    if (!entries) notFound()
    return { kind: 'folder', view, path, entries }
  }
  const text = await readSourceText(db, version.id, path)
  return { kind: 'file', view, path, file, lines: text === null ? null : await linesOf(text, path) }
}

async function linesOf(text: string, path: string): Promise<CodeLines> {
  const language = text.length <= colouredBytes ? languageOf(path) : null
  const code = text.replaceAll('\r\n', '\n').replace(/\n$/, '')
  const coloured = language ? await highlightCode(code, language) : null
  return coloured ?? code.split('\n').map((line) => [[line]])
}
