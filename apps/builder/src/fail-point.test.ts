import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { armFailPoints, failPoint, receiverFailPoints, uploadFailPoints, workerFailPoints } from './fail-point.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-failpoint-'))
})
afterEach(() => {
  armFailPoints({})
  rmSync(folder, { recursive: true })
})

describe('fail-points', () => {
  it('does nothing when none is armed', () => {
    armFailPoints({})
    for (const name of [...receiverFailPoints, ...workerFailPoints, ...uploadFailPoints])
      expect(() => failPoint(name)).not.toThrow()
  })

  it('acts at the nth time, and at that of its name alone', () => {
    armFailPoints({ FAILPOINT: 'push:middle:throw:2,taken:throw' })
    expect(() => failPoint('push:start')).not.toThrow()
    expect(() => failPoint('push:middle')).not.toThrow()
    expect(() => failPoint('push:middle')).toThrow('the fail-point push:middle')
    expect(() => failPoint('taken')).toThrow()
  })

  it('acts once where a marker is asked for, and leaves it', () => {
    const once = join(folder, 'once')
    armFailPoints({ FAILPOINT: 'taken:throw', FAILPOINT_ONCE: once })
    expect(() => failPoint('taken')).toThrow()
    expect(existsSync(`${once}.taken`)).toBe(true)
    armFailPoints({ FAILPOINT: 'taken:throw', FAILPOINT_ONCE: once })
    expect(() => failPoint('taken')).not.toThrow()
  })

  it('refuses names that no place has, and a production without a marker', () => {
    expect(() => armFailPoints({ FAILPOINT: 'after-lunch:kill' })).toThrow('after-lunch')
    expect(() => armFailPoints({ FAILPOINT: 'taken:explode' })).toThrow('explode')
    expect(() => armFailPoints({ FAILPOINT: 'taken:kill', NODE_ENV: 'production' })).toThrow('FAILPOINT_ONCE')
  })

  it('stands in the code exactly where the list says: each name once or more, and no other', () => {
    const root = fileURLToPath(new URL('.', import.meta.url))
    const calls = execFileSync('grep', ['-rhoE', '--include=*.ts', '--exclude=*.test.ts', 'failPoint\\([^)]*\\)', root])
    const named = new Set([...calls.toString().matchAll(/failPoint\('([^']+)'\)/g)].map((found) => found[1]!))
    // Steps that the context runs reach their start and end through their name.
    for (const step of ['fetch', 'config', 'base', 'inspect', 'push'])
      for (const part of ['start', 'end']) named.add(`${step}:${part}`)
    expect([...named].sort()).toEqual([...receiverFailPoints, ...workerFailPoints, ...uploadFailPoints].sort())
  })
})
