import { join } from 'node:path'
import type { LocalGithubConfig } from './config.ts'
import type { Deliveries } from './deliveries.ts'
import type { Account, Repository, Store } from './store.ts'

/** Faults that tests ask the API for, so that clients can be seen to survive them. */
export interface ApiFault {
  /** Only paths that hold this text, below `/api/v3`; empty means all. */
  path: string
  method: string | null
  status: number | null
  delayMs: number
  /** How many more requests it meets. */
  remaining: number
}

/** What every part of the local GitHub is handed: settings, state, and the way out for webhooks. */
export interface Context {
  config: LocalGithubConfig
  /** The web address, without a slash at the end; the API is `${url}/api/v3`. */
  url: string
  store: Store
  deliveries: Deliveries
  /** Signs cookies; made once and kept in the store. */
  cookieKey: string
  apiFaults: ApiFault[]
}

/** The bare repository's folder: named by id, so that a rename moves nothing. */
export function gitDir(ctx: Context, repository: { id: number }): string {
  return join(ctx.config.dir, 'repositories', `${repository.id}.git`)
}

/** The account that owns a repository. */
export function ownerOf(ctx: Context, repository: Repository): Account {
  return ctx.store.accounts.get(repository.ownerId)!
}

/** `owner/name`. */
export function fullName(ctx: Context, repository: Repository): string {
  return `${ownerOf(ctx, repository).login}/${repository.name}`
}

/** The time as GitHub writes it: UTC, whole seconds. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}
