import { type Db, openDatabase } from '@modelport/db/client'
import { openS3Storage } from '@modelport/storage/s3-storage'
import type { Storage } from '@modelport/storage/storage'
import type { Sql } from 'postgres'
import { connectGithub, type Github } from '#src/auth/github.ts'
import { type Config, readConfig, type Secrets } from '#src/config.ts'
import { type NewsFeed, openNewsFeed } from '#src/news.ts'

/** Everything outside that the site talks to, made once per process. */
export interface Context {
  config: Config
  secrets: Secrets
  db: Db
  sql: Sql
  github: Github
  news: NewsFeed
  /** Null where the operator named no object store. */
  storage: Storage | null
}

// Next bundles pages and route handlers apart, so a module variable would exist more than once in a process.
const place = globalThis as typeof globalThis & { modelportContext?: Context }

/** Made on first use: building the site needs no environment, and importing a module connects to nothing. */
export function context(): Context {
  place.modelportContext ??= makeContext(process.env)
  return place.modelportContext
}

/** Puts another context in place, for tests. */
export function replaceContext(next: Context | undefined): void {
  if (next) place.modelportContext = next
  else delete place.modelportContext
}

function makeContext(env: NodeJS.ProcessEnv): Context {
  const { config, secrets } = readConfig(env)
  const { db, sql } = openDatabase(secrets.databaseUrl, { name: 'modelport-web' })
  return {
    config,
    secrets,
    db,
    sql,
    github: connectGithub(config, secrets),
    news: openNewsFeed(secrets.databaseUrl),
    storage: config.storage && secrets.storage ? openS3Storage(config.storage, secrets.storage) : null,
  }
}
