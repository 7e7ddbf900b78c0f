/** The path of a file from the segments of an address, each of which is still encoded; null when it names nothing. */
export function readSourcePath(segments: readonly string[] | undefined): string | null {
  try {
    const parts = (segments ?? []).map(decodeURIComponent)
    const bad = (part: string) =>
      part === '' || part === '.' || part === '..' || part.includes('/') || part.includes('\0')
    return parts.some(bad) ? null : parts.join('/')
  } catch {
    return null
  }
}

/** Where a file or a folder of a version is shown; `/source` itself for the root. */
export const sourcePath = (versionPath: string, path: string) =>
  [`${versionPath}/source`, ...path.split('/').filter(Boolean).map(encodeURIComponent)].join('/')

export interface Entry {
  name: string
  path: string
  folder: boolean
  bytes: number
}

/** What lies directly in a folder, folders first; a folder's size is that of all in it. Null when there is no such folder. */
export function entriesOf(files: readonly { path: string; bytes: number }[], folder: string): Entry[] | null {
  const prefix = folder === '' ? '' : `${folder}/`
  const entries = new Map<string, Entry>()
  for (const file of files) {
    if (!file.path.startsWith(prefix)) continue
    const [name, ...below] = file.path.slice(prefix.length).split('/') as [string, ...string[]]
    const entry = entries.get(name) ?? { name, path: prefix + name, folder: below.length > 0, bytes: 0 }
    entry.bytes += file.bytes
    entries.set(name, entry)
  }
  if (entries.size === 0) return null
  return [...entries.values()].sort((a, b) => Number(b.folder) - Number(a.folder) || (a.name < b.name ? -1 : 1))
}

const languages: Record<string, string> = {
  c: 'c',
  cc: 'cpp',
  cfg: 'ini',
  cpp: 'cpp',
  css: 'css',
  cu: 'cpp',
  diff: 'diff',
  go: 'go',
  h: 'cpp',
  html: 'xml',
  ini: 'ini',
  ipynb: 'json',
  java: 'java',
  js: 'javascript',
  json: 'json',
  lua: 'lua',
  md: 'markdown',
  py: 'python',
  r: 'r',
  rb: 'ruby',
  rs: 'rust',
  sh: 'bash',
  sql: 'sql',
  swift: 'swift',
  toml: 'ini',
  ts: 'typescript',
  xml: 'xml',
  yaml: 'yaml',
  yml: 'yaml',
}

/** The language of a file by its name; null where it is not coloured. */
export function languageOf(path: string): string | null {
  const name = path.split('/').at(-1)!.toLowerCase()
  if (name === 'makefile') return 'makefile'
  return languages[/\.([a-z]+)$/.exec(name)?.[1] ?? ''] ?? null
}
