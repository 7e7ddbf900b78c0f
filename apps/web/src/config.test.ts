import { expect, it } from 'vitest'
import { readConfig } from '#src/config.ts'

const env = { DATABASE_URL: 'postgres://secret@db/x', SECRET_KEY: 'ab'.repeat(32) } as unknown as NodeJS.ProcessEnv

it('gives defaults, and knows that an installation may have no image registry', () => {
  const { config, secrets } = readConfig(env)
  expect(config).toMatchObject({ siteUrl: 'http://127.0.0.1:3000', imageRegistry: null, secureCookies: false })
  expect(secrets.key).toHaveLength(32)
  expect(JSON.stringify(config)).not.toContain('secret@db')
})

it('refuses a wrong environment with a sentence that names the variable and not its value', () => {
  expect(() => readConfig({ ...env, SECRET_KEY: 'short-and-secret' })).toThrow(/SECRET_KEY: must be 64/)
  expect(() => readConfig({ ...env, SECRET_KEY: 'short-and-secret' })).not.toThrow(/short-and-secret/)
  expect(() => readConfig({ ...env, SITE_URL: 'javascript:alert(1)' })).toThrow(/SITE_URL/)
  expect(() => readConfig({} as NodeJS.ProcessEnv)).toThrow(/DATABASE_URL/)
})

it('reads a private key that was put on one line, and marks cookies secure on https', () => {
  const { config, secrets } = readConfig({ ...env, SITE_URL: 'https://models.example/', GITHUB_PRIVATE_KEY: 'a\\nb' })
  expect(secrets.githubPrivateKey).toBe('a\nb')
  expect(config).toMatchObject({ siteUrl: 'https://models.example', secureCookies: true })
})
