import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { App } from './apps.ts'
import { postgresPlace } from './postgres.ts'
import type { Report } from './report.ts'

/** A home for one test; `remove` takes it away with all that lies elsewhere for it. */
export interface TemporaryHome {
  path: string
  remove(): void
}

/** Makes an empty home. It is below a folder that only its owner can enter, as root's home is on Debian. */
export function temporaryHome(): TemporaryHome {
  const closed = mkdtempSync(join(tmpdir(), 'modelport-test-'))
  const path = join(closed, 'home')
  return {
    path,
    remove() {
      const place = postgresPlace(path)
      if (place !== path) rmSync(place, { recursive: true, force: true })
      rmSync(closed, { recursive: true, force: true })
    },
  }
}

/** Keeps what was told, for tests. */
export function recordingReport(): Report & { steps: string[]; notices: string[]; lines: string[] } {
  const steps: string[] = []
  const notices: string[] = []
  const lines: string[] = []
  return {
    steps,
    notices,
    lines,
    async step(name, run) {
      const details: string[] = []
      const value = await run((detail) => details.push(detail))
      steps.push([name, ...details].join(': '))
      return value
    },
    notice: (sentence) => void notices.push(sentence),
    line: (child, text) => void lines.push(`${child}: ${text}`),
  }
}

/** A small app that answers `readyPath`, says its variables `SHOW_*`, and ends when `/crash` is asked for. */
export function dummyApp(name: string, port: App['port'], env: Record<string, string> = {}, script = dummyScript): App {
  return {
    name,
    title: name,
    port,
    args: ({ state }) => ['-e', script, String(state.ports[port])],
    env: () => env,
    readyPath: '/readyz',
  }
}

const dummyScript = `
const { createServer } = require('node:http')
console.log('started', Object.keys(process.env).filter((name) => /^(SHOW_|NODE_ENV|VITEST|DOCKER_HOST)/.test(name)).sort().join(' '))
createServer((request, response) => {
  if (request.url === '/crash') process.exit(3)
  response.end('ok')
}).listen(Number(process.argv[1]), '127.0.0.1')
`

/** Waits until `holds` is true; fails with `what` when it takes too long. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Waited ${withinMs} ms in vain until ${what}`)
    await sleep(25)
  }
}
