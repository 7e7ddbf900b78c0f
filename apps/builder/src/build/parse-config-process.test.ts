import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openConfigReader, parseConfigInProcess } from './parse-config-process.ts'

const options = { catalogue: debianCatalogue, policy: 'nearest' } as const
const bytes = (text: string) => new TextEncoder().encode(text)

describe('parseConfigInProcess', { timeout: 30_000 }, () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'modelport-parse-'))
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  const child = (name: string, code: string) => {
    const file = join(directory, `${name}.mjs`)
    writeFileSync(file, code)
    return pathToFileURL(file)
  }

  it('answers as the function does', async () => {
    const text = 'python: 3.6\nentrypoint: python runway_model.py\ncuda: 10.0\nbuild_steps:\n  - sudo make\n'
    const { config, problems } = await parseConfigInProcess(bytes(text), options)
    expect(config).toMatchObject({ python: { text: '3.6' }, cuda: { text: '10.0', canonical: '10.0' } })
    expect(problems.map((problem) => problem.code)).toEqual(['model-config/sudo'])
  })

  it('names another tool whose file it is', async () => {
    expect((await parseConfigInProcess(bytes('deployments: []\n'), options)).foreign).toMatchObject({
      tool: 'onica-runway',
    })
  })

  it('refuses a file that is too large without starting a process', async () => {
    const { problems } = await parseConfigInProcess(new Uint8Array(70_000), options, {
      entry: new URL('file:///nowhere'),
    })
    expect(problems.map((problem) => problem.code)).toEqual(['model-config/too-large'])
  })

  it.each([
    ['aborts', 'process.stdout.write(\'{"ready":true}\\n\', () => process.abort())'],
    ['exits with an error', 'process.stdout.write(\'{"ready":true}\\n\', () => process.exit(3))'],
    ['answers half a sentence', 'process.stdout.write(\'{"ready":true}\\n{"config":nu\')'],
    [
      'answers without end',
      'process.stdout.write(\'{"ready":true}\\n\'); setInterval(() => process.stdout.write("x".repeat(65536)), 1)',
    ],
  ])('reports one problem when the child %s', async (what, code) => {
    const entry = child(what.replaceAll(' ', '-'), code)
    const { config, problems } = await parseConfigInProcess(bytes('a: b'), options, {
      entry,
      workMs: 5000,
      answerBytes: 1e6,
    })
    expect(config).toBeNull()
    expect(problems.map((problem) => problem.sentence)).toEqual([expect.stringContaining('without an answer')])
  })

  it('ends a child that does not come to an end', async () => {
    const entry = child('endless', 'process.stdout.write(\'{"ready":true}\\n\', () => { for (;;); })')
    const { problems } = await parseConfigInProcess(bytes('a: b'), options, { entry, workMs: 200 })
    expect(problems.map((problem) => problem.sentence)).toEqual([expect.stringContaining('longer than 0.2 s')])
  })

  it('ends a child that waits for ever', async () => {
    const entry = child('idle', 'process.stdout.write(\'{"ready":true}\\n\'); setInterval(() => {}, 1000)')
    const { problems } = await parseConfigInProcess(bytes('a: b'), options, { entry, workMs: 50 })
    expect(problems.map((problem) => problem.code)).toEqual(['model-config/unreadable'])
  })

  it('ends a child that takes too much memory', async () => {
    const grow = 'const kept = []; for (;;) kept.push(new Array(100_000).fill({}))'
    const entry = child('greedy', `process.stdout.write('{"ready":true}\\n', () => { ${grow} })`)
    const { problems } = await parseConfigInProcess(bytes('a: b'), options, {
      entry,
      workMs: 20_000,
      heapMegabytes: 64,
    })
    expect(problems.map((problem) => problem.code)).toEqual(['model-config/unreadable'])
  })

  it('reads file after file with processes that wait, also when one of those died meanwhile', async () => {
    const reader = openConfigReader(1)
    try {
      for (const python of ['3.6', '3.11']) {
        const { config } = await reader.parse(
          bytes(`python: ${python}\nentrypoint: python runway_model.py\ncuda: 10.0\nbuild_steps:\n  - make\n`),
          options,
        )
        expect(config).toMatchObject({ python: { text: python } })
      }
    } finally {
      reader.close()
    }
    const mortal = openConfigReader(1, {
      entry: child(
        'dies-waiting',
        'process.stdout.write(\'{"ready":true}\\n\'); setTimeout(() => process.exit(1), 50)',
      ),
    })
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const { problems } = await mortal.parse(bytes('a: b'), options)
    mortal.close()
    // A fresh one was started and had its turn; this program ends without an answer then, too.
    expect(problems.map((problem) => problem.sentence)).toEqual([expect.stringContaining('without an answer')])
  })

  it('does not blame the file when the child never starts', async () => {
    const entry = child('broken', 'throw new Error("no")')
    await expect(parseConfigInProcess(bytes('a: b'), options, { entry })).rejects.toMatchObject({
      code: 'platform/config-reader',
    })
  })
})
