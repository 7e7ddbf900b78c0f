import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type EngineOptions, startEngine } from './engine.ts'
import { processIdentity } from './process-identity.ts'
import { silentReport } from './report.ts'

// A stand-in for dockerd: the real one is shared with whatever else runs on this machine.
const standIn = `#!${process.execPath}
const { createServer } = require('node:http')
const socket = process.argv[3].slice('unix://'.length)
createServer((_, response) => response.end(JSON.stringify({ Version: '1.2.3' }))).listen(socket)
process.on('SIGTERM', () => process.exit(0))
`

let folder: string
let path: string | undefined
let changes: [string, number | null][]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-engine-'))
  path = process.env.PATH
  changes = []
})

afterEach(() => {
  process.env.PATH = path
  rmSync(folder, { recursive: true, force: true })
})

function installDockerd(script: string): void {
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/dockerd'), script)
  chmodSync(join(folder, 'bin/dockerd'), 0o755)
  process.env.PATH = `${folder}/bin:${path}`
}

function options(more: Partial<EngineOptions> = {}): EngineOptions {
  return {
    choice: 'start',
    usualSocket: join(folder, 'docker.sock'),
    logs: folder,
    kept: { processes: {}, processIdentities: {} },
    hooks: { report: silentReport, processChanged: (name, pid) => void changes.push([name, pid]) },
    ...more,
  }
}

const asRoot = it.skipIf(process.getuid?.() !== 0)

asRoot('starts an engine that does not run, and stops what it started', async () => {
  installDockerd(standIn)
  const engine = await startEngine(options())
  expect(engine).toMatchObject({ version: '1.2.3', problem: null })
  const pid = engine.child!.pid!
  expect(changes).toEqual([['dockerd', pid]])
  await engine.child!.stop()
  expect(processIdentity(pid)).toBeNull()
  expect(changes).toHaveLength(2)
})

asRoot('leaves an engine alone that ran before, unless a killed start of this home had started it', async () => {
  installDockerd(standIn)
  const first = await startEngine(options())
  const pid = first.child!.pid!
  const stranger = await startEngine(options())
  expect(stranger).toMatchObject({ version: '1.2.3', child: null })
  const kept = { processes: { dockerd: pid }, processIdentities: { dockerd: processIdentity(pid)! } }
  const again = await startEngine(options({ kept }))
  expect(again.child!.pid).toBe(pid)
  await again.child!.stop()
  expect(processIdentity(pid)).toBeNull()
})

asRoot('goes on without an engine that cannot start, and says why', async () => {
  installDockerd('#!/bin/sh\nexit 1\n')
  expect(await startEngine(options())).toEqual({
    socket: null,
    version: null,
    problem: `dockerd ended with exit code 1; its log is ${folder}/dockerd.log`,
    child: null,
  })
})

it('uses no engine of another machine, and none when told so', async () => {
  expect((await startEngine(options({ dockerHost: 'tcp://10.0.0.1:2375' }))).problem).toMatch(
    /only an engine on a unix socket/,
  )
  expect((await startEngine(options({ choice: 'none' }))).problem).toBe('it was switched off')
  expect((await startEngine(options({ choice: 'probe' }))).problem).toBe(
    `Docker does not run (there is no ${folder}/docker.sock)`,
  )
})
