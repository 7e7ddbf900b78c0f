import { generateKeyPairSync } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectGithub, GithubUnavailable, SignInRefused } from '#src/auth/github.ts'
import { readConfig } from '#src/config.ts'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const answers: Record<string, [number, unknown]> = {
  'GET /api/v3/repos/alice/m/installation': [200, { id: 5 }],
  'POST /api/v3/app/installations/5/access_tokens': [
    201,
    { token: 'ghs_5', expires_at: '2099-01-01T00:00:00Z', permissions: {}, repository_selection: 'all' },
  ],
  'GET /api/v3/repos/alice/m': [200, { id: 77, full_name: 'alice/m' }],
  'GET /api/v3/repos/alice/m/collaborators/alice/permission': [200, { permission: 'admin' }],
  'GET /api/v3/repos/alice/broken/installation': [502, { message: 'bad gateway' }],
}
let seen: string[] = []
let server: Server
let github: ReturnType<typeof connectGithub>
let tokenAnswer: unknown

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = `${request.method} ${request.url?.split('?')[0]}`
    seen.push(`${path} ${request.headers.authorization?.split(' ')[0] ?? ''}`)
    const [status, body] =
      path === 'POST /login/oauth/access_token'
        ? [200, tokenAnswer]
        : (answers[path] ?? [404, { message: 'Not Found' }])
    response.writeHead(status as number, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { config, secrets } = readConfig({
    DATABASE_URL: 'postgres://none',
    SECRET_KEY: '0'.repeat(64),
    GITHUB_WEB_URL: url,
    GITHUB_API_URL: `${url}/api/v3`,
    GITHUB_APP_ID: '7',
    GITHUB_PRIVATE_KEY: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    GITHUB_CLIENT_ID: 'client',
    GITHUB_CLIENT_SECRET: 'secret',
  } as unknown as NodeJS.ProcessEnv)
  github = connectGithub(config, secrets)
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

it('finds a repository as the app, and asks for a permission as the installation', async () => {
  expect(await github.findRepository('alice', 'm')).toEqual({ id: 77, fullName: 'alice/m', installationId: 5 })
  seen = []
  expect(await github.permissionOf({ owner: 'alice', name: 'm', installationId: 5 }, 'alice')).toBe('admin')
  // The installation's token is made once and kept.
  expect(seen).toEqual(['GET /api/v3/repos/alice/m/collaborators/alice/permission token'])
})

it('takes a 404 for "not there", "not installed" and "no collaborator"', async () => {
  expect(await github.findRepository('alice', 'none')).toBeNull()
  expect(await github.permissionOf({ owner: 'alice', name: 'none', installationId: null }, 'alice')).toBe('none')
  expect(await github.permissionOf({ owner: 'alice', name: 'm', installationId: 5 }, 'mallory')).toBe('none')
})

it('does not take a failure for an answer', async () => {
  await expect(github.findRepository('alice', 'broken')).rejects.toThrow(GithubUnavailable)
})

it('reads tokens, and GitHub’s refusal with status 200', async () => {
  tokenAnswer = { access_token: 'ghu_1', expires_in: 28_800, refresh_token: 'ghr_1' }
  expect(await github.exchangeCode('code', 'verifier')).toMatchObject({ access: 'ghu_1', refresh: 'ghr_1' })
  tokenAnswer = { error: 'bad_verification_code', error_description: 'The code passed is incorrect or expired.' }
  await expect(github.exchangeCode('code', 'verifier')).rejects.toThrow(SignInRefused)
})
