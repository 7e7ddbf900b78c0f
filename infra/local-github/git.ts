import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { Turns } from './turns.ts'

const run = promisify(execFile)

/** A git command that answered with an error; its words go to the log, not to clients. */
export class GitError extends Error {}

// A machine shared with builds: a burst of webhooks must not fork a git for each of them at once.
const MAX_PROCESSES = 6
const MAX_OUTPUT = 64 * 1024 * 1024
const TIMEOUT = 60_000

const turns = new Turns(MAX_PROCESSES)

/** What every git of ours runs with: nothing of the user's own configuration, and no questions asked. */
export function gitEnvironment(settings: Record<string, string> = {}): NodeJS.ProcessEnv {
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: '/nonexistent',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_CONFIG_COUNT: String(Object.keys(settings).length),
  }
  for (const [index, [key, value]] of Object.entries(settings).entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key
    env[`GIT_CONFIG_VALUE_${index}`] = value
  }
  // Next's types, where they are loaded, want a NODE_ENV in every environment; git wants none.
  return env as NodeJS.ProcessEnv
}

/** Runs git in a bare repository and gives what it printed. */
export async function git(dir: string, args: string[]): Promise<string> {
  return (await gitBytes(dir, args)).toString('utf8')
}

/** Runs git in a bare repository and gives the bytes that it printed. */
export function gitBytes(dir: string, args: string[]): Promise<Buffer> {
  return turns.take(async () => {
    try {
      const { stdout } = await run('git', [`--git-dir=${dir}`, ...args], {
        env: gitEnvironment({ 'core.quotePath': 'false', 'log.showSignature': 'false' }),
        encoding: 'buffer',
        maxBuffer: MAX_OUTPUT,
        timeout: TIMEOUT,
      })
      return stdout
    } catch (cause) {
      throw new GitError(`git ${args[0]} failed`, { cause })
    }
  })
}

/** Starts git in a bare repository with its output as a stream; the caller watches how it ends. */
export function gitStream(dir: string, args: string[]): ChildProcess {
  return spawn('git', [`--git-dir=${dir}`, ...args], {
    env: gitEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Makes an empty bare repository whose HEAD names this branch. */
export async function createBare(dir: string, branch: string): Promise<void> {
  await run('git', ['init', '--quiet', '--bare', `--initial-branch=${branch}`, '--template=', dir], {
    env: gitEnvironment(),
    timeout: TIMEOUT,
  })
}

/** Finds the commit that a SHA, branch, tag or full ref names; null when there is none. */
export async function resolveCommit(dir: string, ref: string): Promise<string | null> {
  // Revision syntax such as `main~3` or `@{u}` is no ref, and a leading dash would be an option.
  if (!isRefLike(ref)) return null
  const names = /^[0-9a-f]{40}$/.test(ref)
    ? [ref]
    : [ref, `refs/heads/${ref}`, `refs/tags/${ref}`, `refs/${ref}`].filter(
        (name) => name === 'HEAD' || name.startsWith('refs/') || /^[0-9a-f]{7,40}$/.test(name),
      )
  // A branch named like a short SHA is still a branch.
  const ordered = [
    ...names.filter((name) => name.startsWith('refs/')),
    ...names.filter((name) => !name.startsWith('refs/')),
  ]
  for (const name of ordered) {
    try {
      const sha = (await git(dir, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`])).trim()
      if (/^[0-9a-f]{40}$/.test(sha)) return sha
    } catch (error) {
      if (!(error instanceof GitError)) throw error
    }
  }
  return null
}

/** Tells whether a name is one that git could have as a ref. */
export function isRefLike(ref: string): boolean {
  return (
    ref.length > 0 &&
    ref.length <= 1024 &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what git forbids in refs.
    !/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^[-/]|\/$|\.$|\.lock$/.test(ref)
  )
}

export interface Commit {
  sha: string
  tree: string
  parents: string[]
  author: { name: string; email: string; date: string }
  committer: { name: string; email: string; date: string }
  message: string
}

export interface CommitFiles extends Commit {
  added: string[]
  removed: string[]
  modified: string[]
}

// Fields end with NUL and a record starts with one too, because every other byte may occur in a message.
const FORMAT = '%x00%x00%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00'

/** Reads commits, newest first, with one git process; `revisions` are SHAs, refs and options of git log. */
export async function readCommits(dir: string, revisions: string[], files = false): Promise<CommitFiles[]> {
  const out = await git(dir, [
    'log',
    `--format=tformat:${FORMAT}`,
    ...(files ? ['--name-status', '--no-renames', '--diff-merges=first-parent', '-z'] : ['-z']),
    ...revisions,
    '--',
  ])
  return parseLog(out)
}

function parseLog(out: string): CommitFiles[] {
  const parts = out.split('\0')
  const commits: CommitFiles[] = []
  let at = 0
  // A record begins at two empty parts and a SHA; file lists between are status and path pairs.
  const startsRecord = (i: number) =>
    parts[i] === '' && parts[i + 1] === '' && /^[0-9a-f]{40}$/.test(parts[i + 2] ?? '')
  while (at < parts.length) {
    if (!startsRecord(at)) {
      at += 1
      continue
    }
    const [sha, tree, parents, an, ae, ad, cn, ce, cd, message] = parts.slice(at + 2, at + 12) as string[]
    const commit: CommitFiles = {
      sha: sha!,
      tree: tree!,
      parents: parents ? parents.split(' ') : [],
      author: { name: an!, email: ae!, date: ad! },
      committer: { name: cn!, email: ce!, date: cd! },
      message: message!.replace(/\n+$/, ''),
      added: [],
      removed: [],
      modified: [],
    }
    at += 12
    while (at < parts.length && !startsRecord(at)) {
      const status = parts[at]!.trim()
      if (!/^[AMDTUX]\d*$/.test(status)) {
        at += 1
        continue
      }
      const path = parts[at + 1] ?? ''
      if (status.startsWith('A')) commit.added.push(path)
      else if (status.startsWith('D')) commit.removed.push(path)
      else commit.modified.push(path)
      at += 2
    }
    commits.push(commit)
  }
  return commits
}

/** Reads one commit, or null. */
export async function readCommit(dir: string, sha: string): Promise<CommitFiles | null> {
  return (await readCommits(dir, ['--max-count=1', '--end-of-options', sha]))[0] ?? null
}

export interface TreeEntry {
  mode: string
  type: 'blob' | 'tree' | 'commit'
  sha: string
  size: number | null
  path: string
}

/** Lists a tree; `path` narrows it to a folder's own entries (trailing slash) or to one entry. */
export async function readTree(
  dir: string,
  treeish: string,
  options: { recursive?: boolean; path?: string } = {},
): Promise<TreeEntry[]> {
  const out = await git(dir, [
    'ls-tree',
    '-z',
    '--long',
    ...(options.recursive ? ['-r', '-t'] : []),
    // Git 2.39's ls-tree has no --end-of-options; every caller hands in a resolved SHA.
    treeish,
    ...(options.path === undefined ? [] : ['--', options.path]),
  ])
  return out
    .split('\0')
    .filter(Boolean)
    .map((line) => {
      const tab = line.indexOf('\t')
      const [mode, type, sha, size] = line.slice(0, tab).split(/ +/)
      return {
        mode: mode!,
        type: type as TreeEntry['type'],
        sha: sha!,
        size: size === '-' ? null : Number(size),
        path: line.slice(tab + 1),
      }
    })
}

/** Reads a blob's bytes. */
export function readBlob(dir: string, sha: string): Promise<Buffer> {
  return gitBytes(dir, ['cat-file', 'blob', sha])
}

export interface Ref {
  name: string
  sha: string
  type: string
}

/** Lists refs below a prefix such as `refs/heads/` (or one full ref), by name; `at` keeps those that name this object. */
export async function readRefs(dir: string, prefix: string, at?: string): Promise<Ref[]> {
  const format = '--format=%(refname)%00%(objectname)%00%(objecttype)'
  const out = await git(dir, ['for-each-ref', format, ...(at ? [`--points-at=${at}`] : []), '--end-of-options', prefix])
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [name, sha, type] = line.split('\0')
      return { name: name!, sha: sha!, type: type! }
    })
}

export interface Change {
  path: string
  /** The blob after the change, or before it for a removed file. */
  sha: string
  status: 'added' | 'removed' | 'modified'
  additions: number
  deletions: number
}

/** Lists what differs between two commits; `base` null compares with nothing. */
export async function readChanges(dir: string, base: string | null, head: string): Promise<Change[]> {
  const out = await git(dir, [
    'diff-tree',
    '-r',
    '--raw',
    '--numstat',
    '-z',
    '--no-renames',
    '--no-abbrev',
    '--no-commit-id',
    ...(base ? [base, head] : ['--root', head]),
  ])
  const parts = out.split('\0')
  const changes = new Map<string, Change>()
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]!
    const raw = /^:\d+ \d+ ([0-9a-f]{40}) ([0-9a-f]{40}) ([A-Z])/.exec(part)
    if (raw) {
      const path = parts[at + 1]!
      const status = raw[3] === 'A' ? 'added' : raw[3] === 'D' ? 'removed' : 'modified'
      changes.set(path, { path, sha: status === 'removed' ? raw[1]! : raw[2]!, status, additions: 0, deletions: 0 })
      at += 1
      continue
    }
    const count = /^(\d+|-)\t(\d+|-)\t([\s\S]+)$/.exec(part)
    const change = count && changes.get(count[3]!)
    if (count && change) {
      // A dash stands for a binary file.
      change.additions = Number(count[1]) || 0
      change.deletions = Number(count[2]) || 0
    }
  }
  return [...changes.values()]
}
