/** How much a `runway.yml` may hold. The largest of some 640 real texts has 2.3 KB and 31 steps. */
export const configLimits = {
  bytes: 64 * 1024,
  nodes: 2000,
  depth: 20,
  steps: 100,
  /** Below the 65,535 bytes that the Dockerfile parser takes in a line, even when JSON doubles some characters. */
  stepBytes: 32 * 1024,
  patterns: 200,
  patternBytes: 1024,
  /** Reported at once; a page or a check run shows no more. */
  problems: 200,
} as const
