import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { upstreamCatalogue } from '../catalogues/upstream.ts'
import { parseModelConfig, verdictOf } from '../model-config.ts'
import expectations from './corpus-expectations.json' with { type: 'json' }

/** Real files from public repositories. They are not ours to copy, so they lie beside the repository, not in it. */
const corpus =
  process.env.MODELPORT_CORPUS ?? fileURLToPath(new URL('../../../../../shared/corpus/runway-yml', import.meta.url))

interface Expectation {
  verdict: string
  /** Line and code of each, in the file's order; derived from the rules by reading the file. */
  problems: string[]
  why: string
  foreign?: string
}

if (!existsSync(corpus)) console.log(`The corpus of real runway.yml files is not present at ${corpus}.`)

describe.skipIf(!existsSync(corpus))('real files, judged under exact with the upstream catalogue', () => {
  it('are all expected', () => {
    const files = ['', 'not-ours'].flatMap((folder) =>
      readdirSync(join(corpus, folder))
        .filter((name) => name.endsWith('.yml'))
        .map((name) => join(folder, name)),
    )
    expect(files.sort()).toEqual(Object.keys(expectations).sort())
  })

  it.each(Object.entries<Expectation>(expectations))('%s', (file, { verdict, problems, foreign }) => {
    const bytes = readFileSync(join(corpus, file))
    const parsed = parseModelConfig(bytes, { catalogue: upstreamCatalogue, policy: 'exact' })
    expect(parsed.problems.map(({ line, code }) => `${line} ${code.replace('model-config/', '')}`)).toEqual(problems)
    expect(verdictOf(parsed.problems)).toBe(verdict)
    expect(parsed.config === null).toBe(verdict === 'rejected')
    expect(parsed.foreign?.tool).toBe(foreign)
  })
})
