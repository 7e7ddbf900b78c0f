import {
  closeSync,
  existsSync,
  fdatasync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

export type Level = 'read' | 'write' | 'admin'

export interface Account {
  id: number
  login: string
  type: 'User' | 'Organization'
  name: string | null
  email: string | null
  createdAt: string
  /** For an organisation: user id -> role. */
  members: Record<string, 'admin' | 'member'>
}

export interface Repository {
  id: number
  ownerId: number
  name: string
  description: string | null
  homepage: string | null
  private: boolean
  archived: boolean
  defaultBranch: string
  topics: string[]
  /** User id -> level, besides the owner. */
  collaborators: Record<string, Level>
  createdAt: string
  updatedAt: string
  pushedAt: string | null
  /** What the last push to the default branch left: SPDX key of its licence, size in KiB. */
  license: string | null
  size: number
  /** False between the first contact of a push-to-create and its first ref: such a repository is not there yet. */
  announced: boolean
}

export interface Installation {
  id: number
  accountId: number
  repositoryIds: number[]
  createdAt: string
  updatedAt: string
  suspendedAt: string | null
  suspendedById: number | null
}

export interface CheckSuite {
  id: number
  repositoryId: number
  headSha: string
  headBranch: string | null
  before: string | null
  after: string | null
  createdAt: string
  updatedAt: string
}

export interface Annotation {
  path: string
  start_line: number
  end_line: number
  start_column: number | null
  end_column: number | null
  annotation_level: 'notice' | 'warning' | 'failure'
  message: string
  title: string | null
  raw_details: string | null
}

export interface CheckRun {
  id: number
  repositoryId: number
  suiteId: number
  headSha: string
  name: string
  status: 'queued' | 'in_progress' | 'completed'
  conclusion: string | null
  detailsUrl: string | null
  externalId: string | null
  startedAt: string | null
  completedAt: string | null
  title: string | null
  summary: string | null
  text: string | null
  annotations: Annotation[]
  actions: { label: string; description: string; identifier: string }[]
}

export interface Delivery {
  id: number
  guid: string
  event: string
  action: string | null
  installationId: number | null
  repositoryId: number | null
  redelivery: boolean
  /** Not yet sent: after a crash these are sent at the next start. */
  pending: boolean
  deliveredAt: string
  duration: number
  status: string
  statusCode: number
  request: { headers: Record<string, string> }
  response: { headers: Record<string, string>; body: string }
}

/** A token or a code that we gave out, stored under the SHA-256 of its text. */
export interface Grant {
  id: string
  kind: 'installation' | 'user' | 'refresh' | 'code' | 'manifest'
  expiresAt: string
  accountId: number | null
  installationId: number | null
  /** Installation tokens may be narrowed. */
  repositoryIds: number[] | null
  permissions: Record<string, string> | null
  /** What a code was asked with. */
  redirectUri: string | null
  codeChallenge: string | null
  /** The pair that a refresh replaces, or that a replayed code revokes. */
  family: string
  used: boolean
}

export interface Redirect {
  /** `owner/name` as it once was, in lower case. */
  id: string
  repositoryId: number
}

export interface Setting {
  id: string
  value: string
}

type Row = { id: number | string }

/** One kind of row, in memory, with look-ups by index; every change is journalled before the call returns. */
export class Table<T extends Row> {
  readonly #rows = new Map<T['id'], T>()
  readonly #keys: Record<string, (row: T) => string>
  readonly #indexes = new Map<string, Map<string, Set<T['id']>>>()
  readonly #entered = new Map<T['id'], Record<string, string>>()
  readonly #write: (id: T['id'], row: T | null) => void

  constructor(keys: Record<string, (row: T) => string>, write: (id: T['id'], row: T | null) => void) {
    this.#keys = keys
    this.#write = write
    for (const name of Object.keys(keys)) this.#indexes.set(name, new Map())
  }

  get size(): number {
    return this.#rows.size
  }

  get(id: T['id']): T | undefined {
    return this.#rows.get(id)
  }

  all(): T[] {
    return [...this.#rows.values()]
  }

  /** Rows whose index key is this one, oldest first. */
  by(index: string, key: string | number): T[] {
    const ids = this.#indexes.get(index)?.get(String(key)) ?? []
    return [...ids].map((id) => this.#rows.get(id)!)
  }

  put(row: T): T {
    this.#write(row.id, row)
    this.load(row.id, row)
    return row
  }

  delete(id: T['id']): void {
    if (!this.#rows.has(id)) return
    this.#write(id, null)
    this.load(id, null)
  }

  /** Applies a change that is already in the journal. */
  load(id: T['id'], row: T | null): void {
    const old = this.#entered.get(id)
    for (const [index, key] of Object.entries(old ?? {})) {
      const ids = this.#indexes.get(index)!.get(key)
      ids?.delete(id)
      if (ids?.size === 0) this.#indexes.get(index)!.delete(key)
    }
    if (!row) {
      this.#entered.delete(id)
      this.#rows.delete(id)
      return
    }
    const entered: Record<string, string> = {}
    for (const [index, keyOf] of Object.entries(this.#keys)) {
      const key = keyOf(row)
      entered[index] = key
      const map = this.#indexes.get(index)!
      if (!map.has(key)) map.set(key, new Set())
      map.get(key)!.add(id)
    }
    this.#entered.set(id, entered)
    this.#rows.set(id, row)
  }
}

export interface Store {
  accounts: Table<Account>
  repositories: Table<Repository>
  redirects: Table<Redirect>
  installations: Table<Installation>
  checkSuites: Table<CheckSuite>
  checkRuns: Table<CheckRun>
  deliveries: Table<Delivery>
  grants: Table<Grant>
  settings: Table<Setting>
  /** A number that was never given before, in any table. */
  nextId(): number
  close(): void
}

const SNAPSHOT = 'store.json'
const JOURNAL = 'journal.jsonl'
const LOCK_ADVICE = 'Move it away to start empty.'

/**
 * Opens the state of one local GitHub: a snapshot and a journal of the changes since.
 *
 * A change is in the journal when the call returns, so `kill -9` loses nothing; the disk is asked to keep it within a
 * tenth of a second, so a power cut may lose the last moment, never the file.
 */
export function openStore(dir: string): Store {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const snapshotPath = join(dir, SNAPSHOT)
  const journalPath = join(dir, JOURNAL)

  let journal = -1
  let dirty = false
  let written = 0
  const append = (table: string, id: number | string, row: Row | null) => {
    if (journal < 0) throw new Error('The store is closed.')
    const line = Buffer.from(`${JSON.stringify([table, id, row])}\n`)
    let at = 0
    while (at < line.length) at += writeSync(journal, line, at)
    written += line.length
    dirty = true
  }

  const table = <T extends Row>(name: string, keys: Record<string, (row: T) => string> = {}) =>
    new Table<T>(keys, (id, row) => append(name, id, row))
  const tables = {
    accounts: table<Account>('accounts', { login: (a) => a.login.toLowerCase() }),
    repositories: table<Repository>('repositories', {
      owner: (r) => String(r.ownerId),
      name: (r) => `${r.ownerId}/${r.name.toLowerCase()}`,
    }),
    redirects: table<Redirect>('redirects', { repository: (r) => String(r.repositoryId) }),
    installations: table<Installation>('installations', { account: (i) => String(i.accountId) }),
    checkSuites: table<CheckSuite>('checkSuites', { commit: (s) => `${s.repositoryId}@${s.headSha}` }),
    checkRuns: table<CheckRun>('checkRuns', {
      commit: (r) => `${r.repositoryId}@${r.headSha}`,
      suite: (r) => String(r.suiteId),
    }),
    deliveries: table<Delivery>('deliveries', { guid: (d) => d.guid }),
    grants: table<Grant>('grants', { family: (g) => g.family }),
    settings: table<Setting>('settings'),
  }
  const byName = tables as unknown as Record<string, Table<Row>>

  let lastId = 0
  const apply = (line: string) => {
    const [name, id, row] = JSON.parse(line) as [string, number | string, Row | null]
    byName[name]?.load(id, row)
    if (typeof id === 'number' && id > lastId) lastId = id
  }
  const readLines = (path: string, mayBeTorn: boolean) => {
    if (!existsSync(path)) return
    const lines = readFileSync(path, 'utf8').split('\n')
    const last = lines.pop()
    for (const line of lines) {
      try {
        if (line) apply(line)
      } catch (cause) {
        throw new Error(`${path} is damaged. ${LOCK_ADVICE}`, { cause })
      }
    }
    // A process that was killed while writing leaves half a line; the change it held was never answered for.
    if (last && !mayBeTorn) throw new Error(`${path} is cut short. ${LOCK_ADVICE}`)
  }
  readLines(snapshotPath, false)
  readLines(journalPath, true)

  // Starting with a fresh snapshot also drops the torn line, which the next append would have glued itself to.
  const compact = () => {
    const temporary = `${snapshotPath}.new`
    const file = openSync(temporary, 'w', 0o600)
    for (const [name, rows] of Object.entries(byName)) {
      for (const row of rows.all()) writeSync(file, `${JSON.stringify([name, row.id, row])}\n`)
    }
    // The last number goes along, so that a deleted repository's number is never given again.
    writeSync(file, `${JSON.stringify(['', lastId, null])}\n`)
    fsyncSync(file)
    closeSync(file)
    renameSync(temporary, snapshotPath)
    // The old journal only repeats what the snapshot holds, so a crash between these two lines is harmless.
    if (journal >= 0) closeSync(journal)
    journal = openSync(journalPath, 'w', 0o600)
    written = 0
    const folder = openSync(dir, 'r')
    fsyncSync(folder)
    closeSync(folder)
  }
  compact()

  let syncing = false
  const timer = setInterval(() => {
    if (syncing) return
    if (written > 64 * 1024 * 1024) compact()
    if (!dirty) return
    dirty = false
    syncing = true
    fdatasync(journal, () => {
      syncing = false
    })
  }, 100)
  timer.unref()

  return {
    ...tables,
    nextId: () => {
      lastId += 1
      return lastId
    },
    close: () => {
      clearInterval(timer)
      if (journal < 0) return
      fsyncSync(journal)
      closeSync(journal)
      journal = -1
    },
  }
}
