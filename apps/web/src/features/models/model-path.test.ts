import { expect, it } from 'vitest'
import { parseModelPath, parseOwner } from '#src/features/models/model-path.ts'

it.each([
  ['my-model', { slug: 'my-model', version: { kind: 'default' } }],
  // A page gets the segment encoded, a route handler decoded.
  ['my-model%403', { slug: 'my-model', version: { kind: 'number', number: 3 } }],
  ['my-model@3', { slug: 'my-model', version: { kind: 'number', number: 3 } }],
  ['My.Model_2@latest', { slug: 'My.Model_2', version: { kind: 'latest' } }],
  ['m@sha-4f2a91c', { slug: 'm', version: { kind: 'commit', prefix: '4f2a91c' } }],
  ['...', { slug: '...', version: { kind: 'default' } }],
])('reads %s', (segment, expected) => {
  expect(parseModelPath(segment)).toEqual(expected)
})

it.each([
  '',
  '.',
  '..',
  '%25',
  'a%25403',
  'a%2540',
  'a%2Fb',
  'a/b',
  'a%00',
  'a%',
  '@3',
  'a@',
  'a@0',
  'a@03',
  'a@-1',
  'a@1.5',
  'a@1@2',
  'a@sha-4F2A91C',
  'a@sha-12',
  'a@9999999999',
  `${'a'.repeat(101)}`,
  'ä',
])('refuses %j', (segment) => {
  expect(parseModelPath(segment)).toBeNull()
})

it('keeps the owners that our own pages need', () => {
  expect(parseOwner('alice')).toBe('alice')
  expect(parseOwner('Alice_2-b')).toBe('Alice_2-b')
  for (const owner of ['models', 'API', 'healthz', '_next', 'favicon.ico', '-a', 'a%2Fb', '..', '%'])
    expect(parseOwner(owner)).toBeNull()
})
