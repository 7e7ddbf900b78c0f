import { describe, expect, it } from 'vitest'
import { importedModules } from './imports.ts'
import { checkFile } from './rooms.ts'

describe('importedModules', () => {
  it('finds every way to name a module', () => {
    const source = `import { a } from './a.ts'
import type { B } from "b"
import {
  c,
} from 'c'
import './side-effect.css'
export { d } from './d.ts'
export * from './e.ts'
const f = await import('./f.ts')
const g = require('g')
`
    expect(importedModules(source)).toEqual([
      { specifier: './a.ts', line: 1 },
      { specifier: 'b', line: 2 },
      { specifier: 'c', line: 5 },
      { specifier: './side-effect.css', line: 6 },
      { specifier: './d.ts', line: 7 },
      { specifier: './e.ts', line: 8 },
      { specifier: './f.ts', line: 9 },
      { specifier: 'g', line: 10 },
    ])
  })

  it('is not fooled by comments, strings, templates and regular expressions', () => {
    const source = `// import './a.ts'
/* import b from 'b'
   export * from 'c' */
const text = "import d from 'd'"
const template = \`import e from 'e' \${text}\`
const quote = /['"\`]/
const half = 1 / 2 // import f from 'f'
import g from 'g'
`
    expect(importedModules(source)).toEqual([{ specifier: 'g', line: 8 }])
  })
})

describe('checkFile', () => {
  const check = (path: string, ...specifiers: string[]) =>
    checkFile(path, specifiers.map((name) => `import '${name}'\n`).join(''))

  it('lets rooms import what the table allows', () => {
    expect(check('packages/schema/src/words.ts', 'zod', './states.ts')).toEqual([])
    expect(
      check('packages/db/src/client.ts', 'postgres', 'drizzle-orm/postgres-js', '@modelport/schema/words'),
    ).toEqual([])
    expect(check('apps/builder/src/intake/on-push.ts', '../github/github-client.ts')).toEqual([])
    expect(
      check('apps/builder/src/jobs/build-job.ts', '../github/report-build.ts', '@modelport/db/queries/builds'),
    ).toEqual([])
    expect(check('apps/web/src/app/page.tsx', 'next/navigation', '#src/features/directory/directory-page.tsx')).toEqual(
      [],
    )
    expect(check('infra/local/supervisor.ts', '@modelport/db/migrate', 'node:fs', 'zod')).toEqual([])
  })

  it('refuses what it does not', () => {
    expect(check('apps/builder/src/github/app.ts', 'probot', '../intake/accept-webhook.ts')).toEqual([
      'apps/builder/src/github/app.ts:2: builder/github may not import builder/intake (../intake/accept-webhook.ts)',
    ])
    expect(check('packages/schema/src/words.ts', 'postgres')).toEqual([
      'packages/schema/src/words.ts:1: schema may not import the package postgres',
    ])
    expect(check('apps/builder/src/build/run-build.ts', '@modelport/db/queries/builds')).toEqual([
      'apps/builder/src/build/run-build.ts:1: builder/build may not import db (@modelport/db/queries/builds)',
    ])
    expect(check('apps/builder/src/intake/work-inbox.ts', '../engine/reaper.ts')).toEqual([
      'apps/builder/src/intake/work-inbox.ts:1: builder/intake may not import builder/engine (../engine/reaper.ts)',
    ])
    expect(check('apps/web/src/app/page.tsx', '@modelport/db/queries/models')).toEqual([
      'apps/web/src/app/page.tsx:1: web/app may not import db (@modelport/db/queries/models)',
    ])
    expect(check('apps/builder/src/build/steps/push-image.ts', './inspect-image.ts')).toEqual([
      'apps/builder/src/build/steps/push-image.ts:1: a step may not import another step (./inspect-image.ts)',
    ])
  })

  it('keeps apps apart, also in their tests', () => {
    const expected = ['apps/web/src/context.ts:1: an app may not import an app (apps/web -> apps/builder)']
    expect(check('apps/web/src/context.ts', '@modelport/builder/config')).toEqual(expected)
    expect(check('apps/web/src/a.test.ts', '../../builder/src/config.ts')).toHaveLength(1)
  })

  it('lets tests open any room of their own app', () => {
    expect(
      check('apps/builder/src/build/run-build.test.ts', '@modelport/db/testing', '../engine/reaper.ts', 'vitest'),
    ).toEqual([])
  })

  it('sends imports through the doors of packages', () => {
    expect(check('infra/local/supervisor.ts', '../../packages/db/src/migrate.ts')).toEqual([
      'infra/local/supervisor.ts:1: ../../packages/db/src/migrate.ts climbs into another package; use one of its doors (@modelport/...)',
    ])
  })

  it('asks for a room for every file', () => {
    expect(check('somewhere/else.ts')).toEqual([
      'somewhere/else.ts: it is in no room; add one to infra/check/rooms.ts, or move it',
    ])
  })
})
