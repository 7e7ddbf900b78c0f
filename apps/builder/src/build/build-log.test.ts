import { describe, expect, it } from 'vitest'
import { BuildLog, type NewLine } from './build-log.ts'

function recorded() {
  const lines: NewLine[] = []
  const log = new BuildLog(async (batch) => void lines.push(...batch), 'cpu')
  return { log, lines }
}

describe('BuildLog', () => {
  it('stores lines in order without being asked', async () => {
    const { log, lines } = recorded()
    for (let i = 0; i < 3; i++) await log.line('build:1', 'stdout', `line ${i}`)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(lines.map((l) => l.text)).toEqual(['line 0', 'line 1', 'line 2'])
  })
  it('keeps the beginning and the end of a flood, and says what is missing', async () => {
    const { log, lines } = recorded()
    const text = 'x'.repeat(1023)
    for (let i = 0; i < 30_000; i++) await log.line('build:1', 'stdout', `${i} ${text}`)
    await log.endStep('build:1')
    expect(lines[0]!.text).toMatch(/^0 x/)
    expect(lines.at(-1)!.text).toMatch(/^29999 x/)
    expect(lines.find((l) => l.stream === 'note')!.text).toMatch(/^… \d+ lines \(\d+ MB\) are not kept/)
    const bytes = lines.reduce((sum, l) => sum + l.text.length + 1, 0)
    expect(bytes).toBeLessThan(11 * 2 ** 20)
  })
  it('takes a million lines in the time that they are worth, and keeps few enough of them to be stored', async () => {
    const { log, lines } = recorded()
    const started = performance.now()
    for (let i = 0; i < 1_000_000; i++) await log.line('build:1', 'stdout', 'x'.repeat(99))
    for (let i = 0; i < 1_000_000; i++) await log.line('build:2', 'stdout', '')
    for (const step of ['build:1', 'build:2']) await log.endStep(step)
    // Usually half a second.
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(lines.filter((l) => l.step === 'build:2').length).toBe(250_001)
    expect(lines.find((l) => l.step === 'build:2' && l.stream === 'note')!.text).toMatch(/^… 750000 lines \(1 MB\)/)
  })
  it('masks secrets', async () => {
    const { log, lines } = recorded()
    log.mask(['ghs_1234567890'])
    await log.line('fetch', 'stdout', 'a ghs_1234567890 b ghs_1234567890')
    await log.flush()
    expect(lines[0]!.text).toBe('a *** b ***')
  })
  it('holds the caller back while the store is behind, and passes its failure on', async () => {
    let stored = 0
    const log = new BuildLog(async (batch) => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      stored += batch.length
      if (stored > 600) throw new Error('store is gone')
    }, 'cpu')
    await expect(
      (async () => {
        for (let i = 0; i < 5000; i++) await log.line('build:1', 'stdout', 'x')
      })(),
    ).rejects.toThrow('store is gone')
    expect(stored).toBeLessThan(1500)
  })
})
