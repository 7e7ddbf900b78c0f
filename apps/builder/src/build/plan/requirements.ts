import type { Project, ProjectFile } from './project.ts'

const maxBytes = 64 * 1024
const maxDepth = 8

const version = '[A-Za-z0-9.*+!_-]+'
const comparison = String.raw`(?:===|==|~=|!=|<=|>=|<|>)\s*${version}`
const extras = String.raw`(?:\s*\[[A-Za-z0-9._,\s-]*\])?`
const comparisons = String.raw`(?:\s*\(?\s*${comparison}(?:\s*,\s*${comparison})*\s*\)?)?`
const name = '[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?'
const marker = String.raw`(?:\s*;[^$\\]*)?`
const specifier = new RegExp(`^${name}${extras}${comparisons}${marker}$`)
const url = /^(?:https?|git\+https?|git\+git|git\+ssh):\/\/[^\s$\\]+$/
const archive = /\.(whl|zip|egg|tar|tgz|tbz|txz|tlz|gz|bz2|xz|lzma)$/i

/** A requirement such as `numpy`, `Pillow==6.2.0` or `torch>=1.0; python_version < "3.8"`: a name, never a path. */
export function isSpecifier(text: string): boolean {
  return text.length <= 1000 && specifier.test(text) && !archive.test(text)
}

/** An address that pip fetches from the network; `file:` and `git+file:` are not. */
export function isRemoteUrl(text: string): boolean {
  return text.length <= 2000 && url.test(text)
}

/** A path relative to the project's root without `..` or odd parts, normalised; null for anything else. */
export function projectPath(path: string, directory = ''): string | null {
  if (path === '' || path.startsWith('/') || path.startsWith('~') || /[\\:$]/.test(path)) return null
  const parts = [...directory.split('/'), ...path.split('/')].filter((part) => part !== '' && part !== '.')
  return parts.length === 0 || parts.includes('..') ? null : parts.join('/')
}

/**
 * The requirement files that `path` pulls in, itself first, when reading them needs nothing else of the project; null
 * when any line could (a path, an editable install, a variable) or a file is missing, a link or too large.
 */
export function selfContainedRequirements(
  path: string,
  files: ReadonlyMap<string, ProjectFile>,
  project: Project,
): string[] | null {
  const found = new Set<string>()
  return collect(path, 1, found, files, project) ? [...found] : null
}

function collect(
  path: string,
  depth: number,
  found: Set<string>,
  files: ReadonlyMap<string, ProjectFile>,
  project: Project,
): boolean {
  if (found.has(path)) return true
  const file = files.get(path)
  if (!file || file.link || file.bytes > maxBytes || depth > maxDepth) return false
  const text = project.readText(path)
  if (text === null) return false
  found.add(path)
  const directory = path.split('/').slice(0, -1).join('/')
  return text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\r|\n/)
    .every((line) => {
      const entry = line.replace(/(^|\s)#.*$/, '').trim()
      const nested = /^(?:-[rc]\s*|--(?:requirement|constraint)(?:\s+|=))([^\s=]\S*)$/.exec(entry)?.[1]
      if (nested === undefined) return isHarmlessLine(entry)
      const inner = projectPath(nested, directory)
      return inner !== null && collect(inner, depth + 1, found, files, project)
    })
}

function isHarmlessLine(entry: string): boolean {
  if (entry === '' || entry === '--no-index' || entry === '--pre') return true
  const option = /^(-i|--index-url|--extra-index-url|-f|--find-links)(?:\s+|=)(\S+)$/.exec(entry)
  if (option) return /^https?:\/\/[^\s$\\]+$/.test(option[2]!)
  if (/^--trusted-host(\s+|=)[A-Za-z0-9.:-]+$/.test(entry)) return true
  const direct = /^([A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9._,-]*\])?)\s*@\s*(\S+)$/.exec(entry)
  if (direct) return isRemoteUrl(direct[2]!)
  return isSpecifier(entry) || isRemoteUrl(entry)
}
