import type { EgressConfig } from './egress.ts'
import type { UnheldPolicy } from './held-limits.ts'

/** What a driver needs beside an engine. */
export interface DriverConfig {
  egress: EgressConfig
  /** A build is stopped as our fault when the engine's disk has less than this left. */
  minFreeBytes: number
  minFreeInodes: number
  unheldLimits: UnheldPolicy
  /** Seconds after the time limit at which a step ends by itself, should this process be gone; 30 by default. */
  graceSeconds?: number
  /** Milliseconds since 1970; the week of it is in every cache key. */
  now?: () => number
}
