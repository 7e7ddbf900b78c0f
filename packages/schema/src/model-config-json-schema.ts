import { z } from 'zod'
import type { Catalogue } from './catalogue.ts'
import { configLimits } from './model-config/limits.ts'
import { availableCuda, availablePythons } from './model-config/versions.ts'
import { frameworks } from './model-config.ts'

/**
 * The JSON Schema of `runway.yml` for editors, with the values that a catalogue offers. It helps while writing; the linter's
 * judgement is finer (near-miss keys, warnings, files of other tools).
 */
export function modelConfigJsonSchema(catalogue: Catalogue): Record<string, unknown> {
  const command = z.string().min(1).max(configLimits.stepBytes)
  const schema = z
    .looseObject({
      version: z.literal([0.1, '0.1', null]).optional().describe('Version of this file format, not of the model.'),
      python: z
        .literal(spellings(availablePythons(catalogue)))
        .describe('Python of the image, major and minor version.'),
      entrypoint: command.describe('Command that starts the model, for example `python runway_model.py`.'),
      cuda: z
        .literal([...spellings(availableCuda(catalogue)), null])
        .optional()
        .describe('CUDA of the GPU image; required unless `spec.gpu` is False.'),
      cuda_flavor: z.enum(['runtime', 'devel']).optional().describe('`devel` adds a compiler to the image.'),
      framework: z
        .literal([...frameworks, null])
        .optional()
        .describe('Framework to pre-install; other versions are installed by build steps.'),
      spec: z
        .looseObject({
          cpu: z.boolean().default(true).describe('Whether to build a CPU image.'),
          gpu: z.boolean().default(true).describe('Whether to build a GPU image.'),
        })
        .nullable()
        .optional()
        .describe('Which images to build; both by default.'),
      files: z
        .looseObject({
          ignore: z
            .array(z.union([z.string().max(configLimits.patternBytes), z.number(), z.null()]))
            .max(configLimits.patterns)
            .nullable()
            .optional()
            .describe('Paths from the root that are left out of the image; `*` stands for anything but `/`.'),
        })
        .nullable()
        .optional(),
      build_steps: z
        .array(
          z.union([
            command,
            z.null(),
            z.strictObject({ if_cpu: z.union([command, z.array(command)]) }),
            z.strictObject({ if_gpu: z.union([command, z.array(command)]) }),
          ]),
        )
        .max(configLimits.steps)
        .nullable()
        .optional()
        .describe('Shell commands run in order, each in a shell of its own; `if_cpu` and `if_gpu` for one image only.'),
    })
    .meta({ title: 'runway.yml', description: 'How the image of a model is built and started.' })
  return z.toJSONSchema(schema, { target: 'draft-7', io: 'input' })
}

/** As a YAML number and as text: an editor reads `3.10` as the number 3.1, and `10` and `10.0` as the same one. */
function spellings(versions: readonly string[]): (string | number)[] {
  const texts = versions.flatMap((version) =>
    /^[4-9]|^1/.test(version) ? [version, version.replace(/\.0$/, '')] : [version],
  )
  return [...new Set<string | number>([...versions.map(Number), ...texts])]
}
