import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('passes the tests of the egress proxy and of the front of pip, which are Python like them', async () => {
  const tests = fileURLToPath(new URL('./tests', import.meta.url))
  const { stderr } = await promisify(execFile)('python3', ['-B', '-m', 'unittest', 'discover', '-s', tests])
  expect(stderr).toMatch(/\nOK\n$/)
}, 60_000)
