import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { git, TestGithub, workTree } from './testing.ts'

// Whatever arrives, the answer is one that was meant, and the next request is served.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let github: TestGithub
let token: string
beforeAll(async () => {
  github = await TestGithub.start()
  await git(await workTree(github), 'push', '--quiet', github.remote('alice/m'), 'HEAD:main')
  token = await github.installationToken('alice/m')
})
afterAll(() => github.close())

/** Sends bytes as they are, and gives the status of the answer; null when the connection was just closed. */
function send(bytes: string): Promise<number | null> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(github.url).port), '127.0.0.1', () => socket.write(bytes, 'latin1'))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => resolve(null))
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]) || null))
  })
}

const piece = fc.oneof(
  fc.constantFrom(
    '..',
    '.',
    '%2e%2e',
    '%00',
    '%E0%A4%A',
    '%2F',
    '-x',
    '--output=x',
    'alice',
    'm',
    'm.git',
    'HEAD',
    'main',
    'info',
    'refs',
    '1',
    '',
  ),
  fc.stringMatching(/^[!-~]{0,12}$/),
)
const start = fc.constantFrom(
  '/',
  '/api/v3/',
  '/api/v3/repos/alice/m/',
  '/codeload/',
  '/codeload/alice/m/legacy.tar.gz/',
  '/alice/m/',
  '/alice/m.git/',
  '/apps/modelport/',
  '/login/oauth/',
)
const path = fc
  .tuple(start, fc.array(piece, { maxLength: 6 }))
  .map(([base, parts]) => base + parts.join('/').replace(/[\s#]/g, ''))

it('answers any path without failing', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'),
      path,
      fc.boolean(),
      async (method, where, asApp) => {
        // Deleting would end the repository that the other paths are about.
        fc.pre(method !== 'DELETE' || !asApp)
        const authorization = asApp ? `Authorization: Bearer ${token}\r\n` : ''
        const status = await send(
          `${method} ${where} HTTP/1.1\r\nHost: 127.0.0.1\r\n${authorization}Connection: close\r\nContent-Length: 0\r\n\r\n`,
        )
        expect(status, `${method} ${where}`).not.toBeNull()
        expect(status, `${method} ${where}`).not.toBe(500)
      },
    ),
    { numRuns: 400 },
  )
  expect(log).not.toHaveBeenCalled()
  log.mockRestore()
  expect((await github.call('GET', '/repos/alice/m')).status).toBe(200)
})

it('answers any body without failing', async () => {
  const targets: [string, string][] = [
    ['POST', '/api/v3/repos/alice/m/check-runs'],
    ['POST', '/api/v3/user/repos'],
    ['PUT', '/api/v3/local/deliveries/mode'],
    ['POST', '/login/oauth/access_token'],
    ['POST', '/alice/m.git/git-receive-pack'],
    ['POST', '/alice/m.git/git-upload-pack'],
  ]
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...targets), fc.oneof(fc.json(), fc.string()), async ([method, where], body) => {
      const basic = `Basic ${Buffer.from('alice:x').toString('base64')}`
      for (const authorization of [basic, `Bearer ${token}`]) {
        const response = await fetch(github.url + where, {
          method,
          headers: { authorization, 'content-type': 'application/json' },
          body,
        })
        await response.arrayBuffer()
        expect(response.status, `${method} ${where} ${body}`).not.toBe(500)
      }
    }),
    { numRuns: 100 },
  )
  await github.call('PUT', '/local/deliveries/mode', { body: {} })
})

it('bounds what it reads, and outlives clients that hang up', async () => {
  const large = await fetch(`${github.api}/admin/users`, { method: 'POST', body: Buffer.alloc(9 * 1024 * 1024, 'x') })
  expect(large.status).toBe(413)
  expect((await github.call('GET', `/repos/alice/m/contents/${'a/'.repeat(9000)}`)).status).toBe(431)

  for (const bytes of [
    'GET /alice/m.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /alice/m.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-git-upload-pack-request\r\nContent-Length: 100\r\n\r\n0032',
  ]) {
    await new Promise<void>((resolve) => {
      const socket = connect(Number(new URL(github.url).port), '127.0.0.1', () => {
        socket.write(bytes)
        setTimeout(() => socket.destroy(), 30)
      })
      socket.on('close', () => resolve())
    })
  }
  expect((await github.call('GET', '/repos/alice/m')).status).toBe(200)
})

it('refuses objects that would do harm where they are checked out', async () => {
  const dir = await workTree(github)
  const blob = await git(dir, 'rev-parse', 'HEAD:runway.yml')
  const { execFileSync } = await import('node:child_process')
  const tree = execFileSync('git', ['mktree', '--missing'], {
    cwd: dir,
    input: `100644 blob ${blob}\t.git\n`,
    encoding: 'utf8',
  }).trim()
  const bad = await git(dir, 'commit-tree', '-m', 'bad', tree)
  await expect(git(dir, 'push', '--quiet', github.remote('alice/m'), `${bad}:refs/heads/bad`)).rejects.toThrow(
    /hasDotgit|unpacker error|fsck/,
  )
})
