import { expect, it } from 'vitest'
import { ansiSpans } from '#src/ui/ansi.ts'

it('turns colours and weights into classes', () => {
  expect(ansiSpans('\u001b[31mred\u001b[0m plain \u001b[1;92mbold green\u001b[0m')).toEqual([
    { text: 'red', classes: 'ansi-fg-1' },
    { text: ' plain ', classes: '' },
    { text: 'bold green', classes: 'ansi-fg-10 ansi-bold' },
  ])
})

it('maps the wider colour sets to the palette of the log', () => {
  expect(ansiSpans('\u001b[38;5;196mx')[0]!.classes).toBe('ansi-fg-1')
  expect(ansiSpans('\u001b[38;2;80;250;90mx')[0]!.classes).toBe('ansi-fg-10')
})

it('removes every other escape and control character', () => {
  expect(
    ansiSpans('\u001b]0;title\u0007a\u001b[2Kb\u001b[10;20Hc\u001b(Bd\u0008e')
      .map((s) => s.text)
      .join(''),
  ).not.toMatch(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
    /[\u0000-\u001f]|title/,
  )
})

it('shows the last frame of a line that was drawn over itself', () => {
  expect(ansiSpans('10 %\r50 %\r100 %\r')).toEqual([{ text: '100 %', classes: '' }])
})

it('keeps markup as text', () => {
  expect(ansiSpans('<b>\u001b[31m<script>alert(1)</script>')).toEqual([
    { text: '<b>', classes: '' },
    { text: '<script>alert(1)</script>', classes: 'ansi-fg-1' },
  ])
})

it('has nothing to say of an empty line', () => {
  expect(ansiSpans('')).toEqual([])
})
