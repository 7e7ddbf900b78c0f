import { keepSource, listSource, readSourceText } from '@modelport/db/queries/source'
import { renderToStaticMarkup } from 'react-dom/server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openTestSite, type TestSite } from '#src/api/test-site.ts'
import { highlightCode } from '#src/features/models/parse-text.ts'

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
})
afterAll(() => site.close())

it('keeps a version’s files once, and the same text of two versions in one row', async () => {
  const { model } = await site.seed.model({ name: 'kept' })
  const files = [
    { path: 'runway_model.py', text: 'import runway\n' },
    { path: 'copy.py', text: 'import runway\n' },
    { path: 'weights.bin', text: null, kind: 'binary' as const, bytes: 9_000_000_000 },
  ]
  const one = await site.seed.publishedVersion(model, { files })
  const two = await site.seed.publishedVersion(model, { files })
  // A second build of the same version finds it kept.
  await keepSource(site.db, one.id, [{ path: 'copy.py', bytes: 1, kind: 'text', text: 'x' }])
  const kept = await listSource(site.db, one.id)
  expect(kept.map(({ path, bytes, kind }) => [path, bytes, kind])).toEqual([
    ['copy.py', 14, 'text'],
    ['runway_model.py', 14, 'text'],
    ['weights.bin', 9_000_000_000, 'binary'],
  ])
  expect(kept[0]!.sha256).toBe(kept[1]!.sha256)
  expect(await readSourceText(site.db, two.id, 'copy.py')).toBe('import runway\n')
  expect(await readSourceText(site.db, two.id, 'weights.bin')).toBeNull()
})

it('colours code line by line, and changes none of it', async () => {
  const code = 'def f(x):\n    """two\n    lines"""\n    return "<script>" # no\n'
  const lines = (await highlightCode(code, 'python'))!
  expect(lines.map((line) => line.map(([text]) => text).join('')).join('\n')).toBe(code)
  expect(lines[2]).toContainEqual(['    lines"""', 'hljs-string'])
  expect(renderToStaticMarkup(<pre>{lines[3]!.map(([text]) => text)}</pre>)).toContain('&lt;script&gt;')
  expect(await highlightCode(code, 'no-such-language')).toBeNull()
})
