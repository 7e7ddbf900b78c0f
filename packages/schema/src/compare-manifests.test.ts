import { describe, expect, it } from 'vitest'
import { compareManifests, type Field } from './compare-manifests.ts'

const field = (extra: Partial<Field> = {}): Field => ({ name: 'x', type: 'number', default: 1, ...extra })
const face = (inputs: Field[], outputs: Field[] = [field({ name: 'out' })], options: Field[] = []) => ({
  options,
  commands: [{ name: 'run', inputs, outputs }],
})
const classesOf = (before: Field, after: Field) =>
  compareManifests(face([before]), face([after])).map((change) => change.class)
const outputClasses = (before: Field, after: Field) =>
  compareManifests(face([field()], [before]), face([field()], [after])).map((change) => change.class)

describe('what callers give', () => {
  it.each<[string, Field, Field, string[]]>([
    ['nothing', field(), field(), []],
    ['a type', field(), field({ type: 'text' }), ['breaking']],
    ['a raised minimum', field({ min: 0 }), field({ min: 1 }), ['breaking']],
    ['a lowered minimum', field({ min: 1 }), field({ min: 0 }), ['additive']],
    ['a new maximum', field(), field({ max: 9 }), ['breaking']],
    ['no maximum any more', field({ max: 9 }), field(), ['additive']],
    ['a lowered maximum', field({ max: 9 }), field({ max: 8 }), ['breaking']],
    ['a maximum that is no number', field({ max: 9 }), field({ max: 'nine' }), ['breaking']],
    ['a step', field({ step: 1 }), field({ step: 2 }), ['breaking']],
    ['a vector’s length', field({ length: 8 }), field({ length: 16 }), ['breaking']],
    ['a choice less', field({ oneOf: ['a', 'b'] }), field({ oneOf: ['a'] }), ['breaking']],
    ['a choice more', field({ oneOf: ['a'] }), field({ oneOf: ['a', 'b'] }), ['additive']],
    ['the order of choices', field({ oneOf: ['a', 'b'] }), field({ oneOf: ['b', 'a'] }), ['cosmetic']],
    ['a default that is gone', field(), field({ default: null }), ['breaking']],
    ['a default that came', field({ default: null }), field(), ['additive']],
    ['another default', field(), field({ default: 2 }), ['cosmetic']],
    ['words', field(), field({ description: 'More' }), ['cosmetic']],
    ['how it is sampled', field({ samplingStd: 1 }), field({ samplingStd: 2 }), ['cosmetic']],
    ['something unknown', field(), field({ mystery: { a: 1 } }), ['breaking']],
    ['the order of keys', field({ d: { a: 1, b: 2 } }), field({ d: { b: 2, a: 1 } }), []],
    ['null and nothing', field({ min: null }), field(), []],
    [
      'the items of an array',
      field({ type: 'array', itemType: { type: 'number', max: 5 } }),
      field({ type: 'array', itemType: { type: 'number', max: 4 } }),
      ['breaking'],
    ],
  ])('%s', (_what, before, after, expected) => expect(classesOf(before, after)).toEqual(expected))

  it('may be asked for more, or no longer be taken', () => {
    const required = field({ name: 'y', default: undefined })
    const one = (before: Field[], after: Field[]) => compareManifests(face(before), face(after))[0]
    expect(one([field()], [field(), required])).toMatchObject({ class: 'breaking', path: 'run.inputs.y' })
    expect(one([field()], [field(), field({ name: 'y' })])?.class).toBe('additive')
    expect(one([field(), required], [field()])?.class).toBe('breaking')
  })
})

describe('what the model gives', () => {
  it.each<[string, Field, Field, string[]]>([
    ['a size', field({ width: 64 }), field({ width: 128 }), ['breaking']],
    ['a wider range', field({ max: 1 }), field({ max: 2 }), ['breaking']],
    ['a narrower range', field({ max: 2 }), field({ max: 1 }), ['cosmetic']],
    ['a choice more', field({ oneOf: ['a'] }), field({ oneOf: ['a', 'b'] }), ['breaking']],
    ['an encoding', field({ defaultOutputFormat: 'PNG' }), field({ defaultOutputFormat: 'JPEG' }), ['cosmetic']],
  ])('%s', (_what, before, after, expected) => expect(outputClasses(before, after)).toEqual(expected))
})

it('puts breaking changes first, and knows commands and options', () => {
  const older = { options: [field({ name: 'style' })], commands: face([field()]).commands }
  const newer = {
    options: [field({ name: 'style', description: 'Other' })],
    commands: [{ ...face([field()]).commands[0]!, name: 'go' }],
  }
  expect(compareManifests(older, newer).map((c) => [c.class, c.path])).toEqual([
    ['breaking', 'run'],
    ['additive', 'go'],
    ['cosmetic', 'options.style'],
  ])
})

it('writes what a stranger named without ending the code it stands in', () => {
  const [change] = compareManifests(face([field({ default: 'a' })]), face([field({ default: '`<b>`\n' })]))
  expect(change?.sentence.match(/`/g)).toHaveLength(4)
})
