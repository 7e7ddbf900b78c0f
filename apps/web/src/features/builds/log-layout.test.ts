import { expect, it } from 'vitest'
import { layOut, markHash, parseMark, rowAt, rowOfLine } from '#src/features/builds/log-layout.ts'
import { LogStore, rangeKey, type StoredLine } from '#src/features/builds/log-store.ts'

const ranges = [
  { key: 'fetch', first: 1, last: 2 },
  { key: 'build', first: 3, last: 200_002 },
  { key: 'push', first: 200_003, last: 200_003 },
]

it('finds the row of every line and the line of every row', () => {
  const layout = layOut(ranges, new Set())
  expect(layout.rows).toBe(200_006)
  expect(rowAt(layout, 0)).toEqual({ range: ranges[0], line: null })
  expect(rowAt(layout, 2)).toEqual({ range: ranges[0], line: 2 })
  expect(rowAt(layout, 3)).toEqual({ range: ranges[1], line: null })
  for (const line of [1, 2, 3, 100_000, 200_002, 200_003])
    expect(rowAt(layout, rowOfLine(layout, line)!)?.line).toBe(line)
  expect(rowAt(layout, 200_006)).toBeNull()
  expect(rowOfLine(layout, 200_004)).toBeNull()
})

it('gives a folded step its head only', () => {
  const layout = layOut(ranges, new Set(['build']))
  expect(layout.rows).toBe(6)
  expect(rowOfLine(layout, 100)).toBe(3)
  expect(rowAt(layout, 5)?.line).toBe(200_003)
})

it('reads and writes the address of lines', () => {
  expect(parseMark('#gpu-L120', 'gpu')).toEqual({ from: 120, to: 120 })
  expect(parseMark('#gpu-L134-L120', 'gpu')).toEqual({ from: 120, to: 134 })
  expect(parseMark('#gpu-L120', 'cpu')).toBeNull()
  expect(parseMark('#gpu-L0', 'gpu')).toBeNull()
  expect(markHash('cpu', { from: 3, to: 9 })).toBe('#cpu-L3-L9')
})

const line = (number: number, step: string): StoredLine => ({
  number,
  step,
  epoch: 1,
  stream: 'stdout',
  text: `${number}`,
})

it('grows by the lines that come, in whichever order they come again', () => {
  const store = new LogStore([line(1, 'fetch')], 1, [{ key: rangeKey(1, 'fetch'), first: 1, last: 1 }], async () => [])
  for (const next of [line(2, 'fetch'), line(3, 'base'), line(3, 'base'), line(1, 'fetch'), line(4, 'base')])
    store.add(next)
  expect(store.count).toBe(4)
  expect(store.ranges).toEqual([
    { key: '1:fetch', first: 1, last: 2 },
    { key: '1:base', first: 3, last: 4 },
  ])
})

it('asks for each missing chunk once', async () => {
  const asked: number[] = []
  const store = new LogStore([], 2500, [], async (after, limit) => {
    asked.push(after)
    return Array.from({ length: Math.min(limit, 2500 - after) }, (_, i) => line(after + i + 1, 'fetch'))
  })
  await Promise.all([store.need(1, 1500), store.need(900, 1100)])
  expect(await store.need(2400, 2500)).toBe(true)
  expect(await store.need(1, 2500)).toBe(false)
  expect(asked).toEqual([0, 1000, 2000])
})
