import { person } from '@modelport/db/queries/model-changes'
import { updateModelSettings } from '@modelport/db/queries/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestSite, siteUrl, type TestSite } from '#src/api/test-site.ts'
import * as badge from '#src/app/[owner]/[model]/badge/[file]/route.ts'
import * as cite from '#src/app/[owner]/[model]/cite.bib/route.ts'
import * as modelFeed from '#src/app/[owner]/[model]/feed.atom/route.ts'
import * as ownerFeed from '#src/app/[owner]/feed.atom/route.ts'
import * as siteFeed from '#src/app/feed.atom/route.ts'
import * as robots from '#src/app/robots.txt/route.ts'
import * as sitemap from '#src/app/sitemap.xml/route.ts'

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
})
afterAll(() => site.close())

async function published(name: string, options: { owner?: string; private?: boolean; summary?: string } = {}) {
  const { model } = await site.seed.model({ name, ...options })
  await site.seed.publishedVersion(model, { subject: 'Less <noise> & more' })
  return model
}

const badgeOf = async (model: string, file = 'status.svg', query = '', headers = {}) => {
  const answer = await site.call(badge.GET, query, { owner: 'alice', model, file }, { headers })
  return { answer, text: await answer.text() }
}

describe('badges', () => {
  it('say state, version and licence, and are kept by caches', async () => {
    await published('shown')
    const { answer, text } = await badgeOf('shown')
    expect(text).toContain('<title>build: passing</title>')
    expect(answer.headers.get('content-type')).toMatch(/^image\/svg\+xml/)
    expect(answer.headers.get('cache-control')).toBe('public, max-age=60, s-maxage=60')
    const etag = answer.headers.get('etag')!
    expect((await badgeOf('shown', 'status.svg', '', { 'if-none-match': etag })).answer.status).toBe(304)
    expect((await badgeOf('shown', 'version.svg')).text).toContain('version: 1')
    expect((await badgeOf('shown', 'license.svg')).text).toContain('license: MIT')
    expect((await badgeOf('shown', 'status.svg', '?label=%3Cb%3E&style=square')).text).toContain('&lt;b&gt;: passing')
    expect((await badgeOf('shown@1', 'status.svg', '?target=gpu')).text).toContain('build: passing')
    expect((await badgeOf('shown', 'other.svg')).answer.status).toBe(404)
  })

  it('are grey and the same for missing and private models, whoever asks', async () => {
    await published('secret', { private: true })
    const missing = await badgeOf('missing')
    const hidden = await badgeOf('secret')
    expect(missing.answer.status).toBe(200)
    expect(missing.text).toContain('build: unknown')
    expect(hidden.text).toBe(missing.text)
    expect([...hidden.answer.headers]).toEqual([...missing.answer.headers])
    expect((await badgeOf('shown', 'status.svg', '?version=99')).text).toContain('unknown')
  })

  it('tell of a failed version only where the versions are open', async () => {
    const model = await published('failing')
    await site.seed.failedBuild(model, { step: 'build:2' })
    expect((await badgeOf('failing')).text).toContain('passing')
    expect((await badgeOf('failing', 'status.svg', '?version=2')).text).toContain('unknown')
    await updateModelSettings(site.db, model.id, { viewersSeeVersions: true }, person('alice'))
    expect((await badgeOf('failing')).text).toContain('failing')
  })
})

describe('feeds', () => {
  it('list ready versions with ids that stay, escaped', async () => {
    const model = await published('fed', { owner: 'feeder', summary: 'a & <b>' })
    await site.seed.failedBuild(model, { step: 'build:2' })
    const params = { owner: 'feeder', model: 'fed' }
    const text = await (await site.call(modelFeed.GET, '', params)).text()
    expect(text.match(/<entry>/g)).toHaveLength(1)
    expect(text).toContain('Less &lt;noise&gt; &amp; more.')
    expect(text).toContain(`href="${siteUrl}/feeder/fed@1"`)
    expect(text).toMatch(/<id>tag:site\.test,\d{4}-\d\d-\d\d:model\/[0-9a-f-]{36}\/1<\/id>/)
    const owner = await (await site.call(ownerFeed.GET, '', { owner: 'feeder' })).text()
    expect(owner).toContain('a &amp; &lt;b&gt;.')
    expect(await (await site.call(siteFeed.GET, '')).text()).toContain('feeder/fed, version 1')
    const search = await (await site.call(siteFeed.GET, '?q=fed&publisher=feeder&sort=name')).text()
    expect(search).toContain('feeder/fed, version 1')
    expect(search).toContain(`href="${siteUrl}/models?q=fed&amp;publisher=feeder&amp;sort=updated"`)
    expect(await (await site.call(siteFeed.GET, '?q=fed&publisher=nobody')).text()).not.toContain('<entry>')
  })

  it('hide private models like missing ones, and show them to their people', async () => {
    await published('hidden', { owner: 'hider', private: true })
    const params = { owner: 'hider', model: 'hidden' }
    for (const [handler, missing] of [
      [modelFeed.GET, { owner: 'hider', model: 'none' }],
      [cite.GET, { owner: 'hider', model: 'none' }],
    ] as const) {
      const one = await site.call(handler, '', params)
      const other = await site.call(handler, '', missing)
      expect(one.status).toBe(404)
      expect(await one.text()).toBe(await other.text())
      expect([...one.headers]).toEqual([...other.headers])
    }
    expect((await site.call(ownerFeed.GET, '', { owner: 'hider' })).status).toBe(404)
    const as = await site.tokenOf(await site.seed.person('hider'))
    site.permissions.set('hider/hidden hider', 'admin')
    const seen = await site.call(modelFeed.GET, '', params, { as })
    expect(seen.status).toBe(200)
    expect(seen.headers.get('cache-control')).toBe('private, no-store')
    expect(await (await site.call(siteFeed.GET, '')).text()).not.toContain('hider/hidden')
    expect(await (await site.call(sitemap.GET, '')).text()).not.toContain('hider/hidden')
  })
})

it('cites a version by its number and pinned address', async () => {
  await published('cited')
  const text = await (await site.call(cite.GET, '', { owner: 'alice', model: 'cited' })).text()
  expect(text).toContain('version = {1}')
  expect(text).toContain(`url = {${siteUrl}/alice/cited@1}`)
  expect((await site.call(cite.GET, '', { owner: 'alice', model: 'cited@7' })).status).toBe(404)
})

it('maps public pages only, and says where the map is', async () => {
  await published('mapped')
  const unlisted = await published('unlisted')
  await updateModelSettings(site.db, unlisted.id, { visibility: 'unlisted' }, person('alice'))
  const text = await (await site.call(sitemap.GET, '')).text()
  expect(text).toContain(`<loc>${siteUrl}/alice/mapped</loc>`)
  expect(text).not.toContain('unlisted')
  expect((await site.call(sitemap.GET, '?part=2')).status).toBe(404)
  expect((await site.call(sitemap.GET, '?part=x')).status).toBe(404)
  expect(await (await site.call(robots.GET, '')).text()).toContain(`Sitemap: ${siteUrl}/sitemap.xml`)
})
