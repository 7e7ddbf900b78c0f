import { z } from 'zod'
import type { Catalogue } from './catalogue.ts'
import type { ForeignFile } from './model-config/foreign.ts'
import { configLimits } from './model-config/limits.ts'
import type { Problem } from './model-config/problem.ts'
import { readYaml } from './model-config/read-yaml.ts'
import { judgeRoot } from './model-config/rules.ts'
import { type SubstitutionPolicy, Target } from './words.ts'

/** A version number as the author wrote it and as we compare it: `10` and `10.0` are both `10.0`, `3.6.9` is `3.6`. */
const WrittenVersion = z.strictObject({ text: z.string(), canonical: z.string() })
export type WrittenVersion = z.infer<typeof WrittenVersion>

export const frameworks = ['tensorflow', 'pytorch'] as const

export const BuildStep = z.strictObject({
  /** A shell string for `/bin/sh -c`. */
  text: z.string(),
  line: z.number().int().positive(),
  /** The only target that runs it, from `if_cpu` and `if_gpu`; null for both. */
  condition: Target.nullable(),
})
export type BuildStep = z.infer<typeof BuildStep>

/** A model's `runway.yml`, judged and typed. Every text in it is the author's: never a path, tag or instruction by itself. */
export const ModelConfig = z.strictObject({
  version: z.literal('0.1'),
  python: WrittenVersion,
  entrypoint: z.strictObject({ text: z.string(), line: z.number().int().positive() }),
  /** Null when the file names none; then `gpu` is not among the targets. */
  cuda: WrittenVersion.nullable(),
  cudaFlavor: z.enum(['runtime', 'devel']),
  framework: z.enum(frameworks).nullable(),
  /** The targets that `spec` leaves switched on, never empty. */
  targets: z.array(Target).min(1),
  /** Patterns of `files.ignore` in the file's order. */
  ignore: z.array(z.strictObject({ pattern: z.string(), line: z.number().int().positive() })),
  buildSteps: z.array(BuildStep),
  /** Top-level keys that are not part of the format (`name`, `license`, ...), as JSON; numbers keep their text. */
  metadata: z.record(z.string(), z.json()),
  /** The line of each value by its path (`python`, `spec.gpu`, `build_steps[0]`), for annotations. */
  lines: z.record(z.string(), z.number().int().positive()),
})
export type ModelConfig = z.infer<typeof ModelConfig>

export interface ParseOptions {
  catalogue: Catalogue
  /** Under `exact` a Python or CUDA that the catalogue lacks refuses the file; under `nearest` the base resolver decides. */
  policy: SubstitutionPolicy
}

export interface ParsedModelConfig {
  /** Null when any problem is an error. */
  config: ModelConfig | null
  /** Everything found, in the order of the file. */
  problems: Problem[]
  /** Set when the file is another tool's. */
  foreign?: ForeignFile
}

/** Turns the bytes of a `runway.yml` into a typed config, or says everything that is wrong with it. */
export function parseModelConfig(bytes: Uint8Array, options: ParseOptions): ParsedModelConfig {
  const read = readYaml(bytes)
  if (!read.root) return { config: null, problems: sortByPlace(read.problems) }
  const judged = judgeRoot(read.root, options)
  // What else is odd in another tool's file is no concern of its author's here.
  if (judged.foreign) return { config: null, problems: judged.problems, foreign: judged.foreign }
  const problems = sortByPlace([...read.problems, ...judged.problems])
  const refused = problems.some((problem) => problem.severity === 'error')
  return { config: refused ? null : judged.config, problems }
}

/** `rejected` with any error, `warned` with any warning, else `accepted`. */
export function verdictOf(problems: readonly Pick<Problem, 'severity'>[]): 'accepted' | 'warned' | 'rejected' {
  if (problems.some((problem) => problem.severity === 'error')) return 'rejected'
  return problems.some((problem) => problem.severity === 'warning') ? 'warned' : 'accepted'
}

/** In the order of the file; of very many, the errors before the rest. */
function sortByPlace(problems: Problem[]): Problem[] {
  const byPlace = (a: Problem, b: Problem) => a.line - b.line || a.column - b.column
  const errors = problems.filter((problem) => problem.severity === 'error').toSorted(byPlace)
  const others = problems.filter((problem) => problem.severity !== 'error').toSorted(byPlace)
  return [...errors, ...others].slice(0, configLimits.problems).toSorted(byPlace)
}
