import { expect, it } from 'vitest'
import { entriesOf, languageOf, readSourcePath, sourcePath } from '#src/features/source/source-path.ts'

it('reads the path of an address, and none that leads elsewhere', () => {
  expect(readSourcePath(undefined)).toBe('')
  expect(readSourcePath(['src', 'a%20b.py'])).toBe('src/a b.py')
  for (const bad of [['..'], ['src', '%2e%2e'], ['a%2fb'], ['a%00'], ['%'], ['']])
    expect(readSourcePath(bad)).toBeNull()
  expect(sourcePath('/alice/m@3', 'src/a b#.py')).toBe('/alice/m@3/source/src/a%20b%23.py')
})

it('lists a folder, folders first, with the size of what lies in them', () => {
  const files = [
    { path: 'a.py', bytes: 1 },
    { path: 'src/b.py', bytes: 2 },
    { path: 'src/deep/c.py', bytes: 4 },
    { path: 'srcs.txt', bytes: 8 },
  ]
  expect(entriesOf(files, '')!.map(({ name, folder, bytes }) => [name, folder, bytes])).toEqual([
    ['src', true, 6],
    ['a.py', false, 1],
    ['srcs.txt', false, 8],
  ])
  expect(entriesOf(files, 'src')!.map(({ path }) => path)).toEqual(['src/deep', 'src/b.py'])
  expect(entriesOf(files, 'nothing')).toBeNull()
})

it('knows languages by the name of the file', () => {
  expect(['x/a.PY', 'Makefile', 'runway.yml', 'a.b.unknown', '.gitignore'].map(languageOf)).toEqual([
    'python',
    'makefile',
    'yaml',
    null,
    null,
  ])
})
