import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { readSnapshot, snapshotLimits } from './read-snapshot.ts'

let dir = ''
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function source(files: Record<string, string | Buffer>, links: Record<string, string> = {}) {
  dir = mkdtempSync(join(tmpdir(), 'modelport-snapshot-'))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(dir, path, '..'), { recursive: true })
    writeFileSync(join(dir, path), content)
  }
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(dir, path))
  const all = [
    ...Object.entries(files).map(([path, content]) => ({ path, bytes: Buffer.byteLength(content), link: false })),
    ...Object.keys(links).map((path) => ({ path, bytes: 0, link: true })),
  ]
  return { dir, files: all, bytes: 0, sha256: '', lfsPointers: [], submodules: [] }
}

it('keeps text, names what is none, and says where a link leads', () => {
  const found = readSnapshot(
    source(
      { 'a.py': 'print("ä")\n', 'src/w.bin': Buffer.from([1, 0, 2]), 'latin1.txt': Buffer.from([0xe4]) },
      { l: 'a.py' },
    ),
  )
  expect(found).toEqual([
    { path: 'a.py', bytes: 12, kind: 'text', text: 'print("ä")\n' },
    { path: 'l', bytes: 0, kind: 'link', text: 'a.py' },
    { path: 'latin1.txt', bytes: 1, kind: 'binary', text: null },
    { path: 'src/w.bin', bytes: 3, kind: 'binary', text: null },
  ])
})

it('keeps no more than its limits, the shallow files first', () => {
  const found = readSnapshot(
    source({ 'z.txt': '12345', 'a/a.txt': '12345', 'a/b.txt': '12345', 'b.txt': 'x'.repeat(9) }),
    {
      ...snapshotLimits,
      files: 3,
      fileBytes: 8,
      bytes: 8,
    },
  )
  expect(found.map(({ path, kind }) => [path, kind])).toEqual([
    ['b.txt', 'large'],
    ['z.txt', 'text'],
    ['a/a.txt', 'large'],
  ])
})
