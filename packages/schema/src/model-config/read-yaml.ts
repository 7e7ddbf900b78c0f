import {
  CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  parseAllDocuments,
  type YAMLError,
} from 'yaml'
import { configLimits } from './limits.ts'
import { makeProblem, type Place, type Problem } from './problem.ts'
import { plainKind, type ScalarKind } from './scalar-kind.ts'

/** A value of the file, free of the YAML library: what the rules judge. */
export type ConfigNode = ScalarNode | ListNode | MapNode

interface Written extends Place {
  /** As it is written in the file, with its quotes. */
  source: string
}
export interface ScalarNode extends Written {
  /** What YAML's core schema would make of it; the text itself is never converted (`3.10` stays `3.10`). */
  kind: ScalarKind
  text: string
}
export interface ListNode extends Written {
  kind: 'list'
  items: ConfigNode[]
}
export interface MapNode extends Written {
  kind: 'map'
  entries: MapEntry[]
}
export interface MapEntry {
  key: string
  at: Place
  value: ConfigNode
}

/**
 * Reads bytes as one YAML document. `root` is null when the text cannot be read at all; problems may stand beside a root
 * (a duplicate key, an alias), so that the rules can still report what else is wrong.
 */
export function readYaml(bytes: Uint8Array): { root: ConfigNode | null; problems: Problem[] } {
  const decoded = decode(bytes)
  if ('problem' in decoded) return { root: null, problems: [decoded.problem] }
  const { text } = decoded
  const unfit = findUnfitCharacter(text) ?? findTooMuch(text)
  if (unfit) return { root: null, problems: [unfit] }

  const lines = new LineCounter()
  // Failsafe: every scalar stays a string. No aliases, merges or custom tags are ever resolved.
  const documents = parseAllDocuments(text, {
    schema: 'failsafe',
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
    merge: false,
    customTags: null,
    logLevel: 'error',
  })
  const document = Array.isArray(documents) ? documents[0] : undefined
  if (!document) return { root: null, problems: [emptyFile({ line: 1, column: 1 })] }

  const at = (offset: number) => placeOf(lines, offset)
  const problems: Problem[] = document.errors
    .filter((error) => error.code === 'DUPLICATE_KEY')
    .map((error) => duplicateKey(text, error, at))
  // Of several syntax errors the first is the cause; the others mostly follow from it.
  const fatal = document.errors.find((error) => error.code !== 'DUPLICATE_KEY')
  if (fatal) return { root: null, problems: [...problems, yamlError(text, fatal, at)] }
  const second = documents[1]
  if (second) {
    return { root: null, problems: [...problems, severalDocuments(at(second.range[0]))] }
  }
  if (document.directives?.yaml.explicit || /^%/m.test(text.slice(0, document.contents?.range?.[0] ?? 0))) {
    problems.push(directive(text, at))
  }
  if (!document.contents) return { root: null, problems: [...problems, emptyFile({ line: 1, column: 1 })] }
  const root = toConfigNode(document.contents, { text, at, problems, path: '' })
  return { root, problems }
}

function decode(bytes: Uint8Array): { text: string } | { problem: Problem } {
  const start = { line: 1, column: 1 }
  if (bytes.length > configLimits.bytes) {
    return {
      problem: makeProblem({
        code: 'too-large',
        severity: 'error',
        at: start,
        understood: `the file has ${bytes.length} bytes`,
        allowed: `up to ${configLimits.bytes} bytes`,
        mend: 'move long scripts into files of the repository and call them from build_steps',
      }),
    }
  }
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { problem: wrongEncoding(start, 'the file is UTF-16') }
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    const readable = new TextDecoder('utf-8').decode(bytes)
    return { problem: wrongEncoding(placeInText(readable, readable.indexOf('\ufffd')), 'the file is not UTF-8') }
  }
}

function wrongEncoding(at: Place, understood: string): Problem {
  return makeProblem({
    code: 'encoding',
    severity: 'error',
    at,
    understood,
    allowed: 'UTF-8',
    mend: 'save the file as UTF-8 in your editor',
  })
}

/** Control characters and lone carriage returns, found before the YAML parser sees the text. */
function findUnfitCharacter(text: string): Problem | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  const found = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]|\r(?!\n)/.exec(text)
  if (!found) return null
  const lone = found[0] === '\r'
  const name = `U+${found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
  return makeProblem({
    code: lone ? 'line-ends' : 'control-character',
    severity: 'error',
    at: placeInText(text, found.index),
    understood: lone
      ? 'the line ends with a carriage return alone, as on very old systems'
      : `there is a control character (${name})`,
    mend: lone ? 'save the file with LF or CRLF line ends' : 'delete the character',
  })
}

const valueTokens = new Set([
  'scalar',
  'single-quoted-scalar',
  'double-quoted-scalar',
  'block-scalar-header',
  'alias',
  'flow-map-start',
  'flow-seq-start',
])
/** Counted apart from the values that follow most of them: a dash or a comma alone makes an empty value. */
const structureTokens = new Set([
  'seq-item-ind',
  'map-value-ind',
  'explicit-key-ind',
  'comma',
  'anchor',
  'tag',
  'doc-start',
  'doc-end',
  'directive-line',
  // Stray brackets: the library's message about them grows with each.
  'flow-seq-end',
  'flow-map-end',
  'flow-error-end',
])

/**
 * Counts nodes and nesting in one pass over the lexer's tokens, stopping at the first too many. The library's composer
 * recurses per level and compares keys pairwise, so it must never see a text beyond these bounds.
 */
function findTooMuch(text: string): Problem | null {
  const parser = new Parser()
  let offset = 0
  let values = 0
  let structure = 0
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token)
    if (type !== null && valueTokens.has(type)) values += 1
    if (type !== null && structureTokens.has(type)) structure += 1
    for (const _ of parser.next(token)) {
      // Finished documents are of no interest here; asking for them drives the parser.
    }
    // The stack holds the document and one entry per open collection.
    const deep = parser.stack.length > configLimits.depth + 2
    if (deep || values > configLimits.nodes || structure > configLimits.nodes) {
      return makeProblem({
        code: deep ? 'too-deep' : 'too-many-values',
        severity: 'error',
        at: placeInText(text, offset),
        understood: deep
          ? `lists and maps are nested more than ${configLimits.depth} levels deep`
          : `the file holds more than ${configLimits.nodes} values`,
        mend: 'keep to the keys that the documentation names',
      })
    }
    if (type !== 'byte-order-mark' && type !== 'doc-mode' && type !== 'flow-error-end') offset += lengthOf(token, type)
  }
  return null
}

/** The lexer marks some tokens with one character that is not in the source. */
function lengthOf(token: string, type: string | null): number {
  return type === 'scalar' ? 0 : token.length
}

function emptyFile(at: Place): Problem {
  return makeProblem({
    code: 'empty',
    severity: 'error',
    at,
    understood: 'the file is empty',
    mend: 'write at least `python`, `entrypoint` and `cuda` (or `spec: {gpu: False}`)',
  })
}

function severalDocuments(at: Place): Problem {
  return makeProblem({
    code: 'several-documents',
    severity: 'error',
    at,
    understood: 'a second YAML document begins here',
    mend: 'keep one document and remove the `---` between them',
  })
}

function directive(text: string, at: (offset: number) => Place): Problem {
  const offset = Math.max(text.search(/^%/m), 0)
  return makeProblem({
    code: 'directive',
    severity: 'error',
    at: at(offset),
    value: text.slice(offset).split('\n', 1)[0] ?? '',
    understood: 'YAML directives are not used in this file',
    mend: 'delete the line',
  })
}

function duplicateKey(text: string, error: YAMLError, at: (offset: number) => Place): Problem {
  const key = text.slice(error.pos[0]).split(/[:\n]/, 1)[0] ?? ''
  return makeProblem({
    code: 'duplicate-key',
    severity: 'error',
    at: at(error.pos[0]),
    path: key.trim(),
    understood: 'the key stands in this map twice',
    mend: 'keep one of the two',
  })
}

function yamlError(text: string, error: YAMLError, at: (offset: number) => Place): Problem {
  const place = at(error.pos[0])
  const lines = text.split(/\r?\n/)
  const line = lines[place.line - 1] ?? ''
  const above = lines.slice(Math.max(place.line - 4, 0), place.line)
  const common = { severity: 'error' as const, at: place, value: line.trim() }
  if (error.code === 'NON_STRING_KEY') {
    const understood = 'a key is something else than plain text (a list, a map, an alias or nothing)'
    return makeProblem({ ...common, code: 'complex-key', understood, mend: 'write keys as plain words' })
  }
  if (error.code === 'BAD_DIRECTIVE') return directive(text, at)
  return makeProblem({
    ...common,
    code: 'yaml',
    understood: `the file is not valid YAML (${error.message.replace(/\s+/g, ' ').replace(/\.$/, '')})`,
    mend: yamlHint(line, above, error),
  })
}

function yamlHint(line: string, above: readonly string[], error: YAMLError): string {
  if (/^\s*-?\s*\*/.test(line)) return 'put quotes around a value that begins with `*`, as in `- "*.pt"`'
  if (error.code === 'TAB_AS_INDENT' || /^ *\t/.test(line)) return 'indent with spaces, not with tabs'
  if (/closing .quote/.test(error.message)) return 'close the quotation mark that was opened above'
  if (error.code === 'BAD_SCALAR_START') return 'put quotes around the value'
  if (above.some((text) => /^\s*(\.\. |```|<[a-z]+>)/.test(text)))
    return 'remove text that was pasted from a documentation page'
  if (/^\s*[-\w]+:\S/.test(line)) return 'put a space after the colon'
  if (/^\s*-[^\s-]/.test(line)) return 'put a space after the dash'
  if (/:\s.*:\s|:\s.*:$/.test(line)) return 'put quotes around a value that holds a colon followed by a space'
  return 'check the indentation here and in the line above: items of one list, and keys of one map, begin in the same column'
}

interface Conversion {
  text: string
  at: (offset: number) => Place
  problems: Problem[]
  path: string
}

function toConfigNode(node: Node | null, context: Conversion): ConfigNode {
  const { text, at, problems, path } = context
  const [start, end] = node?.range ?? [0, 0]
  const written = { ...at(start), source: text.slice(start, end).trimEnd() }
  if (isAlias(node)) {
    problems.push(
      makeProblem({
        code: 'alias',
        severity: 'error',
        at: written,
        path,
        value: written.source,
        understood: 'an unquoted `*` begins a YAML alias, and aliases are not used in this file',
        mend: `put quotes around it: "${written.source}"`,
      }),
    )
    return { ...written, kind: 'string', text: written.source }
  }
  if (node?.tag !== undefined) problems.push(tagProblem(node.tag, written, path))
  if (isMap(node)) return { ...written, kind: 'map', entries: node.items.map((pair) => toEntry(pair, context)) }
  if (isSeq(node)) {
    const items = node.items.map((item, index) => toConfigNode(item as Node, { ...context, path: `${path}[${index}]` }))
    return { ...written, kind: 'list', items }
  }
  const value = isScalar(node) && typeof node.value === 'string' ? node.value : ''
  if (hasUnfitCharacter(value)) problems.push(escapedCharacter(written, path))
  const plain = !isScalar(node) || node.type === 'PLAIN' || node.type === undefined
  return { ...written, kind: plain ? plainKind(value) : 'string', text: value }
}

function toEntry(pair: Pair, context: Conversion): MapEntry {
  const { at, problems, path } = context
  const keyNode = pair.key as Node | null
  const place = at(keyNode?.range?.[0] ?? 0)
  const key = isScalar(keyNode) ? String(keyNode.value ?? '') : ''
  const keyPath = path === '' ? key : `${path}.${key}`
  if (isAlias(keyNode) || key === '<<' || key === '__proto__') {
    problems.push(
      makeProblem({
        code: key === '__proto__' ? 'forbidden-key' : 'alias',
        severity: 'error',
        at: place,
        path: keyPath,
        understood:
          key === '__proto__' ? 'this name cannot be a key' : 'YAML aliases and merge keys are not used in this file',
        mend: key === '__proto__' ? 'rename or delete it' : 'write the values out',
      }),
    )
  }
  if (hasUnfitCharacter(key)) problems.push(escapedCharacter({ ...place, source: JSON.stringify(key) }, keyPath))
  if (keyNode?.tag !== undefined) problems.push(tagProblem(keyNode.tag, { ...place, source: key }, keyPath))
  return { key, at: place, value: toConfigNode(pair.value as Node | null, { ...context, path: keyPath }) }
}

/** Neither a command nor a database takes these; they come from escape sequences in double quotes. ESC may stand in an `echo`. */
function hasUnfitCharacter(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  return /[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f]|\p{Surrogate}/u.test(value)
}

function escapedCharacter(written: Written, path: string): Problem {
  return makeProblem({
    code: 'control-character',
    severity: 'error',
    at: written,
    path,
    value: written.source,
    understood: 'the value holds a control character or half a character',
    mend: 'delete the escape sequence',
  })
}

function tagProblem(tag: string, written: Written, path: string): Problem {
  return makeProblem({
    code: 'tag',
    severity: 'error',
    at: written,
    path,
    value: written.source,
    understood: `the YAML tag ${tag} is not used in this file`,
    mend: 'delete the tag, or put quotes around a value that begins with `!`',
  })
}

function placeOf(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

function placeInText(text: string, offset: number): Place {
  const before = text.slice(0, Math.max(offset, 0)).split(/\r\n|\n|\r/)
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}
