/** One module that a file names: what it is called, and on which line. */
export interface ImportedModule {
  specifier: string
  line: number
}

/**
 * Finds the modules that a TypeScript file names in `import`, `export ... from`, `import()`, `require()` and `import type`.
 * A scanner and not a parser: it knows strings, templates and comments, which is enough to not be fooled by them.
 */
export function importedModules(source: string): ImportedModule[] {
  const found: ImportedModule[] = []
  const { code, strings } = blankOut(source)
  // In `code` each string is `"N"`, its number in `strings`.
  const patterns = [
    /\b(?:import|export)\b[^"';()]*?\bfrom\s*"(\d+)"/g,
    /\bimport\s*"(\d+)"/g,
    /\b(?:import|require)\s*\(\s*"(\d+)"/g,
  ]
  for (const pattern of patterns) {
    for (const match of code.matchAll(pattern)) {
      const { text, line } = strings[Number(match[1])]!
      found.push({ specifier: text, line })
    }
  }
  return found.sort((a, b) => a.line - b.line)
}

interface Literal {
  text: string
  line: number
}

// One token at a time. Strings end with their line at the latest, so that an apostrophe in the text of a page spoils one line only.
const comment = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y
const string = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/y
const regularExpression = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y
const plain = /[^"'`/]+|[\s\S]/y

/** The source without comments and with numbered placeholders for its strings. */
function blankOut(source: string): { code: string; strings: Literal[] } {
  const strings: Literal[] = []
  let code = ''
  let line = 1
  let at = 0
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    return pattern.exec(source)?.[0] ?? null
  }
  while (at < source.length) {
    const token = nextToken(take, code)
    if (token.kind === 'string') code += `"${strings.push({ text: token.text.slice(1, -1), line }) - 1}"`
    else if (token.kind === 'plain') code += token.text
    else code += token.kind === 'value' ? ' 0 ' : ' '
    at += token.text.length
    line += token.text.split('\n').length - 1
  }
  return { code, strings }
}

interface Token {
  kind: 'comment' | 'string' | 'value' | 'plain'
  text: string
}

function nextToken(take: (pattern: RegExp) => string | null, before: string): Token {
  const skipped = take(comment)
  if (skipped !== null) return { kind: 'comment', text: skipped }
  const quoted = take(string)
  // A template with values in it names no module that can be known.
  if (quoted !== null) return { kind: quoted[0] === '`' && quoted.includes('${') ? 'value' : 'string', text: quoted }
  const pattern = mayBeginValue(before) ? take(regularExpression) : null
  if (pattern !== null) return { kind: 'value', text: pattern }
  return { kind: 'plain', text: take(plain)! }
}

/** Whether a slash after this code begins a regular expression; after a value it divides. */
function mayBeginValue(code: string): boolean {
  const before = code.slice(-40).trimEnd()
  return !/[\w$)\]"]$/.test(before) || /\b(?:return|typeof|case|in|of|await|yield)$/.test(before)
}
