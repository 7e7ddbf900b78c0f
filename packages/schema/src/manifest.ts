import { z } from 'zod'

/**
 * A model's options and commands, as `RW_META=1` prints them (model protocol, section 2). Readers accept unknown keys
 * and unknown types; what is bounded is the size, because a model is a stranger's program.
 */

/** Bytes of the manifest's line. */
export const maxManifestBytes = 1_000_000
/** Levels of nesting: an array of arrays of ... and a default value of any shape. */
const maxDepth = 64

const name = z.string().min(1).max(200)
const description = z.string().max(20_000).nullish()

export interface Field {
  name: string
  type: string
  description?: string | null
  [key: string]: unknown
}
export const Field: z.ZodType<Field> = z.looseObject({ name, type: z.string().min(1).max(60), description })

export const Command = z.looseObject({
  name,
  description,
  inputs: z.array(Field).min(1).max(500),
  outputs: z.array(Field).min(1).max(500),
})
export type Command = z.infer<typeof Command>

export const Manifest = z.looseObject({ options: z.array(Field).max(500), commands: z.array(Command).max(200) })
export type Manifest = z.infer<typeof Manifest>

/** What is wrong with what a model printed, as a sentence for its publisher. */
export interface ManifestProblem {
  code: 'manifest/none' | 'manifest/too-large' | 'manifest/invalid'
  sentence: string
}

/**
 * Finds the manifest in what a model printed: the last line that is a JSON object with `options` and `commands`.
 * Models print other things too, before it and after it.
 */
export function readManifest(stdout: string): { manifest: Manifest } | { problem: ManifestProblem } {
  const lines = stdout.split('\n')
  for (let i = lines.length - 1; i >= 0; i--) {
    const line = lines[i]!.trim()
    if (!line.startsWith('{') || !line.includes('"options"') || !line.includes('"commands"')) continue
    if (line.length > maxManifestBytes)
      return problem(
        'manifest/too-large',
        `The model’s interface is longer than ${maxManifestBytes} bytes; shorten descriptions and default values.`,
      )
    const value = parse(line)
    if (typeof value !== 'object' || value === null || !('options' in value) || !('commands' in value)) continue
    const parsed = Manifest.safeParse(value)
    if (parsed.success) return { manifest: parsed.data }
    const issue = parsed.error.issues[0]!
    return problem(
      'manifest/invalid',
      `The model’s interface is not as the protocol has it: ${issue.path.join('.') || 'the whole'}: ${issue.message}.`,
    )
  }
  return problem(
    'manifest/none',
    'The model printed no interface under RW_META=1: check that the entrypoint runs a program that ends with runway.run().',
  )
}

function parse(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line, (key, v) => {
      // A key that would reach an object's prototype is nobody's option.
      if (key === '__proto__') return undefined
      if (typeof v === 'string') return v.replaceAll('\0', '').toWellFormed()
      return v
    })
    return depthOf(value) > maxDepth ? null : value
  } catch {
    return null
  }
}

function depthOf(value: unknown): number {
  let depth = 0
  let level: unknown[] = [value]
  while (level.length > 0 && depth <= maxDepth) {
    depth++
    level = level.flatMap((v) => (typeof v === 'object' && v !== null ? Object.values(v) : []))
  }
  return depth
}

const problem = (code: ManifestProblem['code'], sentence: string) => ({ problem: { code, sentence } })
