import { describe, expect, it } from 'vitest'
import { isSameOrigin, safeNext } from '#src/auth/same-origin.ts'

describe('safeNext', () => {
  it.each(['/', '/alice/model@3/build?target=gpu#gpu-L12', '/models?q=a%2Fb', '/new'])('goes to %s', (next) => {
    expect(safeNext(next)).toBe(next)
  })

  it.each([
    null,
    undefined,
    '',
    'models',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\/evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '\u0000/evil',
    'https:evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '/..//evil.example',
    '/./\\evil.example',
    '/.//evil.example',
    '/%09/../..//evil.example',
    `/${'a'.repeat(8192)}`,
  ])('goes home instead of %j', (next) => {
    const path = safeNext(next)
    expect(new URL(path, 'http://site.example').origin).toBe('http://site.example')
    expect(path).toBe('/')
  })
})

describe('isSameOrigin', () => {
  const site = 'http://127.0.0.1:3000'
  const from = (headers: Record<string, string>) => isSameOrigin(new Headers(headers), site)
  it('accepts pages of this site', () => {
    expect(from({ origin: site })).toBe(true)
    expect(from({ 'sec-fetch-site': 'same-origin' })).toBe(true)
  })
  it.each([
    {},
    { origin: 'null' },
    { origin: 'http://localhost:3000' },
    { origin: 'http://127.0.0.1:3001' },
    { origin: 'https://127.0.0.1:3000' },
    { origin: 'http://127.0.0.1:3000.evil.example' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'http://evil.example', 'sec-fetch-site': 'same-origin' },
  ] as Record<string, string>[])('refuses %j', (headers) => {
    expect(from(headers)).toBe(false)
  })
})
