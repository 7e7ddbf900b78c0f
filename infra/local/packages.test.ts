import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { installMissing, mayInstall, missingPackages, type SystemPackage } from './packages.ts'
import { recordingReport } from './testing.ts'

let folder: string
let path: string | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-packages-'))
  path = process.env.PATH
})

afterEach(() => {
  process.env.PATH = path
  rmSync(folder, { recursive: true, force: true })
})

const tool = (): SystemPackage => ({
  name: 'some-tool',
  shownBy: join(folder, 'some-tool'),
  with: ['its-helper'],
  why: 'does something',
  without: 'nothing is done',
})

function installApt(script: string): void {
  writeFileSync(join(folder, 'apt-get'), `#!/bin/sh\necho "$@" >> ${folder}/calls\n${script}\n`)
  chmodSync(join(folder, 'apt-get'), 0o755)
  process.env.PATH = `${folder}:${path}`
}

it('sees what is installed', () => {
  expect(missingPackages([{ ...tool(), shownBy: 'sh' }, tool()])).toEqual([tool()])
})

it.runIf(mayInstall())('installs what is missing in one call, after an update', async () => {
  installApt(`case "$*" in *install*) touch ${folder}/some-tool;; esac`)
  const report = recordingReport()
  await installMissing([tool()], report, join(folder, 'apt.log'))
  expect(readFileSync(join(folder, 'calls'), 'utf8').split('\n')).toEqual([
    '-o DPkg::Lock::Timeout=120 update',
    '-o DPkg::Lock::Timeout=120 install -y --no-install-recommends some-tool its-helper',
    '',
  ])
  expect(report.notices).toEqual(['Installing Debian packages: some-tool (does something)'])
  expect(report.steps).toEqual(['Debian packages: some-tool'])
  await installMissing([tool()], report, join(folder, 'apt.log'))
  expect(report.steps).toHaveLength(1)
})

it.runIf(mayInstall())('goes on when that fails, with the command to type', async () => {
  installApt('echo "no network"; exit 100')
  const report = recordingReport()
  await installMissing([tool()], report, join(folder, 'apt.log'))
  expect(report.notices[1]).toBe(
    `"apt-get update" failed with exit code 100. Its log is ${folder}/apt.log; by hand: apt-get update && apt-get install -y --no-install-recommends some-tool its-helper`,
  )
  expect(readFileSync(join(folder, 'apt.log'), 'utf8')).toContain('no network')
  expect(existsSync(join(folder, 'some-tool'))).toBe(false)
})
