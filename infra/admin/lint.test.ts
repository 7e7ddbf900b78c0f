import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { lint } from './lint.ts'

const good = 'python: 3.6\ncuda: 10.2\nentrypoint: python runway_model.py\nbuild_steps: [make]\n'

describe('lint', () => {
  let directory: string
  const printed: string[] = []
  const complained: string[] = []

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'modelport-lint-'))
    printed.length = 0
    complained.length = 0
    vi.spyOn(console, 'log').mockImplementation((text) => printed.push(text))
    vi.spyOn(console, 'error').mockImplementation((text) => complained.push(text))
  })
  afterEach(() => {
    vi.restoreAllMocks()
    rmSync(directory, { recursive: true })
  })

  const file = (text: string | Uint8Array, name = 'runway.yml') => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  const json = () => JSON.parse(printed.join('\n'))

  it('judges under exact with the upstream catalogue', async () => {
    expect(await lint([file(good), '--json'])).toBe(0)
    expect(json()).toEqual({ verdict: 'accepted', problems: [] })
  })

  it('returns 0 with a warning and 1 with an error', async () => {
    expect(await lint([file(`${good}version: 2\n`), '--json'])).toBe(0)
    expect(json()).toMatchObject({
      verdict: 'warned',
      problems: [{ code: 'model-config/version', line: 5, column: 10 }],
    })
    printed.length = 0
    expect(await lint(['--json', file(good.replace('3.6', '2.7'))])).toBe(1)
    expect(json()).toMatchObject({ verdict: 'rejected', problems: [{ severity: 'error', value: '2.7' }] })
  })

  it('takes another policy and catalogue, by name or as a file', async () => {
    expect(await lint([file(good), '--catalogue', 'debian'])).toBe(1)
    expect(await lint([file(good), '--catalogue', 'debian', '--policy', 'nearest'])).toBe(0)
    const catalogue = file(JSON.stringify(debianCatalogue), 'catalogue.json')
    expect(await lint([file(good.replace('3.6', '3.9').replace('10.2', '11.2')), '--catalogue', catalogue])).toBe(0)
  })

  it('prints sentences and a verdict for people', async () => {
    await lint([file(`${good}version: 2\n`)])
    expect(printed.join('\n')).toMatch(/^warning: Line 5, `version: 2`: .*\.\nwarned$/)
  })

  it('judges the runway.yml of a directory, and says what to do where there is none', async () => {
    file('', 'runway.yaml')
    expect(await lint([directory, '--json'])).toBe(1)
    expect(json()).toMatchObject({ problems: [{ code: 'model-config/misnamed' }] })
    file(good)
    printed.length = 0
    expect(await lint([directory, '--json'])).toBe(0)
  })

  it('refuses a file under a wrong name, whatever is in it', async () => {
    expect(await lint([file(good, 'runway.yaml'), '--json'])).toBe(1)
    expect(json()).toMatchObject({ verdict: 'rejected', problems: [{ code: 'model-config/misnamed', line: 1 }] })
  })

  it('refuses a huge file without reading it whole', async () => {
    expect(await lint([file(new Uint8Array(10_000_000)), '--json'])).toBe(1)
    expect(json()).toMatchObject({ problems: [{ code: 'model-config/too-large' }] })
  })

  it.each([
    ['no file', [], 'Name one FILE.'],
    ['two files', ['a', 'b'], 'Name one FILE.'],
    ['a file that is not there', ['nowhere.yml'], 'nowhere.yml'],
    ['an unknown policy', ['x', '--policy', 'best'], 'exact or nearest'],
    ['an unknown option', ['x', '--fix'], '--fix'],
  ])('returns 2 and explains itself with %s', async (_, argv, words) => {
    expect(await lint(argv)).toBe(2)
    expect(complained.join('\n')).toContain(words)
    expect(printed).toEqual([])
  })

  it('returns 2 when the catalogue is none, or the name is a directory', async () => {
    expect(await lint([file(good), '--catalogue', file('{}', 'catalogue.json')])).toBe(2)
    mkdirSync(join(directory, 'inner', 'runway.yml'), { recursive: true })
    expect(await lint([join(directory, 'inner')])).toBe(2)
  })
})
