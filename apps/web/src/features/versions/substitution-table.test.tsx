import type { Substitution } from '@modelport/schema/words'
import { expect, it } from 'vitest'
import { mergeSubstitutions } from '#src/features/versions/substitution-table.tsx'

const python: Substitution = { kind: 'python', file: 'runway.yml', line: 4, wanted: '3.6', got: '3.9', why: 'none' }
const cuda: Substitution = { ...python, kind: 'cuda', line: 9, wanted: '9.2', got: '11.2' }

it('names a substitution once, with every image that has it', () => {
  expect(
    mergeSubstitutions([
      { target: 'cpu', substitutions: [python] },
      { target: 'gpu', substitutions: [{ ...python }, cuda, { ...cuda, why: 'another reason' }] },
    ]),
  ).toEqual([
    { ...python, targets: ['cpu', 'gpu'] },
    { ...cuda, targets: ['gpu'] },
    { ...cuda, why: 'another reason', targets: ['gpu'] },
  ])
})
