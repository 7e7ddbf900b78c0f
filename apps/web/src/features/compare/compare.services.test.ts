import { person } from '@modelport/db/queries/model-changes'
import { updateModelSettings } from '@modelport/db/queries/models'
import { sampleManifest } from '@modelport/db/seed'
import * as schema from '@modelport/schema/api'
import { renderToStaticMarkup } from 'react-dom/server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openTestSite, type TestSite } from '#src/api/test-site.ts'
import * as route from '#src/app/api/v1/models/[owner]/[model]/compare/[range]/route.ts'
import { nobody } from '#src/auth/actor.ts'
import { ComparePage } from '#src/features/compare/compare-page.tsx'
import { compareVersions, configText } from '#src/features/compare/compare-versions.ts'

let site: TestSite
let as: string
beforeAll(async () => {
  site = await openTestSite()
  as = await site.tokenOf(await site.seed.person('alice'))
})
afterAll(() => site.close())

const nonCommercial = { spdx: 'CC-BY-NC-4.0', file: 'LICENSE', text: 'Other words\n' }

async function twoVersions(name: string) {
  const made = await site.seed.model({ name })
  const files = [
    { path: 'runway_model.py', text: 'import runway\n' },
    { path: 'requirements.txt', text: 'runway-python\nPillow==6.2.0 # pinned\nscipy\n-e .\n' },
    { path: 'gone.txt', text: 'old\n' },
    { path: 'weights.bin', text: null, kind: 'binary' as const, bytes: 10 },
  ]
  await site.seed.publishedVersion(made.model, { readme: '# One\n', files })
  const manifest = { ...sampleManifest, options: [] }
  await site.seed.publishedVersion(made.model, {
    readme: '# <b>Two</b>\n',
    manifest,
    licence: nonCommercial,
    files: [
      { path: 'runway_model.py', text: 'import runway\n' },
      { path: 'requirements.txt', text: 'runway-python\npillow>=9\nnumpy\n' },
      { path: '<i>new.py', text: 'x = "<b>"\n' },
      { path: 'weights.bin', text: null, kind: 'binary' as const, bytes: 12 },
    ],
  })
  site.permissions.set(`alice/${name} alice`, 'write')
  return made
}

const get = (model: string, range: string, who?: string) =>
  site.call(route.GET, `/models/alice/${model}/compare/${range}`, { owner: 'alice', model, range }, { as: who })

it('tells what differs, from the older to the newer', async () => {
  await twoVersions('compared')
  const answer = schema.Comparison.parse(await (await get('compared', '1...2', as)).json())
  expect(answer).toMatchObject({
    older: 1,
    newer: 2,
    interface: [{ class: 'breaking', path: 'options.style' }],
    license: { older: 'MIT', newer: 'CC-BY-NC-4.0', changed: true },
    files: [
      { path: '<i>new.py', change: 'added', olderBytes: null, newerBytes: 10 },
      { path: 'gone.txt', change: 'removed', olderBytes: 4, newerBytes: null },
      { path: 'requirements.txt', change: 'changed' },
      { path: 'weights.bin', change: 'changed', olderBytes: 10, newerBytes: 12 },
    ],
    dependencies: [
      { name: 'numpy', older: null, newer: 'any version' },
      { name: 'pillow', older: '==6.2.0', newer: '>=9' },
      { name: 'scipy', older: 'any version', newer: null },
    ],
    readme: true,
    config: false,
  })
  expect(await (await get('compared', '2...1', as)).json()).toMatchObject({ older: 1, newer: 2 })
  expect(await (await get('compared', '1...1', as)).json()).toMatchObject({
    interface: [],
    files: [],
    dependencies: [],
    readme: false,
  })
})

it('is open to whoever may see both versions, and else the same bytes as what is missing', async () => {
  const { model } = await twoVersions('closed')
  await site.seed.failedBuild(model, { step: 'build:2' })
  expect((await get('closed', '1...2')).status).toBe(200)
  const hidden = await get('closed', '1...3')
  const missing = await get('none', '1...3')
  expect(hidden.status).toBe(404)
  expect(await hidden.text()).toBe(await missing.text())
  for (const range of ['1...9', '1..2', '0...1', 'x', '1...2...3', '99999999999...1'])
    expect((await get('closed', range, as)).status, range).toBe(404)
  await updateModelSettings(site.db, model.id, { viewersSeeVersions: true }, person('alice'))
  expect((await get('closed', '1...3')).status).toBe(200)
})

it('shows the differences on a page, breaking changes first and everything escaped', async () => {
  const { model, publisher } = await twoVersions('shown')
  const comparison = await compareVersions(model, { a: 1, b: 2 })
  const path = '/alice/shown'
  const rights = {
    ...{ versions: true, logs: true, files: true, build: true, publish: true },
    ...{ changeFiles: true, settings: true, rename: true, delete: true },
  }
  const view = {
    ...{ model, publisher, movedTo: null, actor: nobody, rights, path, versionPath: path, pinned: false },
    ...{ visibility: 'public' as const, repositoryUrl: 'http://github.test/alice/shown', choices: [], builds: [] },
    ...{ version: null, defaultVersion: null, newest: null, gallery: [] },
    described: {} as never,
    licence: {} as never,
  }
  const html = renderToStaticMarkup(ComparePage({ data: { view, comparison, numbers: [2, 1] } }))
  expect(html).toContain('The licence changed from MIT to CC-BY-NC-4.0.')
  expect(html).toMatch(/Breaking[^<]*\(?/)
  expect(html).toContain('&lt;b&gt;Two&lt;/b&gt;')
  expect(html).toContain('&lt;i&gt;new.py')
  expect(html).toContain('x = &quot;&lt;b&gt;&quot;')
  expect(html.match(/<h1/g)).toHaveLength(1)
  const same = await compareVersions(model, { a: 1, b: 1 })
  const page = (source: typeof same.source) =>
    renderToStaticMarkup(ComparePage({ data: { view, comparison: { ...same, source }, numbers: [2, 1] } }))
  expect(page(same.source)).toContain('No differences.')
  expect(page(null)).not.toContain('No differences.')
  expect(html.indexOf('id="interface"')).toBeLessThan(html.indexOf('id="sizes"'))
})

it('writes a config as lines without the places in its file', () => {
  const config = {
    python: { text: '3.6', canonical: '3.6' },
    cuda: null,
    buildSteps: [{ text: 'make', line: 4, condition: 'gpu' }],
    lines: { python: 2 },
  }
  expect(configText(config)).toBe('python: 3.6\nbuildSteps[0].text: make\nbuildSteps[0].condition: gpu')
  expect(configText(null)).toBe('')
})
