import { modulesThatPipImports } from './modules-that-pip-imports.ts'
import type { Project, ProjectFile } from './project.ts'
import { isRemoteUrl, isSpecifier, projectPath, selfContainedRequirements } from './requirements.ts'
import { plainCommands } from './shell-words.ts'

export interface Hoisted {
  /** How many of the leading steps may run before the project is copied. */
  steps: number
  /** The project files that those steps read, sorted. */
  files: string[]
}

/**
 * Finds the longest prefix of the steps that reads nothing of the project but some requirement files and writes nothing
 * in it. They may run before the project is copied, so that a push that changes only code does not run them again.
 * Whatever is not proved safe stops the search; nothing is ever reordered.
 */
export function hoistSteps(steps: readonly string[], kept: readonly ProjectFile[], project: Project): Hoisted {
  const byPath = new Map(kept.map((file) => [file.path, file]))
  const context: Context = { byPath, project, pipIsShadowed: hasModuleThatPipImports(kept) }
  const files = new Set<string>()
  let hoisted: Hoisted = { steps: 0, files: [] }
  for (const [index, step] of steps.entries()) {
    const commands = plainCommands(step)
    if (!commands) break
    const effects = commands.map((words) => effectOf(words, context))
    if (effects.includes(null)) break
    for (const effect of effects) for (const file of effect!.reads) files.add(file)
    // Steps that only echo are not worth a place before the copy unless a later step comes with them.
    if (effects.some((effect) => effect!.installs)) hoisted = { steps: index + 1, files: [...files].sort() }
  }
  return hoisted
}

interface Context {
  byPath: ReadonlyMap<string, ProjectFile>
  project: Project
  pipIsShadowed: boolean
}

interface Effect {
  installs: boolean
  reads: string[]
}

/** What a command reads of the project, or null when that is not known for certain. */
function effectOf(words: readonly string[], context: Context): Effect | null {
  const [program, ...rest] = words[0] === 'sudo' ? words.slice(1) : words
  if (program === 'echo') return { installs: false, reads: [] }
  if (program === 'apt' || program === 'apt-get') return isPlainApt(rest) ? { installs: true, reads: [] } : null
  if (program === 'pip' || program === 'pip3') return pipEffect(rest, context)
  if ((program === 'python' || program === 'python3') && rest[0] === '-m' && rest[1] === 'pip') {
    return context.pipIsShadowed ? null : pipEffect(rest.slice(2), context)
  }
  return null
}

const aptFlags = new Set([
  '--yes',
  '--assume-yes',
  '--quiet',
  '--no-install-recommends',
  '--install-recommends',
  '--no-install-suggests',
  '--fix-missing',
  '--fix-broken',
  '--reinstall',
  '--allow-unauthenticated',
  '--allow-downgrades',
  '--allow-releaseinfo-change',
  '--force-yes',
])

/** `update`, or `install` with package names: `./x.deb`, `pkg/release` and `pkg-` are not. */
function isPlainApt(words: readonly string[]): boolean {
  const flags = words.filter((word) => word.startsWith('-'))
  const [action, ...packages] = words.filter((word) => !word.startsWith('-'))
  if (!flags.every((flag) => aptFlags.has(flag) || /^-[yqmf]+$/.test(flag))) return false
  if (action === 'update') return packages.length === 0
  if (action !== 'install') return false
  return packages.every(
    (name) => /^[a-z0-9][a-z0-9.+-]*[a-z0-9+](:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?$/.test(name) && !name.endsWith('.deb'),
  )
}

const pipFlags = new Set([
  '-U',
  '--upgrade',
  '-I',
  '--ignore-installed',
  '--force-reinstall',
  '--no-cache-dir',
  '--no-deps',
  '--no-dependencies',
  '--pre',
  '--user',
  '--no-index',
  '--no-input',
  '--no-compile',
  '--no-build-isolation',
  '--no-warn-script-location',
  '--no-warn-conflicts',
  '--disable-pip-version-check',
  '--prefer-binary',
  '--quiet',
  '--verbose',
  '--exists-action=i',
  '--break-system-packages',
])
/** Flags with a value that says nothing about files. */
const pipPlainValues = new Set([
  '--trusted-host',
  '--timeout',
  '--default-timeout',
  '--retries',
  '--upgrade-strategy',
  '--no-binary',
  '--only-binary',
  '--use-feature',
  '--progress-bar',
])
const pipUrlValues = new Set(['-i', '--index-url', '--extra-index-url', '-f', '--find-links'])
const pipFileValues = new Set(['-r', '--requirement', '-c', '--constraint'])

function pipEffect(words: readonly string[], context: Context): Effect | null {
  const queue = [...words]
  const reads: string[] = []
  let installing = false
  while (queue.length > 0) {
    const word = queue.shift()!
    if (!word.startsWith('-')) {
      if (!installing && word === 'install') installing = true
      else if (!installing || !(isSpecifier(word) || isRemoteUrl(word))) return null
      continue
    }
    if (pipFlags.has(word) || /^-[qvUI]+$/.test(word)) continue
    const { flag, inline } = splitFlag(word)
    const value = inline ?? queue.shift()
    if (value === undefined) return null
    if (pipPlainValues.has(flag) && /^[A-Za-z0-9.,:_-]+$/.test(value)) continue
    if (pipUrlValues.has(flag) && /^https?:\/\/[^\s$\\]+$/.test(value)) continue
    if (!pipFileValues.has(flag)) return null
    const path = projectPath(value)
    const files = path === null ? null : selfContainedRequirements(path, context.byPath, context.project)
    if (!files) return null
    reads.push(...files)
  }
  return installing ? { installs: true, reads } : null
}

/** `--flag=value`, `-rvalue` or a flag whose value is the next word. */
function splitFlag(word: string): { flag: string; inline: string | null } {
  const long = /^(--[a-z-]+)=(.*)$/.exec(word)
  if (long) return { flag: long[1]!, inline: long[2]! }
  const short = /^(-[rcif])(.+)$/.exec(word)
  return short ? { flag: short[1]!, inline: short[2]! } : { flag: word, inline: null }
}

function hasModuleThatPipImports(kept: readonly ProjectFile[]): boolean {
  return kept.some(({ path }) => {
    const [top, ...below] = path.split('/')
    // Compiled modules count as well: `random.so`, `random.cpython-36m-x86_64-linux-gnu.so`.
    const module =
      below.length > 0
        ? top!
        : (/^([^.]+)\..*(py|pyc|so)$|^([^.]+)\.(py|pyc|so)$/.exec(top!)?.slice(1).find(Boolean) ?? '')
    return modulesThatPipImports.has(module)
  })
}
