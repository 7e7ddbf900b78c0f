import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { publishExamples } from './publish-examples.ts'

let folder: string
const server = createServer(serveGit)

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-examples-'))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
})

afterEach(async () => {
  await new Promise((done) => server.close(done))
  rmSync(folder, { recursive: true, force: true })
})

/** git's own server program behind HTTP; it makes a repository at the first push, as the local GitHub does. */
function serveGit(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url!, 'http://localhost')
  const repository = join(folder, 'served', /^\/[^/]+\/[^/]+\.git/.exec(url.pathname)![0])
  execFileSync('git', ['init', '--quiet', '--bare', repository])
  execFileSync('git', ['-C', repository, 'config', 'http.receivepack', 'true'])
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: join(folder, 'served'),
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'],
    },
  })
  request.pipe(backend.stdin)
  const parts: Buffer[] = []
  backend.stdout.on('data', (part: Buffer) => parts.push(part))
  backend.once('close', () => {
    const answer = Buffer.concat(parts)
    const end = answer.indexOf('\r\n\r\n')
    for (const line of answer.subarray(0, end).toString().split('\r\n')) {
      const [name, value] = line.split(': ')
      if (name === 'Status') response.statusCode = Number.parseInt(value!, 10)
      else response.setHeader(name!, value!)
    }
    response.end(answer.subarray(end + 4))
  })
}

it('pushes each example as one commit that is the same everywhere', async () => {
  for (const name of ['upper', 'image-filter']) {
    mkdirSync(join(folder, 'models', name), { recursive: true })
    writeFileSync(join(folder, 'models', name, 'runway.yml'), 'version: 0.1\n')
    writeFileSync(join(folder, 'models', name, 'expected-manifest.json'), '{}')
  }
  const { port } = server.address() as { port: number }
  const request = { folder: join(folder, 'models'), localGithubUrl: `http://127.0.0.1:${port}` }
  // `tiny-network` is not there.
  expect(await publishExamples(request)).toEqual(['upper', 'image-filter'])
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', join(folder, 'served/examples/upper.git'), ...args], { encoding: 'utf8' }).trim()
  expect(git('ls-tree', '-r', '--name-only', 'main')).toBe('runway.yml')
  const commit = git('rev-parse', 'main')
  expect(await publishExamples(request)).toEqual(['upper', 'image-filter'])
  expect(git('rev-parse', 'main')).toBe(commit)
})
