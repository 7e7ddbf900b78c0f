import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Runs `work` while this process alone, of all on this machine, holds the lock file.
 * The kernel's lock belongs to a child that ends when our pipe to it closes, so a crash of ours frees it.
 */
export async function withFileLock<Value>(path: string, signal: AbortSignal, work: () => Promise<Value>) {
  await mkdir(dirname(path), { recursive: true })
  const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const abandon = () => holder.kill('SIGTERM')
  signal.addEventListener('abort', abandon, { once: true })
  const ended = once(holder, 'close')
  try {
    await Promise.race([once(holder.stdout, 'data'), ended])
    signal.throwIfAborted()
    if (holder.exitCode !== null) throw new Error(`flock ended with ${holder.exitCode} for ${path}`)
    return await work()
  } finally {
    signal.removeEventListener('abort', abandon)
    holder.stdin.end()
    await ended
  }
}
