import { describe, expect, it } from 'vitest'
import { nearMiss } from './near-miss.ts'

const keys = ['version', 'python', 'entrypoint', 'cuda', 'cuda_flavor', 'framework', 'spec', 'files', 'build_steps']

describe('nearMiss', () => {
  it.each([
    ['build steps', 'build_steps'],
    ['build-steps', 'build_steps'],
    ['buildSteps', 'build_steps'],
    ['build_step', 'build_steps'],
    ['bulid_steps', 'build_steps'],
    ['steps', 'build_steps'],
    ['entry_point', 'entrypoint'],
    ['EntryPoint', 'entrypoint'],
    ['entrypiont', 'entrypoint'],
    ['pyhton', 'python'],
    ['python_version', 'python'],
    ['frameworks', 'framework'],
    ['cuda_flavour', 'cuda_flavor'],
    ['specs', 'spec'],
    ['file', 'files'],
  ])('%s means %s', (key, meant) => {
    expect(nearMiss(key, keys)).toBe(meant)
  })

  it.each([
    'cudnn',
    'torch',
    'name',
    'description',
    'license',
    'base',
    'tags',
    'author',
    'size',
    'title',
    'type',
    '',
    '_',
    'x'.repeat(5000),
  ])('%.20s is a key of its own', (key) => {
    expect(nearMiss(key, keys)).toBeNull()
  })
})
