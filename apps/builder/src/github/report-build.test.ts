import { describe, expect, it } from 'vitest'
import { describeBuild } from './report-build.ts'

const version = {
  number: 3,
  warnings: [{ code: 'model-config/bare-cd', sentence: 'A bare cd does nothing.', line: 9 }],
}
const build = {
  target: 'cpu' as const,
  state: 'queued' as const,
  failure: null,
  sizeBytes: 300 * 2 ** 20,
  imageDigest: 'sha256:abc',
  currentStep: null,
  substitutions: [],
}

describe('describeBuild', () => {
  it('is open while the build waits or runs', () => {
    expect(describeBuild(version, build)).toMatchObject({ name: 'runway / cpu', status: 'queued', conclusion: null })
    expect(describeBuild(version, { ...build, state: 'running' })).toMatchObject({ status: 'in_progress' })
  })
  it('shows warnings on their lines when the build is ready', () => {
    expect(describeBuild(version, { ...build, state: 'ready' })).toMatchObject({
      conclusion: 'success',
      annotations: [{ path: 'runway.yml', start_line: 9, annotation_level: 'warning' }],
    })
  })
  it('puts every problem of a failure on its line', () => {
    const failure = {
      code: 'model-config/cuda-missing',
      fault: 'publisher' as const,
      sentence: 'cuda is missing.',
      step: 'config',
      file: 'runway.yml',
      line: 1,
      exitCode: null,
      outOfMemory: false,
      also: [{ sentence: 'python 2.7 is not supported.', file: 'runway.yml', line: 2 }],
    }
    const report = describeBuild({ ...version, warnings: [] }, { ...build, state: 'failed', failure })
    expect(report.conclusion).toBe('failure')
    expect(report.summary).toContain('cuda is missing.')
    expect(report.annotations.map((a) => [a.start_line, a.annotation_level, a.message])).toEqual([
      [1, 'failure', 'cuda is missing.'],
      [2, 'failure', 'python 2.7 is not supported.'],
    ])
  })
  it.each([
    ['timed_out', 'timed_out'],
    ['cancelled', 'cancelled'],
    ['superseded', 'skipped'],
  ] as const)('ends a %s build as %s', (state, conclusion) => {
    expect(describeBuild(version, { ...build, state }).conclusion).toBe(conclusion)
  })
})
