import { z } from 'zod'

/** What an image is made for. A version has one build per target that its model config switches on. */
export const targets = ['cpu', 'gpu'] as const
export const Target = z.enum(targets)
export type Target = z.infer<typeof Target>

/** How values that the catalogue or a package index lacks are treated (product decision 13). */
export const SubstitutionPolicy = z.enum(['exact', 'nearest'])
export type SubstitutionPolicy = z.infer<typeof SubstitutionPolicy>

/** Whose fault a failure is: `publisher` failures are final, `platform` failures are tried again. */
export const Fault = z.enum(['publisher', 'platform'])
export type Fault = z.infer<typeof Fault>

/** Why a build ended without an image, as stored with the build and shown everywhere. */
export const Failure = z.object({
  /** Stable code, `room/what`, for example `build/step-failed`. */
  code: z.string().max(100),
  fault: Fault,
  /** One sentence for the reader: what, where, how to mend it. */
  sentence: z.string().max(2000),
  /** The step in which it happened: `fetch`, `config`, `base`, `build:3`, `inspect`, `push`, `publish`. */
  step: z.string().max(40).nullable().default(null),
  /** A file of the repository and the 1-based line in it, where the failure has such a place. */
  file: z.string().max(500).nullable().default(null),
  line: z.number().int().positive().nullable().default(null),
  exitCode: z.number().int().nullable().default(null),
  outOfMemory: z.boolean().default(false),
  /** Everything else that was found wrong at the same time. */
  also: z
    .array(
      z.object({
        sentence: z.string().max(2000),
        file: z.string().max(500).nullable(),
        line: z.number().int().positive().nullable(),
      }),
    )
    .max(200)
    .default([]),
})
export type Failure = z.infer<typeof Failure>

/** Something that the config or a package list asked for and another took its place. */
export const Substitution = z.object({
  kind: z.enum(['python', 'cuda', 'framework', 'package']),
  /** Where it was asked for, for example `runway.yml` or `requirements.txt`. */
  file: z.string().max(500).nullable().default(null),
  line: z.number().int().positive().nullable().default(null),
  wanted: z.string().max(500),
  got: z.string().max(500),
  why: z.string().max(1000),
})
export type Substitution = z.infer<typeof Substitution>
