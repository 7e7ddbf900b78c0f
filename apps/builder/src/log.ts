import { type Logger, pino } from 'pino'

export type { Logger }

/** A named logger that writes JSON lines to stdout. Bodies, headers and tokens are never handed to it. */
export function makeLogger(name: string): Logger {
  return pino({
    name,
    level: process.env.LOG_LEVEL ?? 'info',
    base: { name },
    redact: ['*.authorization', '*.token', '*.password'],
  })
}

/** What to log of something thrown: its message and stack, and its cause's message. */
export function described(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error) }
  const cause = error.cause instanceof Error ? error.cause.message : undefined
  return { error: error.message, stack: error.stack, ...(cause ? { cause } : {}) }
}
