import { expect, it } from 'vitest'
import { mayBeShortcut, readKeys, shortcuts } from '#src/ui/shortcut-list.ts'

it('reads one key, two in a row, and neither', () => {
  expect(readKeys(['v'])).toMatchObject({ words: 'Choose a version' })
  expect(readKeys(['g'])).toBe('begun')
  expect(readKeys(['g', 'm'])).toMatchObject({ href: '/models' })
  expect(readKeys(['g', 'x'])).toBeNull()
  // The log's keys work in the log.
  expect(readKeys(['f'])).toBeNull()
})

it('names every key once, and none that begins another', () => {
  const keys = shortcuts.map((one) => one.keys)
  expect(new Set(keys).size).toBe(keys.length)
  for (const key of keys) expect(keys.some((other) => other.startsWith(`${key} `))).toBe(false)
})

it('leaves browser shortcuts, input methods and used keys alone', () => {
  const press = { key: 'v', defaultPrevented: false, isComposing: false, ctrlKey: false, metaKey: false, altKey: false }
  expect(mayBeShortcut(press)).toBe(true)
  for (const other of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { isComposing: true }, { key: 'Enter' }])
    expect(mayBeShortcut({ ...press, ...other })).toBe(false)
  expect(mayBeShortcut({ ...press, defaultPrevented: true })).toBe(false)
})
