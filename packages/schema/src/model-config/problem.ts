import { z } from 'zod'
import type { ProblemCode } from './problem-codes.ts'

/** One thing that is wrong, doubtful or worth knowing in a `runway.yml`, with the place and the way to mend it. */
export const Problem = z.strictObject({
  /** Stable code, `model-config/what`. */
  code: z.string().regex(/^model-config\/[a-z0-9-]+$/),
  /** An `error` refuses the file; a `warning` says what is done instead; a `notice` changes nothing. */
  severity: z.enum(['error', 'warning', 'notice']),
  /** Both count from 1. A key that is missing has no place: then they name the start of the map that lacks it. */
  line: z.number().int().positive(),
  column: z.number().int().positive(),
  /** Where in the file's structure, for example `spec.gpu` or `build_steps[2].if_gpu`; empty for the whole file. */
  path: z.string(),
  /** The value as it is written in the file, shortened; null where something is missing. */
  value: z.string().nullable(),
  understood: z.string(),
  allowed: z.string().nullable(),
  mend: z.string(),
  /** All of the above as one sentence for the author. */
  sentence: z.string(),
})
export type Problem = z.infer<typeof Problem>
export type Severity = Problem['severity']

export interface Place {
  line: number
  column: number
}

export interface ProblemParts {
  code: ProblemCode
  severity: Severity
  at: Place
  path?: string
  value?: string | null
  understood: string
  allowed?: string | null
  mend: string
}

/** Makes a problem and its sentence from the parts. */
export function makeProblem(parts: ProblemParts): Problem {
  const { at, path = '', allowed = null } = parts
  const value = parts.value == null ? null : shorten(parts.value)
  return {
    code: `model-config/${parts.code}`,
    severity: parts.severity,
    line: at.line,
    column: at.column,
    path,
    value,
    understood: parts.understood,
    allowed,
    mend: parts.mend,
    sentence: sentenceOf(at.line, path, value, parts.understood, allowed, parts.mend),
  }
}

function sentenceOf(
  line: number,
  path: string,
  value: string | null,
  understood: string,
  allowed: string | null,
  mend: string,
): string {
  const subject = [path, value].filter((part) => part !== null && part !== '').join(': ')
  const place = subject === '' ? `Line ${line}` : `Line ${line}, \`${subject}\``
  return `${place}: ${understood}${allowed === null ? '' : `; allowed: ${allowed}`}; ${mend}.`
}

/** One line of at most 120 characters, with control characters made visible: sentences end up in terminals and logs. */
export function shorten(text: string): string {
  // Cut first: the first pattern takes quadratic time on a long run of blanks.
  const line = text
    .slice(0, 600)
    .replace(/\s*\r?\n\s*/g, ' ')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu, (c) =>
      c === '\t' ? ' ' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  const characters = [...line]
  return characters.length <= 120 && text.length <= 600 ? line : `${characters.slice(0, 117).join('')}...`
}
