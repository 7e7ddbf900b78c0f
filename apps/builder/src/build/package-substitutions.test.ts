import { describe, expect, it } from 'vitest'
import { packageSubstitutions } from './package-substitutions.ts'

const known = { files: ['requirements.txt', 'sub/more.txt'], steps: [{ line: 8 }, { line: 9 }] }
const pillow = {
  requested: 'Pillow==6.2.0',
  name: 'Pillow',
  where: 'requirements.txt:2',
  step: 1,
  how: 'installed',
  got: '9.4.0',
}
const read = (...lines: unknown[]) =>
  packageSubstitutions(lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'), known)

describe('the record of the front of pip', () => {
  it('gives a substitution at its line of the requirements file', () => {
    expect(read(pillow, '')).toEqual([
      {
        kind: 'package',
        file: 'requirements.txt',
        line: 2,
        wanted: 'Pillow==6.2.0',
        got: 'Pillow 9.4.0',
        why: 'pip could not install Pillow as asked; this version is installed already',
      },
    ])
  })

  it('gives one at the line of its step when a step typed it, or the file is not of the project', () => {
    const places = [null, '/etc/passwd:1', '../requirements.txt:2', 'requirements.txt', 'requirements.txt:0']
    for (const where of places)
      expect(read({ ...pillow, where, step: 2 })).toMatchObject([{ file: 'runway.yml', line: 9 }])
    expect(read({ ...pillow, where: null, step: 3 })).toMatchObject([{ file: null, line: null }])
    expect(read({ ...pillow, where: null, step: null })).toMatchObject([{ file: null, line: null }])
  })

  it('names the Debian package that took the place', () => {
    const debian = {
      ...pillow,
      name: 'opencv-python',
      how: 'debian',
      package: 'python3-opencv',
      packageVersion: '4.6.0+dfsg-12',
    }
    expect(read(debian)).toMatchObject([
      { got: 'python3-opencv 4.6.0+dfsg-12', why: expect.stringContaining('python3-opencv') },
    ])
    expect(read({ ...debian, package: undefined })).toEqual([])
  })

  it('tells a requirement that several steps repeat once', () => {
    expect(read(pillow, pillow, { ...pillow, step: 2 })).toHaveLength(1)
  })

  it('leaves out what a step may have written there itself', () => {
    const hostile = [
      'not json',
      '[]',
      'null',
      '{"__proto__": 1}',
      { ...pillow, how: 'magic' },
      { ...pillow, got: 'a\nb' },
      { ...pillow, requested: '\u001b[2J' },
      { ...pillow, name: 'x'.repeat(301) },
      { ...pillow, requested: '\u202egnp.exe' },
      { ...pillow, step: -1 },
      { ...pillow, where: 7 },
      '{'.repeat(100_000),
    ]
    expect(read(...hostile, pillow)).toHaveLength(1)
    expect(packageSubstitutions('', known)).toEqual([])
  })

  it('ends after a thousand', () => {
    const many = Array.from({ length: 3000 }, (_, i) => ({ ...pillow, requested: `p${i}==1` }))
    expect(read(...many)).toHaveLength(1000)
  })
})
