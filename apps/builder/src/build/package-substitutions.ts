import type { BuildStep } from '@modelport/schema/model-config'
import type { Substitution } from '@modelport/schema/words'
import { z } from 'zod'

/** Where the front of pip notes its substitutions in an image, and how much of that is read. */
export const substitutionRecord = { path: '/opt/modelport/substitutions.jsonl', maxBytes: 2 ** 20 } as const
const maxSubstitutions = 1000

// Any step can write the file, so its texts are a stranger's: short, and without characters that move a cursor or turn a line.
const text = z
  .string()
  .min(1)
  .max(300)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u)

const Line = z.object({
  requested: text,
  name: text,
  /** `requirements.txt:2`, relative to the project; null for a requirement that a step types. */
  where: text.nullable(),
  step: z.number().int().positive().nullable(),
  how: z.enum(['installed', 'relaxed', 'debian']),
  got: text,
  package: text.optional(),
  packageVersion: text.optional(),
})
type Line = z.infer<typeof Line>

/** What places may be named: the project's files in the image, and the steps of the target in order. */
export interface KnownPlaces {
  files: readonly string[]
  steps: readonly Pick<BuildStep, 'line'>[]
}

/** Turns the record of the front of pip into substitutions. Lines that are not its own are left out. */
export function packageSubstitutions(record: string, known: KnownPlaces): Substitution[] {
  const files = new Set(known.files)
  const found = new Map<string, Substitution>()
  for (const line of record.split('\n')) {
    const read = parseLine(line)
    if (!read) continue
    const substitution: Substitution = {
      kind: 'package',
      ...placeOf(read, files, known.steps),
      wanted: read.requested,
      got: read.how === 'debian' ? `${read.package} ${read.packageVersion ?? read.got}` : `${read.name} ${read.got}`,
      why: whyOf(read),
    }
    // A requirement that several steps repeat is substituted in each, and told once for its place.
    found.set(JSON.stringify(substitution), substitution)
    if (found.size === maxSubstitutions) break
  }
  return [...found.values()]
}

function parseLine(line: string): Line | null {
  try {
    const read = Line.safeParse(JSON.parse(line))
    return read.success && (read.data.how !== 'debian' || read.data.package) ? read.data : null
  } catch {
    return null
  }
}

function placeOf(read: Line, files: ReadonlySet<string>, steps: KnownPlaces['steps']) {
  const [, file, line] = /^(.+):([1-9]\d{0,6})$/.exec(read.where ?? '') ?? []
  if (file && files.has(file)) return { file, line: Number(line) }
  const step = steps[(read.step ?? 0) - 1]
  return step ? { file: 'runway.yml', line: step.line } : { file: null, line: null }
}

function whyOf({ how, name, package: debian }: Line): string {
  switch (how) {
    case 'installed':
      return `pip could not install ${name} as asked; this version is installed already`
    case 'relaxed':
      return `pip could not install ${name} as asked; this is the nearest version that it could`
    case 'debian':
      return `pip could not install ${name}; Debian's package ${debian} takes its place`
  }
}
