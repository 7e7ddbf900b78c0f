import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { problemCodes } from '@modelport/schema/model-config/problem-codes'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8')

describe('failure codes', () => {
  it('are each documented for the person who meets them', () => {
    const files = execFileSync('git', ['ls-files', 'apps/builder/src', 'packages/schema/src', 'packages/db/src'], {
      cwd: root,
      encoding: 'utf8',
    })
      .split('\n')
      .filter((path) => path.endsWith('.ts') && !path.includes('.test.') && !path.includes('seed'))
    const pattern = /'((?:build|source|inspect|manifest|image-registry|platform)\/[a-z-]+)'/g
    const used = new Set(files.flatMap((path) => [...read(path).matchAll(pattern)].map((m) => m[1]!)))
    const documented = read('docs/failures.md')
    expect(used.size).toBeGreaterThan(20)
    expect([...used].filter((code) => !documented.includes(`\`${code}\``))).toEqual([])
  })
  it('of runway.yml are in its page', () => {
    const page = read('docs/runway-yml.md')
    expect(Object.keys(problemCodes).filter((code) => !page.includes(`\`model-config/${code}\``))).toEqual([])
  })
})
