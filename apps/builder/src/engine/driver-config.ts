import type { EgressConfig } from './egress.ts'
import type { UnheldPolicy } from './held-limits.ts'

/** What a driver needs beside an engine. */
export interface DriverConfig {
  egress: EgressConfig
  /** A build is stopped as our fault when the engine's disk has less than this left. */
  minFreeBytes: number
  minFreeInodes: number
  unheldLimits: UnheldPolicy
  /** Milliseconds since 1970; the week of it is in every cache key. */
  now?: () => number
}
