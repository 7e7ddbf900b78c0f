import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { git, Receiver, TestGithub } from './testing.ts'

// Real git processes on a shared machine take their time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let dir: string
let receiver: Receiver
const children: ChildProcess[] = []

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'local-github-crash-'))
  receiver = new Receiver('a webhook secret')
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  await receiver.close()
  await rm(dir, { recursive: true, force: true })
})

/** Starts the program itself, and gives its first line or its complaint. */
async function start(settings: Record<string, string>): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'index.ts')], {
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const said = await new Promise<string>((resolve) => {
    let text = ''
    const hear = (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('\n')) resolve(text.trim())
    }
    child.stdout!.on('data', hear)
    child.stderr!.on('data', hear)
    child.once('exit', () => resolve(text.trim()))
  })
  return { child, said }
}

it('keeps everything through kill -9, sends what it had not sent, and ends cleanly when asked', async () => {
  const github = await TestGithub.start()
  const { privateKey } = github
  await github.close()
  const settings = {
    LOCAL_GITHUB_PORT: '0',
    LOCAL_GITHUB_DIR: join(dir, 'state'),
    GITHUB_APP_ID: '4711',
    GITHUB_PRIVATE_KEY: privateKey.replaceAll('\n', '\\n'),
    GITHUB_WEBHOOK_SECRET: 'a webhook secret',
    WEBHOOK_URL: await receiver.listen(),
    GITHUB_CLIENT_ID: 'Iv1.x',
    GITHUB_CLIENT_SECRET: 'a client secret',
    OAUTH_REDIRECT_URL: 'http://127.0.0.1:3000/auth/callback',
  }
  const first = await start(settings)
  const url = first.said.replace('local github: ', '')
  const port = new URL(url).port

  // Everything waits for a minute, so that the kill comes before it is sent.
  await fetch(`${url}/api/v3/local/deliveries/mode`, { method: 'PUT', body: JSON.stringify({ delayMs: 60_000 }) })
  const work = join(dir, 'work')
  await git(dir, 'init', '--quiet', '--initial-branch=main', work)
  await git(work, 'commit', '--quiet', '--allow-empty', '--message=One')
  await git(work, 'push', '--quiet', `${url.replace('://', '://alice:x@')}/alice/m.git`, 'HEAD:main')
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  expect(receiver.heard).toHaveLength(0)

  // A line that was half written when the process died.
  const journal = join(dir, 'state', 'journal.jsonl')
  await writeFile(journal, `${await readFile(journal, 'utf8')}["accounts",99,{"id":99,"log`)

  const second = await start({ ...settings, LOCAL_GITHUB_PORT: port })
  expect(second.said).toBe(`local github: ${url}`)
  await fetch(`${url}/api/v3/local/deliveries/settle`, { method: 'POST' })
  expect(receiver.of('installation', 'created')).toHaveLength(1)
  expect(receiver.of('push').map((heard) => heard.payload.after)).toEqual([await git(work, 'rev-parse', 'HEAD')])
  expect(receiver.heard.every((heard) => heard.validSignature)).toBe(true)

  const third = await start({ ...settings, LOCAL_GITHUB_PORT: port, LOCAL_GITHUB_DIR: join(dir, 'other') })
  expect(third.said).toMatch(/^The local GitHub cannot listen on 127\.0\.0\.1:\d+, because another program does/)

  second.child.kill('SIGTERM')
  expect(await once(second.child, 'exit')).toEqual([0, null])
})

it('says in one line what is wrong with its settings, without their values', async () => {
  const { said } = await start({ LOCAL_GITHUB_DIR: dir, GITHUB_APP_ID: 'none', GITHUB_WEBHOOK_SECRET: 'short' })
  expect(said).toContain('GITHUB_APP_ID')
  expect(said).toContain('GITHUB_WEBHOOK_SECRET')
  expect(said).not.toContain('short"')
  expect(said.split('\n')).toHaveLength(1)
  await receiver.listen()
})
