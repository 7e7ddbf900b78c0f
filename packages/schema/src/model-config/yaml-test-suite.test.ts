import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readYaml } from './read-yaml.ts'

/** `src` of github.com/yaml/yaml-test-suite; not in this repository. */
const directory = process.env.YAML_TEST_SUITE

interface SuiteCase {
  name?: string
  fail?: boolean
  yaml?: string
  skip?: boolean
}

/** YAML that a model config does not use: each has a sentence of its own. */
const outsideOurSubset = [
  'alias',
  'tag',
  'directive',
  'several-documents',
  'complex-key',
  'empty',
  'line-ends',
  'control-character',
]

describe.skipIf(!directory)('the YAML test suite', () => {
  if (!directory) {
    console.log('The YAML test suite is not present: YAML_TEST_SUITE names no directory.')
    return
  }
  const cases = readdirSync(directory).flatMap((file) => {
    let inherited: SuiteCase = {}
    return (parse(readFileSync(join(directory, file), 'utf8')) as SuiteCase[]).map((one, index) => {
      inherited = { ...inherited, ...one, fail: one.fail ?? false }
      return { id: `${file}:${index}`, ...inherited }
    })
  })

  it('is read without a crash, each file within 100 ms', () => {
    for (const { id, yaml } of cases) {
      const before = process.cpuUsage()
      readYaml(new TextEncoder().encode(written(yaml ?? '')))
      const { user, system } = process.cpuUsage(before)
      expect((user + system) / 1000, id).toBeLessThan(100)
    }
  })

  it('is refused where the suite refuses', () => {
    const accepted = cases.filter(({ yaml, fail }) => fail && codesOf(yaml ?? '').length === 0)
    expect(accepted.map(({ id, name }) => `${id} ${name}`)).toEqual(knownTooLenient)
  })

  it('is accepted where the suite accepts, but for what a model config does not use', () => {
    const refused = cases
      .filter(({ fail }) => !fail)
      .map(({ id, name, yaml }) => ({ id, name, codes: codesOf(yaml ?? '') }))
      .filter(({ codes }) => codes.length > 0 && !codes.some((code) => outsideOurSubset.includes(code)))
    expect(refused.map(({ id, name, codes }) => `${id} ${name}: ${codes.join(' ')}`)).toEqual(knownTooStrict)
  })
})

const knownTooLenient: string[] = []
const knownTooStrict = [
  // Two keys that are both nothing: equal for us, both kept by the suite.
  '2JQS.yaml:0 Block Mapping with Missing Keys: duplicate-key',
]

function codesOf(yaml: string): string[] {
  return readYaml(new TextEncoder().encode(written(yaml))).problems.map(({ code }) => code.replace('model-config/', ''))
}

/** The suite writes characters that cannot be seen with others. */
function written(text: string): string {
  return text
    .replaceAll('␣', ' ')
    .replaceAll(/—*»/g, '\t')
    .replaceAll('↵', '')
    .replaceAll('←', '\r')
    .replaceAll('⇔', '\ufeff')
    .replace(/∎\n?$/, '')
}
