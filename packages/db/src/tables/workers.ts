import { jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** What a worker says of itself and its engine, for the page of the people who run the installation. */
export interface WorkerReport {
  driver: string
  concurrency: number
  queue: string
  /** Null while the engine does not answer. */
  engine: {
    version: string
    runc: string
    storageDriver: string
    cgroupVersion: string
    freeBytes: number | null
  } | null
  /** Each limit of a build, and who holds it: the engine, the worker by watching, or nobody; then `means` says what that means. */
  /** What every build gets, and may use. Workers from before it was told do not say. */
  build?: {
    substitutionPolicy: 'exact' | 'nearest'
    catalogue: string
    egress: 'public' | 'packages'
    memoryBytes: number
    cpus: number
    pids: number
    diskBytes: number
    logBytes: number
    seconds: { cpu: number; gpu: number }
  }
  limits: { name: string; held: 'engine' | 'watched' | 'off'; means: string | null }[]
}

/** The workers that were seen lately. */
export const workers = pgTable('workers', {
  /** `host:pid`, as it stands in leases. */
  name: text().primaryKey(),
  report: jsonb().$type<WorkerReport>().notNull(),
  startedAt: timestamp('started_at', { withTimezone: true }).notNull().defaultNow(),
  seenAt: timestamp('seen_at', { withTimezone: true }).notNull().defaultNow(),
})
