// Runs a TypeScript file with this Node, hands signals on and ends as it ended.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { repository } from './bootstrap.mjs'

/** Runs `file` (relative to the repository) with `args`; resolves to its exit code. */
export function runTypeScript(file, args) {
  // A group of its own: a Ctrl-C in the terminal then reaches it once, through us, not twice.
  const child = spawn(process.execPath, ['--import', 'tsx', join(repository, file), ...args], {
    cwd: repository,
    // The channel carries nothing; that it closes tells the child that we were killed.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((done) => {
    child.on('error', (error) => {
      console.error(error.message)
      done(1)
    })
    child.on('exit', (code, signal) => done(code ?? (signal === 'SIGINT' ? 130 : 1)))
  })
}
