import { expect, it } from 'vitest'
import { matchesRefRules, refRuleProblem } from './ref-rules.ts'

it.each([
  [['v*'], 'v1.0', true],
  [['v*'], 'v1/beta', false],
  [['v**'], 'v1/beta', true],
  [['release/*'], 'release/2', true],
  [['release/*'], 'release', false],
  [['*'], 'main', true],
  [['*-rc'], 'v2-rc', true],
  [['v1.0'], 'v1x0', false],
  [['(a+)+'], 'aaaa', false],
  [['v*', '!v0.*'], 'v0.3', false],
  [['v*', '!v0.*', 'v0.9'], 'v0.9', true],
  [['!v1'], 'v2', false],
  [[], 'main', false],
  [['*a*a*a*'], 'xaxaxaxa', true],
] as [string[], string, boolean][])('%j let in %s: %s', (rules, name, expected) => {
  expect(matchesRefRules(rules, name)).toBe(expected)
})

it('answers at once for a pattern made to be slow', () => {
  const started = performance.now()
  expect(matchesRefRules([`${'*a'.repeat(100)}b`], 'a'.repeat(500))).toBe(false)
  expect(performance.now() - started).toBeLessThan(200)
})

it.each(['', '!', 'a b', 'a..b', 'a:b', 'a\\b', '/a', 'a/', 'x'.repeat(201)])('refuses %j', (rule) => {
  expect(refRuleProblem(rule)).not.toBeNull()
})
it.each(['main', 'release/*', '!v0.*', 'v**', 'überblick'])('takes %j', (rule) => {
  expect(refRuleProblem(rule)).toBeNull()
})
