import type { ModelConfig } from '@modelport/schema/model-config'
import { makeProblem, type Problem } from '@modelport/schema/model-config/problem'
import type { Target } from '@modelport/schema/words'
import { hoistSteps } from '../plan/hoist-steps.ts'
import { ignoreFiles } from '../plan/ignore-files.ts'
import type { Project } from '../plan/project.ts'
import { missingFiles } from '../plan/required-files.ts'
import type { IgnoredFiles, ImagePlan, PlanLayer } from '../plan.ts'

/** The documentation's template holds these; they match nothing in most repositories and mean nothing there. */
const templateLeftovers = new Set(['my_dataset/*', 'secrets.txt'])

/** Environment of the finished image. The driver's variables are not in the base, so that no step is handed a device. */
const imageEnv: Record<Target, Record<string, string>> = {
  cpu: { RW_HOST: '0.0.0.0', RW_PORT: '9000' },
  gpu: {
    RW_HOST: '0.0.0.0',
    RW_PORT: '9000',
    GPU: '1',
    NVIDIA_VISIBLE_DEVICES: 'all',
    NVIDIA_DRIVER_CAPABILITIES: 'compute,utility',
  },
}

export interface PlannedImage {
  /** Null when any problem is an error. */
  plan: ImagePlan | null
  problems: Problem[]
}

/** Decides what goes into the image of one target and in which order; pure: no Docker, no clock, no disk. */
export function planImage(config: ModelConfig, target: Target, project: Project): PlannedImage {
  const files = ignoreFiles(
    project.files,
    config.ignore.map((rule) => rule.pattern),
  )
  const steps = config.buildSteps.flatMap((step, index) =>
    step.condition === null || step.condition === target ? [{ ...step, path: `build_steps[${index}]` }] : [],
  )
  const problems = [...idlePatterns(config, files.ignored), ...missingFiles(config, steps, files, project)]
  if (problems.some((problem) => problem.severity === 'error')) return { plan: null, problems }

  const hoisted = hoistSteps(
    steps.map((step) => step.text),
    files.kept,
    project,
  )
  const stepLayers = steps.map(
    (step, index): PlanLayer => ({
      kind: 'step',
      number: index + 1,
      text: step.text,
      hoisted: index < hoisted.steps,
    }),
  )
  const layers: PlanLayer[] = [
    ...(hoisted.files.length > 0 ? [{ kind: 'copy-files' as const, files: hoisted.files }] : []),
    ...stepLayers.slice(0, hoisted.steps),
    { kind: 'copy-project' },
    ...stepLayers.slice(hoisted.steps),
  ]
  const plan: ImagePlan = {
    target,
    files: files.kept.map((file) => file.path),
    emptyDirectories: files.emptyDirectories,
    ignored: files.ignored,
    layers,
    entrypoint: config.entrypoint.text,
    env: { ...imageEnv[target] },
  }
  return { plan, problems }
}

function idlePatterns(config: ModelConfig, ignored: readonly IgnoredFiles[]): Problem[] {
  return ignored.flatMap(({ pattern, files }, index) => {
    // The parser has warned of patterns that cannot match.
    const cannotMatch = /^(\/|~|!|[A-Za-z]:)|[\\?[\]]/.test(pattern) || pattern.split('/').includes('..')
    if (files > 0 || templateLeftovers.has(pattern) || cannotMatch) return []
    return [
      makeProblem({
        code: 'pattern-idle',
        severity: 'warning',
        at: { line: config.ignore[index]!.line, column: 1 },
        path: `files.ignore[${index}]`,
        value: pattern,
        understood: 'the pattern matches no file of the project',
        mend: "patterns begin in the repository's root; correct it or delete the line",
      }),
    ]
  })
}
