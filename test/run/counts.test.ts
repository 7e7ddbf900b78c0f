import { expect, it } from 'vitest'
import { countUnittest, lastLine, outcomeOf, summaryTable } from './counts.ts'

it('reads the end of unittest', () => {
  expect(countUnittest('...\nRan 12 tests in 0.3s\n\nOK\n')).toEqual({ passed: 12, failed: 0, skipped: 0 })
  expect(countUnittest('Ran 1 test in 0.3s\n\nOK (skipped=1)\n')).toEqual({ passed: 0, failed: 0, skipped: 1 })
  expect(countUnittest('Ran 9 tests in 1s\n\nFAILED (failures=1, errors=2, skipped=3)\n')).toEqual({
    passed: 3,
    failed: 3,
    skipped: 3,
  })
  expect(countUnittest('Ran 0 tests in 0s\n\nNO TESTS RAN\n')).toEqual({ passed: 0, failed: 0, skipped: 0 })
  expect(countUnittest('SyntaxError: invalid syntax\n')).toBeNull()
})

it('counts one failure for a stage that failed without a failed test', () => {
  expect(outcomeOf('types', false, null, 1)).toMatchObject({ ok: false, failed: 1 })
  expect(outcomeOf('tests', false, { passed: 3, failed: 0, skipped: 0 }, 1)).toMatchObject({
    ok: false,
    failed: 1,
    passed: 3,
  })
  expect(outcomeOf('tests', false, { passed: 3, failed: 2, skipped: 0 }, 1)).toMatchObject({ ok: false, failed: 2 })
  expect(outcomeOf('types', true, null, 1)).toMatchObject({ ok: true, failed: 0 })
})

it('ends with one line that a machine can read', () => {
  const good = outcomeOf('tests: fast', true, { passed: 3, failed: 0, skipped: 0 }, 1.23)
  const bad = outcomeOf('types', false, null, 10)
  expect(lastLine([good])).toBe('3 passed, 0 failed')
  expect(lastLine([good, bad])).toBe('3 passed, 1 failed')
  expect(lastLine([{ ...good, skipped: 2 }])).toBe('3 passed, 0 failed, 2 skipped')
  expect(summaryTable([good, bad])).toBe(
    `stage          time  passed  failed  skipped
tests: fast   1.2 s       3       0        0      ok
types        10.0 s       0       1        0  FAILED`,
  )
})
