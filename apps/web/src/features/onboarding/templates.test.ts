import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { parseModelConfig, verdictOf } from '@modelport/schema/model-config'
import { expect, it } from 'vitest'
import { detectedWords, templates, templateText } from '#src/features/onboarding/templates.ts'

it.each(
  templates.flatMap((template) => [
    [template.id, [], template] as const,
    [template.id, ['requirements.txt'], template] as const,
  ]),
)('the template %s with the files %j is a config that builds', (_id, names, template) => {
  const text = templateText(template, names, 'https://models.example')
  const parsed = parseModelConfig(new TextEncoder().encode(text), { catalogue: debianCatalogue, policy: 'exact' })
  // Without packages to install there is nothing to run, which the parser mentions.
  expect(parsed.problems.filter((problem) => problem.path !== 'build_steps')).toEqual([])
  expect(verdictOf(parsed.problems)).toBe(names.length + template.steps.length > 0 ? 'accepted' : 'warned')
  expect(parsed.config?.targets).toEqual(template.gpu ? ['cpu', 'gpu'] : ['cpu'])
  expect(parsed.config?.buildSteps.some((step) => step.text.includes('requirements.txt'))).toBe(names.length > 0)
})

it('says what is in a repository by the names in its root', () => {
  expect(detectedWords(['README.md', 'requirements.txt', 'net.pth', 'src'])).toEqual([
    'requirements.txt',
    'weights',
    'a README',
  ])
})
