import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { seal, unseal } from '#src/auth/seal.ts'

const key = randomBytes(32)

it('opens what it sealed, and seals the same text differently each time', () => {
  expect(unseal(key, seal(key, 'a secret'))).toBe('a secret')
  expect(seal(key, 'a secret')).not.toBe(seal(key, 'a secret'))
})

it('opens nothing that was changed, cut or sealed with another key', () => {
  const bytes = Buffer.from(seal(key, 'a secret'), 'base64url')
  bytes[bytes.length - 1]! ^= 1
  expect(unseal(key, bytes.toString('base64url'))).toBeNull()
  expect(unseal(key, bytes.subarray(0, 20).toString('base64url'))).toBeNull()
  expect(unseal(randomBytes(32), seal(key, 'a secret'))).toBeNull()
})
