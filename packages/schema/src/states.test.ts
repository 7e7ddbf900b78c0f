import { describe, expect, it } from 'vitest'
import {
  buildChanges,
  buildStates,
  isFinalBuildState,
  mayChange,
  modelChanges,
  modelStates,
  statesBefore,
  stepChanges,
  stepStates,
  uploadChanges,
  uploadStates,
  versionChanges,
  versionStateOf,
  versionStates,
} from './states.ts'

/** The legal changes once more, written as a person would: everything that is not here must be refused. */
const legalBuildChanges = new Set([
  'queued running',
  'queued failed',
  'queued cancelled',
  'queued superseded',
  'running running',
  'running queued',
  'running ready',
  'running failed',
  'running timed_out',
  'running cancelled',
  'running superseded',
])
const legalStepChanges = new Set(['running done', 'running failed', 'running cancelled'])
const legalModelChanges = new Set([
  'not_configured active',
  'not_configured archived',
  'active not_configured',
  'active archived',
  'archived active',
  'archived not_configured',
])

const legalUploadChanges = new Set([
  'uploading verifying',
  'uploading failed',
  'uploading cancelled',
  'uploading expired',
  'verifying verifying',
  'verifying uploading',
  'verifying complete',
  'verifying failed',
  'verifying cancelled',
])

describe('state tables', () => {
  it.each(buildStates.flatMap((from) => buildStates.map((to) => [from, to] as const)))('build %s -> %s', (from, to) => {
    expect(mayChange(buildChanges, from, to)).toBe(legalBuildChanges.has(`${from} ${to}`))
  })
  it.each(stepStates.flatMap((from) => stepStates.map((to) => [from, to] as const)))('step %s -> %s', (from, to) => {
    expect(mayChange(stepChanges, from, to)).toBe(legalStepChanges.has(`${from} ${to}`))
  })
  it.each(modelStates.flatMap((from) => modelStates.map((to) => [from, to] as const)))('model %s -> %s', (from, to) => {
    expect(mayChange(modelChanges, from, to)).toBe(legalModelChanges.has(`${from} ${to}`))
  })
  it.each(uploadStates.flatMap((from) => uploadStates.map((to) => [from, to] as const)))(
    'upload %s -> %s',
    (from, to) => {
      expect(mayChange(uploadChanges, from, to)).toBe(legalUploadChanges.has(`${from} ${to}`))
    },
  )
  it('never lets a version change to its own state, or a ready one to anything but expired', () => {
    for (const state of versionStates) expect(mayChange(versionChanges, state, state)).toBe(false)
    expect(versionChanges.ready).toEqual(['expired'])
    expect(versionChanges.expired).toEqual([])
  })
  it('finds the states before a state', () => {
    expect(statesBefore(buildChanges, 'ready')).toEqual(['running'])
    expect(buildStates.filter(isFinalBuildState)).toEqual(['ready', 'failed', 'timed_out', 'cancelled', 'superseded'])
  })
  it('reaches from every version state the state that its builds can lead to', () => {
    // A version follows its builds; whatever two builds can do in one change must be legal for the version.
    for (const a of buildStates)
      for (const b of buildStates)
        for (const to of buildChanges[a]) {
          const [before, after] = [versionStateOf([a, b]), versionStateOf([to, b])]
          if (before !== after) expect(mayChange(versionChanges, before, after), `${before} -> ${after}`).toBe(true)
        }
  })
})

describe('versionStateOf', () => {
  it.each([
    [[], 'queued'],
    [['queued', 'queued'], 'queued'],
    [['running', 'queued'], 'building'],
    [['ready', 'running'], 'building'],
    [['failed', 'queued'], 'building'],
    [['ready', 'ready'], 'ready'],
    [['ready'], 'ready'],
    [['ready', 'failed'], 'partial'],
    [['failed', 'failed'], 'failed'],
    [['timed_out', 'cancelled'], 'failed'],
    [['cancelled', 'cancelled'], 'cancelled'],
    [['superseded', 'superseded'], 'superseded'],
  ] as const)('%j is %s', (builds, state) => {
    expect(versionStateOf(builds)).toBe(state)
  })
})
