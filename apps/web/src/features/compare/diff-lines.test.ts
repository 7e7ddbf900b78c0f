import { expect, it } from 'vitest'
import { diffLines } from '#src/features/compare/diff-lines.ts'

const marks = (older: string, newer: string) =>
  diffLines(older, newer).map(
    ({ kind, text }) => `${{ same: ' ', removed: '-', added: '+', skipped: '@' }[kind]}${text}`,
  )

it('shows what is gone and what is new, with its surroundings', () => {
  expect(marks('a\nb\nc', 'a\nB\nc')).toEqual([' a', '-b', '+B', ' c'])
  expect(marks('a\nb\nc\nd', 'a\nc\nx\nd')).toEqual([' a', '-b', ' c', '+x', ' d'])
  const long = Array.from({ length: 20 }, (_, i) => `line ${i}`)
  expect(marks(long.join('\n'), [...long, 'end'].join('\n'))[0]).toBe('@17 lines that are the same')
})

it('is empty for equal texts, and takes line ends of any kind for equal', () => {
  expect(diffLines('a', 'a')).toEqual([])
  expect(marks('a\r\nb', 'a\nb').filter((mark) => /^[-+]/.test(mark))).toEqual([])
})

it('stays cheap and short on texts that have nothing in common', () => {
  const text = (word: string) => Array.from({ length: 100_000 }, (_, i) => `${word} ${i}`).join('\n')
  const began = performance.now()
  expect(diffLines(text('a'), text('b'))).toHaveLength(1500)
  expect(performance.now() - began).toBeLessThan(5000)
})
