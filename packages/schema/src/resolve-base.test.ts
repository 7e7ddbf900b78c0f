import { describe, expect, it } from 'vitest'
import { debianCatalogue } from './catalogues/debian.ts'
import { upstreamCatalogue } from './catalogues/upstream.ts'
import { type ModelConfig, parseModelConfig } from './model-config.ts'
import { resolveBase } from './resolve-base.ts'
import type { SubstitutionPolicy, Target } from './words.ts'

function configOf(text: string): ModelConfig {
  const bytes = new TextEncoder().encode(`entrypoint: python x.py\n${text}\nbuild_steps: [make]`)
  const parsed = parseModelConfig(bytes, { catalogue: debianCatalogue, policy: 'nearest' })
  if (!parsed.config) throw new Error(parsed.problems.map((p) => p.sentence).join('\n'))
  return parsed.config
}

function resolve(text: string, target: Target, policy: SubstitutionPolicy, catalogue = debianCatalogue) {
  const resolved = resolveBase(configOf(text), target, catalogue, policy)
  if ('problem' in resolved) return resolved.problem.sentence
  return {
    id: resolved.entry.id,
    substitutions: resolved.substitutions.map((s) => `${s.line} ${s.kind} ${s.wanted} -> ${s.got}`),
  }
}

describe('resolveBase under nearest', () => {
  it.each<[string, Target, string, string[]]>([
    ['python: 3.6\ncuda: 9.2', 'cpu', 'debian-bullseye-3.9-cpu', ['2 python 3.6 -> 3.9']],
    ['python: 3.6\ncuda: 9.2', 'gpu', 'debian-bullseye-3.9-cuda11.2', ['2 python 3.6 -> 3.9', '3 cuda 9.2 -> 11.2']],
    ['python: 3.11\ncuda: 11.8', 'gpu', 'debian-bookworm-3.11-cuda11.8', []],
    ['python: 3.10\ncuda: 12', 'gpu', 'debian-bookworm-3.11-cuda11.8', ['2 python 3.10 -> 3.11', '3 cuda 12 -> 11.8']],
    ['python: 3.12\ncuda: 12.4', 'gpu', 'debian-trixie-3.13-cuda12.4', ['2 python 3.12 -> 3.13']],
    ['python: 3.9\ncuda: 11.2\ncuda_flavor: devel', 'gpu', 'debian-bullseye-3.9-cuda11.2-devel', []],
    ['python: 3.9\ncuda: 11.2\ncuda_flavor: devel', 'cpu', 'debian-bullseye-3.9-cpu-devel', []],
    ['python: 3.11\ncuda: 11.8\nframework: pytorch', 'cpu', 'debian-bookworm-3.11-cpu-pytorch', []],
    [
      'python: 3.11\ncuda: 11.8\nframework: pytorch',
      'gpu',
      'debian-bookworm-3.11-cuda11.8-math-pytorch',
      ['4 framework pytorch -> CPU torch 1.13.1'],
    ],
    [
      'python: 3.11\ncuda: 11.8\nframework: tensorflow',
      'gpu',
      'debian-bookworm-3.11-cuda11.8-math',
      ['4 framework tensorflow -> none'],
    ],
    [
      'python: 3.11\ncuda: 11.8\nframework: tensorflow',
      'cpu',
      'debian-bookworm-3.11-cpu',
      ['4 framework tensorflow -> none'],
    ],
  ])('%j for %s', (text, target, id, substitutions) => {
    expect(resolve(text, target, 'nearest')).toEqual({ id, substitutions })
  })

  it('says why and where each substitution was made', () => {
    const resolved = resolveBase(configOf('python: 3.6\ncuda: 9.2'), 'gpu', debianCatalogue, 'nearest')
    expect(resolved).toMatchObject({
      substitutions: [
        { kind: 'python', file: 'runway.yml', line: 2, why: 'the debian catalogue has no Python 3.6' },
        { kind: 'cuda', file: 'runway.yml', line: 3, why: 'the base image with Python 3.9 has no CUDA 9.2' },
      ],
    })
  })

  it('takes the nearest newer CUDA of the upstream catalogue for one that was deleted', () => {
    expect(resolve('python: 3.6\ncuda: 9.1', 'gpu', 'nearest', upstreamCatalogue)).toEqual({
      id: 'upstream-3.6-cuda11.0',
      substitutions: ['3 cuda 9.1 -> 11'],
    })
  })

  it('fails when no entry has a newer Python', () => {
    const config = { ...configOf('python: 3.13\ncuda: 12.4'), python: { text: '3.14', canonical: '3.14' } }
    expect(resolveBase(config, 'cpu', debianCatalogue, 'nearest')).toMatchObject({
      problem: { path: 'python', allowed: '3.9, 3.11, 3.13' },
    })
  })
})

describe('resolveBase under exact', () => {
  it('finds what is there', () => {
    expect(resolve('python: 3.11\ncuda: 11.8', 'gpu', 'exact')).toEqual({
      id: 'debian-bookworm-3.11-cuda11.8',
      substitutions: [],
    })
    expect(resolve('python: 3.6\ncuda: 9.2\nframework: tensorflow', 'cpu', 'exact', upstreamCatalogue)).toEqual({
      id: 'upstream-3.6-cpu-tensorflow',
      substitutions: [],
    })
  })

  it.each<[string, Target, RegExp]>([
    [
      'python: 3.6\ncuda: 11.2',
      'gpu',
      /^Line 2, `python: 3\.6`: there is no GPU base image with Python 3\.6; allowed: 3\.9, 3\.11, 3\.13; /,
    ],
    [
      'python: 3.9\ncuda: 12.4',
      'gpu',
      /^Line 3, `cuda: 12\.4`: there is no base image with Python 3\.9 and CUDA 12\.4; allowed: 11\.2; /,
    ],
    [
      'python: 3.9\ncuda: 11.2\nframework: tensorflow',
      'cpu',
      /tensorflow is not pre-installed in the base image with Python 3\.9; allowed: pytorch/,
    ],
    ['python: 3.9\ncuda: 11.2\nframework: pytorch', 'gpu', /has pytorch 1\.7\.1 without CUDA only/],
  ])('names what is available when it lacks %j for %s', (text, target, sentence) => {
    expect(resolve(text, target, 'exact')).toMatch(sentence)
  })

  it('tells a deleted image from an unknown one', () => {
    expect(resolve('python: 3.6\ncuda: 9.2', 'gpu', 'exact', upstreamCatalogue)).toMatch(
      /deleted upstream and can only come from a mirror/,
    )
    expect(resolve('python: 3.6\ncuda: 9.1', 'gpu', 'exact', upstreamCatalogue)).toMatch(
      /CUDA 9\.1 was deleted upstream; allowed: 11, 11\.1/,
    )
  })
})
