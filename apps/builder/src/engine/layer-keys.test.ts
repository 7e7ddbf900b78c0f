import { expect, it } from 'vitest'
import type { PlanLayer } from '../build/plan.ts'
import { type LayerScope, layerKeys } from './layer-keys.ts'

const scope: LayerScope = {
  installation: 'one',
  cacheScope: '7',
  cacheSalt: 'nearest',
  baseImage: 'sha256:aa',
  target: 'cpu',
  egress: 'public',
  now: Date.UTC(2026, 10, 20),
}
const layers: PlanLayer[] = [
  { kind: 'copy-files', files: ['requirements.txt'] },
  { kind: 'step', number: 1, text: 'pip install -r requirements.txt', hoisted: true },
  { kind: 'copy-project' },
  { kind: 'step', number: 2, text: 'make', hoisted: false },
]
const hashes = (project: string) => (layer: PlanLayer) => (layer.kind === 'copy-project' ? project : 'files')

it('keeps the keys below a change and changes all above it', () => {
  const before = layerKeys(scope, layers, hashes('a'))
  const after = layerKeys(scope, layers, hashes('b'))
  expect(after.slice(0, 2)).toEqual(before.slice(0, 2))
  expect(after[2]).not.toBe(before[2])
  expect(after[3]).not.toBe(before[3])
})

it('depends on every part of the scope', () => {
  const [key] = layerKeys(scope, layers, hashes('a'))
  const week = 7 * 24 * 3600 * 1000
  for (const change of [
    { installation: 'two' },
    { cacheScope: '8' },
    { cacheSalt: 'exact' },
    { baseImage: 'sha256:bb' },
    { target: 'gpu' },
    { egress: 'packages' },
    { now: scope.now + week },
  ]) {
    expect(layerKeys({ ...scope, ...change }, layers, hashes('a'))[0], JSON.stringify(change)).not.toBe(key)
  }
  expect(layerKeys({ ...scope, now: scope.now + 1000 }, layers, hashes('a'))[0]).toBe(key)
})

it('tells a step from a copy with the same words', () => {
  const step = layerKeys(scope, [{ kind: 'step', number: 1, text: 'files', hoisted: false }], () => '')
  expect(layerKeys(scope, [layers[0]!], () => 'files')).not.toEqual(step)
})
