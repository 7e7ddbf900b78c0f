import { upstreamCatalogue } from '@modelport/schema/catalogues/upstream'
import { modelConfigJsonSchema } from '@modelport/schema/model-config-json-schema'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'

const validate = new Ajv({ allErrors: true }).compile(modelConfigJsonSchema(upstreamCatalogue))
/** What an editor's YAML reader makes of a small file. */
const minimal = { python: 3.6, entrypoint: 'python runway_model.py', cuda: 10.2 }

describe('modelConfigJsonSchema', () => {
  it.each([
    ['the minimum', {}],
    ['numbers as text', { python: '3.10', cuda: '10.0' }],
    ['3.10 as a YAML number', { python: 3.1 }],
    ['10.0 as a YAML number', { cuda: 10 }],
    [
      'everything',
      { version: 0.1, cuda_flavor: 'devel', framework: 'pytorch', spec: { cpu: false }, files: { ignore: ['a/*'] } },
    ],
    ['steps of all kinds', { build_steps: ['make', { if_gpu: 'make' }, { if_cpu: ['a', 'b'] }, null] }],
    ['nulls that count as absent', { version: null, files: null, spec: null, framework: null, build_steps: null }],
    ['other keys', { license: 'MIT' }],
  ])('allows %s', (_, values) => {
    expect(validate({ ...minimal, ...values }), JSON.stringify(validate.errors)).toBe(true)
  })

  it.each([
    ['no entrypoint', { entrypoint: undefined }],
    ['python 2.7', { python: 2.7 }],
    ['an unknown CUDA', { cuda: 7.5 }],
    ['an unknown framework', { framework: 'keras' }],
    ['text for a boolean', { spec: { gpu: 'yes' } }],
    ['steps as text', { build_steps: 'make' }],
    ['two conditions in one step', { build_steps: [{ if_gpu: 'a', if_cpu: 'b' }] }],
    ['patterns as text', { files: { ignore: 'a' } }],
  ])('marks %s', (_, values) => {
    expect(validate(JSON.parse(JSON.stringify({ ...minimal, ...values })))).toBe(false)
  })
})
