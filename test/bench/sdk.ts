import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { debianPython, installMissing, sdkBenchPackages } from '@modelport/infra/local/packages'
import { terminalReport } from '@modelport/infra/local/report'

/**
 * `npm run bench -- sdk [--original PATH]`: the model server's requests per second for text and images beside the original
 * SDK or a bare Flask server in the same run, its import time and its memory at rest. The bench itself is Python's.
 */
export async function benchSdk(): Promise<void> {
  const script = fileURLToPath(new URL('../../packages/sdk-python/bench.py', import.meta.url))
  await installMissing(sdkBenchPackages, terminalReport(), join(tmpdir(), 'modelport-bench-apt.log'))
  const child = spawn(debianPython(), [script, ...process.argv.slice(3)], { stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`the bench of the SDK ended with ${code}`)
}
