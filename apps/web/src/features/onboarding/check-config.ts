import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { parseModelConfig, verdictOf } from '@modelport/schema/model-config'

export interface CheckedConfig {
  verdict: 'accepted' | 'warned' | 'rejected'
  problems: { line: number; severity: 'error' | 'warning' | 'notice'; sentence: string }[]
  /** What would be built, as a sentence; null when nothing would. */
  makes: string | null
}

/**
 * Judges a `runway.yml` with the parser that builds use; its limits hold here too. Which Python and CUDA there are is
 * left to the build: an operator's catalogue is known to the workers alone.
 */
export function checkConfig(text: string): CheckedConfig {
  const { config, problems, foreign } = parseModelConfig(new TextEncoder().encode(text), {
    catalogue: debianCatalogue,
    policy: 'nearest',
  })
  const steps = config?.buildSteps.length ?? 0
  return {
    verdict: foreign ? 'rejected' : verdictOf(problems),
    problems: problems.map(({ line, severity, sentence }) => ({ line, severity, sentence })),
    makes: config
      ? `It makes a ${config.targets.map((target) => target.toUpperCase()).join(' and a ')} image with Python ${config.python.text}${steps > 0 ? ` and ${steps} build ${steps === 1 ? 'step' : 'steps'}` : ''}.`
      : null,
  }
}
