import { randomUUID } from 'node:crypto'
import { appendLines, failBuild } from '@modelport/db/queries/builds'
import { closeDelivery, type Delivery, nextDelivery } from '@modelport/db/queries/deliveries'
import { person } from '@modelport/db/queries/model-changes'
import { type Model, syncModel, updateModelSettings } from '@modelport/db/queries/models'
import { openSession, type User } from '@modelport/db/queries/people'
import * as schema from '@modelport/schema/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { openTestSite, siteUrl, type TestSite } from '#src/api/test-site.ts'
import * as redelivery from '#src/app/api/v1/deliveries/[id]/redeliver/route.ts'
import * as delivery from '#src/app/api/v1/deliveries/[id]/route.ts'
import * as deliveries from '#src/app/api/v1/deliveries/route.ts'
import * as changesRoute from '#src/app/api/v1/models/[owner]/[model]/changes/route.ts'
import * as defaultVersion from '#src/app/api/v1/models/[owner]/[model]/default-version/route.ts'
import * as model from '#src/app/api/v1/models/[owner]/[model]/route.ts'
import * as log from '#src/app/api/v1/models/[owner]/[model]/versions/[n]/builds/[target]/log/route.ts'
import * as cancel from '#src/app/api/v1/models/[owner]/[model]/versions/[n]/cancel/route.ts'
import * as rebuild from '#src/app/api/v1/models/[owner]/[model]/versions/[n]/rebuild/route.ts'
import * as version from '#src/app/api/v1/models/[owner]/[model]/versions/[n]/route.ts'
import * as versions from '#src/app/api/v1/models/[owner]/[model]/versions/route.ts'
import * as models from '#src/app/api/v1/models/route.ts'
import * as token from '#src/app/api/v1/tokens/[id]/route.ts'
import * as tokens from '#src/app/api/v1/tokens/route.ts'

let site: TestSite
let alice: User
let as: string

beforeAll(async () => {
  site = await openTestSite()
  alice = await site.seed.person('alice')
  as = await site.tokenOf(alice)
})
afterAll(() => site.close())

/** The answer's body, which must be what the OpenAPI document promises. */
async function bodyOf<T extends z.ZodType>(answer: Response, shape: T, status = 200): Promise<z.infer<T>> {
  const text = await answer.text()
  expect(answer.status, text).toBe(status)
  return shape.parse(JSON.parse(text))
}

const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), nextCursor: z.string().nullable() })

async function published(options: Parameters<TestSite['seed']['model']>[0] = {}) {
  const made = await site.seed.model(options)
  const params = { owner: 'alice', model: made.model.slug }
  await site.seed.publishedVersion(made.model)
  site.permissions.set(`alice/${made.model.name} alice`, 'admin')
  return { ...made, params, path: `/models/alice/${made.model.slug}` }
}

describe('models', () => {
  it('lists public models page by page, each once, and finds them by text', async () => {
    for (let i = 0; i < 5; i++) await published({ name: `paged-${i}`, summary: 'a needle in the hay' })
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const answer = await site.call(models.GET, `/models?q=needle&limit=2${cursor ? `&cursor=${cursor}` : ''}`)
      const page = await bodyOf(answer, listOf(schema.ListedModel))
      seen.push(...page.items.map((item) => item.name))
      cursor = page.nextCursor
    }
    expect(seen.sort()).toEqual(['paged-0', 'paged-1', 'paged-2', 'paged-3', 'paged-4'])
  })

  it('answers private and missing with the same bytes, to anonymous and to strangers', async () => {
    const { params, path } = await published({ private: true })
    const stranger = await site.tokenOf(await site.seed.person('mallory'))
    for (const who of [undefined, stranger]) {
      const hidden = await site.call(model.GET, path, params, { as: who })
      const missing = await site.call(model.GET, '/models/alice/none', { owner: 'alice', model: 'none' }, { as: who })
      expect(hidden.status).toBe(404)
      expect(await hidden.text()).toBe(await missing.text())
      expect([...hidden.headers]).toEqual([...missing.headers])
      const other = { ...params, n: '1', target: 'cpu' }
      for (const [handler, method] of [
        [model.PATCH, 'PATCH'],
        [model.DELETE, 'DELETE'],
        [changesRoute.GET, 'GET'],
        [versions.GET, 'GET'],
        [version.GET, 'GET'],
        [version.PATCH, 'PATCH'],
        [rebuild.POST, 'POST'],
        [cancel.POST, 'POST'],
        [log.GET, 'GET'],
        [defaultVersion.GET, 'GET'],
        [defaultVersion.PUT, 'PUT'],
      ] as const)
        expect((await site.call(handler as typeof log.GET, path, other, { as: who, method })).status, method).toBe(404)
    }
    expect((await bodyOf(await site.call(model.GET, path, params, { as }), schema.Model)).visibility).toBe('private')
  })

  it('lists no private and no unlisted model, and shows the unlisted one to whoever has its address', async () => {
    const hidden = await published({ private: true })
    const unlisted = await published()
    await updateModelSettings(site.db, unlisted.model.id, { visibility: 'unlisted' }, person('alice'))
    const page = await bodyOf(await site.call(models.GET, '/models?limit=100', {}, { as }), listOf(schema.ListedModel))
    const names = page.items.map((item) => item.name)
    expect(names).not.toContain(hidden.model.slug)
    expect(names).not.toContain(unlisted.model.slug)
    expect((await site.call(model.GET, unlisted.path, unlisted.params)).status).toBe(200)
  })

  it('changes settings for publishers, and refuses unknown keys and a public model of a private repository', async () => {
    const { params, path } = await published({ private: true })
    const patch = (body: unknown) => site.call(model.PATCH, path, params, { as, body, method: 'PATCH' })
    expect((await bodyOf(await patch({ summary: 'New words' }), schema.Model)).summary).toBe('New words')
    expect((await patch({ sumary: 'typo' })).status).toBe(400)
    expect((await patch({ visibility: 'unlisted' })).status).toBe(409)
    expect((await patch({ branch: '' })).status).toBe(400)
  })

  it('deletes for owners only', async () => {
    const { params, path } = await published()
    const bob = await site.seed.person('bob')
    site.permissions.set(`alice/${params.model} bob`, 'write')
    expect(
      (await site.call(model.DELETE, path, params, { as: await site.tokenOf(bob), method: 'DELETE' })).status,
    ).toBe(403)
    expect((await site.call(model.DELETE, path, params, { as, method: 'DELETE' })).status).toBe(204)
    expect((await site.call(model.GET, path, params, { as })).status).toBe(404)
  })
})

describe('settings', () => {
  async function mine(options: Parameters<typeof published>[0] = {}) {
    const made = await published(options)
    return {
      ...made,
      patch: (body: unknown, who = as) =>
        site.call(model.PATCH, made.path, made.params, { as: who, body, method: 'PATCH' }),
      now: async () => bodyOf(await site.call(model.GET, made.path, made.params, { as }), schema.Model),
      changes: async (query = '') =>
        bodyOf(
          await site.call(changesRoute.GET, `${made.path}/changes${query}`, made.params, { as }),
          listOf(schema.Change),
        ),
    }
  }

  it('take the licence, the overview and the performance notes, say where each is from, and give them back', async () => {
    const { patch, now } = await mine()
    expect((await now()).sources).toMatchObject({ license: 'LICENSE', overview: 'README' })
    const performance = [{ hardware: 'A100', time: '1.2 s', memory: '3 GB', version: 1 }]
    const license = { name: 'Sketch licence', url: 'https://example.org/licence' }
    const said = await bodyOf(await patch({ license, performance, overview: '# Mine' }), schema.Model)
    expect(said).toMatchObject({ license: null, performance })
    expect(said.sources).toMatchObject({ license: 'edited', performance: 'edited', overview: 'edited' })
    expect((await bodyOf(await patch({ license: { spdx: 'apache-2.0' } }), schema.Model)).license).toBe('Apache-2.0')
    const back = await bodyOf(await patch({ license: null, performance: null, overview: null }), schema.Model)
    expect(back).toMatchObject({ license: 'MIT', performance: [] })
    expect(back.sources).toMatchObject({ license: 'LICENSE', overview: 'README' })
  })

  it('refuse what they do not hold, in every shape, and change nothing then', async () => {
    const { patch, now, changes } = await mine()
    const before = [await now(), await changes()]
    const owned = [
      'ownerId',
      'publisherId',
      'publishedAt',
      'id',
      'repositoryPrivate',
      'deletedAt',
      'defaultVersionId',
      'state',
    ]
    const bodies: unknown[] = [
      ...owned.map((key) => ({ title: 'x', [key]: 'x' })),
      { visibility: ['private'] },
      { visibility: 'everyone' },
      { title: ['x'] },
      { title: { toString: 'x' } },
      { branch: ['main'] },
      { branch: 'a b' },
      { branch: 'rel*' },
      { branchRules: 'v*' },
      { tagRules: ['a..b'] },
      { tagRules: Array(21).fill('v*') },
      { license: { spdx: 'MIT', name: 'both' } },
      { license: { spdx: 'MIT\n' } },
      { license: { name: 'x', url: 'javascript:alert(1)' } },
      { performance: [{ hardware: '', time: 'x' }] },
      { overview: 'x'.repeat(66_000) },
      { overview: 'a\u0000b' },
      { links: [{ title: 'x', url: 'javascript:alert(1)' }] },
      { archived: 'yes' },
      { name: '..' },
      { name: 'a/b' },
      { name: 'a@1' },
      [],
      'title',
      null,
    ]
    for (const body of bodies) expect((await patch(body)).status, JSON.stringify(body).slice(0, 80)).toBe(400)
    // A key that JSON has and an object literal has not.
    const raw = await model.PATCH(
      new Request(siteUrl, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
        body: '{"title":"x","__proto__":{"visibility":"private"}}',
      }),
      { params: Promise.resolve((await mine()).params) },
    )
    expect(raw.status).toBe(400)
    expect([await now(), await changes()]).toEqual(before)
  })

  it('make one change or none: what is refused takes the rest of its request with it', async () => {
    const { patch, now } = await mine()
    const other = await mine()
    expect((await patch({ title: 'New title', name: other.params.model })).status).toBe(409)
    expect((await now()).title).toBeNull()
  })

  it('rename for owners: every old address of the API leads to the new one, with path and query', async () => {
    const { patch, params, path } = await mine({ name: 'Old-Name' })
    const bob = await site.seed.person('bob-writes')
    site.permissions.set('alice/Old-Name bob-writes', 'write')
    expect((await patch({ name: 'mine' }, await site.tokenOf(bob))).status).toBe(403)
    expect((await bodyOf(await patch({ name: 'New.Name' }), schema.Model)).name).toBe('new.name')
    for (const [handler, rest, method, more] of [
      [model.GET, '', 'GET', {}],
      [model.PATCH, '', 'PATCH', {}],
      [versions.GET, '/versions?limit=2', 'GET', {}],
      [log.GET, '/versions/1/builds/cpu/log?follow=1', 'GET', { n: '1', target: 'cpu' }],
      [rebuild.POST, '/versions/1/rebuild', 'POST', { n: '1' }],
    ] as const) {
      const answer = await site.call(handler as typeof log.GET, path + rest, { ...params, ...more }, { as, method })
      expect([answer.status, answer.headers.get('location')]).toEqual([308, `/api/v1/models/alice/new.name${rest}`])
    }
  })

  it('redirect nobody to what they may not see', async () => {
    const { patch, params, path } = await mine({ private: true })
    await patch({ name: `secret-${params.model}` })
    const hidden = await site.call(model.GET, path, params)
    const missing = await site.call(model.GET, '/models/alice/none', { owner: 'alice', model: 'none' })
    expect([hidden.status, await hidden.text()]).toEqual([404, await missing.text()])
  })

  it('archive: nothing is built and nothing edited until it is taken back', async () => {
    const { patch, params, path } = await mine()
    expect(await bodyOf(await patch({ archived: true }), schema.Model)).toMatchObject({
      status: 'archived',
      reason: 'Archived by alice.',
    })
    expect((await site.call(rebuild.POST, path, { ...params, n: '1' }, { as, body: {} })).status).toBe(409)
    expect((await patch({ title: 'x' })).status).toBe(409)
    expect((await patch({ visibility: 'unlisted' })).status).toBe(200)
    expect((await bodyOf(await patch({ archived: false }), schema.Model)).status).toBe('active')
  })

  it('keep a record for publishers: who, what, from, to, page by page', async () => {
    const { patch, changes, path, params } = await mine()
    await patch({ tagRules: ['v*'], branchRules: [] })
    await patch({ visibility: 'private' })
    await patch({ visibility: 'public' })
    const seen = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page = await changes(`?limit=2${cursor ? `&cursor=${cursor}` : ''}`)
      seen.push(...page.items)
      cursor = page.nextCursor
    }
    expect(seen.map(({ by, login, what, from, to }) => [by, login, what, from, to])).toEqual([
      ['person', 'alice', 'visibility', 'private', 'public'],
      ['person', 'alice', 'visibility', 'public', 'private'],
      ['person', 'alice', 'tag-rules', [], ['v*']],
      ['policy', null, 'default-version', { version: null, policy: 'latest' }, { version: 1, policy: 'latest' }],
      ['repository', null, 'created', null, expect.stringContaining('alice/')],
    ])
    expect((await changes('?what=visibility')).items).toHaveLength(2)
    for (const who of [undefined, await site.tokenOf(await site.seed.person('mallory-5'))])
      expect((await site.call(changesRoute.GET, path, params, { as: who })).status).toBe(404)
    expect((await site.call(changesRoute.GET, `${path}?what=nonsense`, params, { as })).status).toBe(400)
  })
})

describe('who is asking', () => {
  it('refuses tokens that are unknown, and never falls back to anonymous', async () => {
    const { params, path } = await published()
    for (const bad of ['mp_unknownunknownunknownunknown', 'nonsense'])
      expect((await site.call(model.GET, path, params, { as: bad })).status).toBe(401)
  })

  it('gives a token its scopes and no more', async () => {
    const { params, path } = await published()
    const reader = await site.tokenOf(alice, ['read'])
    const number = { ...params, n: '1' }
    expect((await site.call(version.GET, path, number, { as: reader })).status).toBe(200)
    expect((await site.call(rebuild.POST, path, number, { as: reader, body: {} })).status).toBe(403)
    expect((await site.call(tokens.POST, '/tokens', {}, { as: reader, body: { name: 'wider' } })).status).toBe(403)
  })

  it('accepts changes with a browser session from pages of the site only', async () => {
    const { params, path } = await published()
    const secret = await openSession(site.db, alice.id, { sealed: '', accessExpiresAt: null })
    const put = (headers: Record<string, string>) =>
      site.call(defaultVersion.PUT, path, params, {
        method: 'PUT',
        body: { policy: 'latest' },
        headers: { cookie: `theme=dark; modelport=${secret}`, ...headers },
      })
    expect((await put({ origin: siteUrl })).status).toBe(200)
    expect((await put({})).status).toBe(403)
    for (const origin of ['null', 'http://evil.test', `${siteUrl}.evil.test`])
      expect((await put({ origin })).status).toBe(403)
  })

  it('asks GitHub once in five minutes for one person and model', async () => {
    const { params, path } = await published()
    const before = site.asked()
    for (let i = 0; i < 3; i++) await site.call(versions.GET, path, params, { as })
    expect(site.asked() - before).toBe(1)
  })

  it('hides what would break a query instead of failing', async () => {
    for (const name of ['a\u0000b', '..', 'x'.repeat(300), "'; drop table models; --"])
      expect((await site.call(model.GET, '/x', { owner: 'alice', model: name })).status).toBe(404)
    expect((await site.call(models.GET, '/models?q=%00')).status).toBe(400)
    expect((await site.call(models.GET, '/models?limit=0')).status).toBe(400)
    expect((await site.call(models.GET, '/models?cursor=nonsense')).status).toBe(200)
  })
})

describe('versions', () => {
  it('gives a version with its manifest, builds, sizes and pinned images', async () => {
    const { params, path, model: made } = await published()
    const shown = await bodyOf(await site.call(version.GET, path, { ...params, n: '1' }), schema.Version)
    expect(shown).toMatchObject({
      number: 1,
      status: 'ready',
      default: true,
      manifest: { commands: [{ name: 'generate' }] },
    })
    expect(shown.builds.map((b) => b.target)).toEqual(['cpu', 'gpu'])
    for (const build of shown.builds) {
      expect(build).toMatchObject({ status: 'ready', repository: `models/${made.id}`, failure: null, lines: null })
      expect(build.image).toBe(`images.test:3050/models/${made.id}@${build.digest}`)
      expect(build.size).toBeGreaterThan(1e9)
    }
  })

  it('shows failed versions to publishers only', async () => {
    const { params, path, model: made } = await published()
    await site.seed.failedBuild(made, { step: 'build:2' })
    const numbers = async (who?: string) =>
      (await bodyOf(await site.call(versions.GET, path, params, { as: who }), listOf(schema.VersionSummary))).items.map(
        (v) => v.number,
      )
    expect(await numbers()).toEqual([1])
    expect(await numbers(as)).toEqual([2, 1])
    const failed = { ...params, n: '2' }
    expect((await site.call(version.GET, path, failed)).status).toBe(404)
    const shown = await bodyOf(await site.call(version.GET, path, failed, { as }), schema.Version)
    expect(shown.builds[0]?.failure).toMatchObject({ code: 'build/step-failed', fault: 'publisher', step: 'build:2' })
    expect(shown.builds[0]?.steps?.at(-1)).toMatchObject({ name: 'build:2', status: 'failed', exitCode: 1 })
  })

  it('rebuilds: a failed version in place, a ready one under a new number; and cancels what waits', async () => {
    const { params, path, model: made } = await published()
    await site.seed.failedBuild(made, { step: 'build:2' })
    const again = (n: string, body: unknown) => site.call(rebuild.POST, path, { ...params, n }, { as, body })
    expect(await bodyOf(await again('2', { target: 'gpu', cache: false }), schema.RebuildAnswer, 202)).toEqual({
      kind: 'attempt',
      version: 2,
      targets: ['gpu'],
    })
    expect((await again('2', { target: 'gpu' })).status).toBe(409)
    expect(await bodyOf(await again('1', {}), schema.RebuildAnswer, 202)).toMatchObject({ kind: 'version', version: 3 })
    const stopped = await site.call(cancel.POST, path, { ...params, n: '3' }, { as, method: 'POST' })
    expect(await bodyOf(stopped, schema.CancelAnswer, 202)).toEqual({ builds: 2 })
    const shown = await bodyOf(await site.call(version.GET, path, { ...params, n: '3' }, { as }), schema.Version)
    expect(shown).toMatchObject({ status: 'cancelled', rebuildOf: 1 })
  })

  it('pins, unpins and yanks', async () => {
    const { params, path, model: made } = await published()
    await site.seed.publishedVersion(made)
    await site.seed.failedBuild(made, { step: 'inspect' })
    const put = (body: unknown) => site.call(defaultVersion.PUT, path, params, { as, body, method: 'PUT' })
    const now = async () => bodyOf(await site.call(defaultVersion.GET, path, params), schema.DefaultVersion)
    expect(await now()).toEqual({ policy: 'latest', version: 2 })
    expect(await bodyOf(await put({ policy: 'pinned', version: 1 }), schema.DefaultVersion)).toEqual({
      policy: 'pinned',
      version: 1,
    })
    await site.seed.publishedVersion(made)
    expect(await now()).toEqual({ policy: 'pinned', version: 1 })
    expect((await put({ policy: 'pinned', version: 3 })).status).toBe(409)
    expect((await put({ policy: 'pinned', version: 99 })).status).toBe(409)
    expect((await put({ policy: 'pinned' })).status).toBe(400)
    expect((await put({ policy: 'newest' })).status).toBe(400)
    await put({ policy: 'latest' })
    expect(await now()).toEqual({ policy: 'latest', version: 4 })
    const yank = (n: string, body: unknown) =>
      site.call(version.PATCH, path, { ...params, n }, { as, body, method: 'PATCH' })
    expect((await yank('4', { yanked: true })).status).toBe(400)
    const yanked = await bodyOf(await yank('4', { yanked: true, reason: 'wrong weights' }), schema.Version)
    expect(yanked.yanked).toMatchObject({ by: 'alice', reason: 'wrong weights' })
    expect(await now()).toEqual({ policy: 'latest', version: 2 })
    await put({ policy: 'pinned', version: 1 })
    expect((await yank('1', { yanked: true, reason: 'pinned yet' })).status).toBe(409)
  })
})

describe('logs', () => {
  it('gives the whole log as a file to publishers, and to viewers when it was opened', async () => {
    const { params, path, model: made } = await published()
    const at = { ...params, n: '1', target: 'cpu' }
    expect((await site.call(log.GET, path, at)).status).toBe(404)
    const answer = await site.call(log.GET, path, at, { as })
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment/)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    const text = await answer.text()
    expect(text).toMatch(/^Fetching [0-9a-f]{40}\n/)
    await updateModelSettings(site.db, made.id, { viewersSeeLogs: true }, person('alice'))
    expect(await (await site.call(log.GET, path, at)).text()).toBe(text)
    const lines = await site.call(log.GET, `${path}?format=jsonl`, at)
    expect(lines.headers.get('content-disposition')).toMatch(/\.log\.jsonl"$/)
    const parsed = (await lines.text())
      .trimEnd()
      .split('\n')
      .map((line) => schema.LogLine.parse(JSON.parse(line)))
    expect(parsed.map((line) => `${line.text}\n`).join('')).toBe(text)
    const step = await (await site.call(log.GET, `${path}?step=build:1`, at)).text()
    const ofStep = parsed.filter((line) => line.step === 'build:1')
    expect(ofStep.length).toBeGreaterThan(0)
    expect(ofStep.length).toBeLessThan(parsed.length)
    expect(step).toBe(ofStep.map((line) => `${line.text}\n`).join(''))
    const found = await bodyOf(
      await site.call(log.GET, `${path}?find=PACKAGE-3`, at),
      listOf(schema.LogLine.pick({ number: true })),
    )
    expect(found.items).toHaveLength(1)
  })

  it('follows a running build without a gap or a repeat, resumes where it broke off, and ends with it', async () => {
    const { params, path, model: made } = await published()
    const { lease } = await site.seed.runningBuild(made, { lines: 2500 })
    const at = { ...params, n: '2', target: 'cpu' }
    const follow = (headers: Record<string, string> = {}) => site.call(log.GET, `${path}?follow=1`, at, { as, headers })
    const reading = readEvents(await follow())
    await reading.until((e) => e.ids.length >= 2505)
    const printed = Date.now()
    await appendLines(site.db, lease, [
      { step: 'build:2', stream: 'stdout', text: 'late\rlater', printedAt: new Date() },
    ])
    await reading.until((e) => e.data.includes('later'))
    expect(Date.now() - printed).toBeLessThan(1000)
    const resumed = readEvents(await follow({ 'last-event-id': '2500' }))
    await resumed.until((e) => e.ids.length >= 6)
    await failBuild(site.db, lease, 'cancelled', null)
    const all = await reading.end()
    expect(all.ids).toEqual(Array.from({ length: all.ids.length }, (_, i) => i + 1))
    expect(all.ended).toMatchObject({ status: 'cancelled', lines: all.ids.length })
    const rest = await resumed.end()
    expect(rest.ids).toEqual(all.ids.slice(2500))
    expect(rest.data).toEqual(all.data.slice(2500))
  })
})

describe('deliveries and import', () => {
  it('says to publishers what happened to each push, and opens one again', async () => {
    const { model: made } = await published()
    const id = await site.seed.delivery(made, { decision: 'nothing', reason: 'The push was to another branch.' })
    const query = `/deliveries?repository=alice/${made.slug}`
    expect((await site.call(deliveries.GET, query)).status).toBe(404)
    const page = await bodyOf(await site.call(deliveries.GET, query, {}, { as }), listOf(schema.Delivery))
    expect(page.items).toMatchObject([
      { id, status: 'done', decision: 'nothing', reason: 'The push was to another branch.' },
    ])
    const mallory = await site.tokenOf(await site.seed.person('mallory-2'))
    expect((await site.call(delivery.GET, '/', { id }, { as: mallory })).status).toBe(404)
    expect((await site.call(redelivery.POST, '/', { id }, { as: mallory, method: 'POST' })).status).toBe(404)
    const open = await site.call(redelivery.POST, '/', { id }, { as, method: 'POST' })
    expect((await bodyOf(open, schema.Delivery, 202)).status).toBe('received')
    expect((await site.call(delivery.GET, '/', { id: randomUUID() }, { as })).status).toBe(404)
    expect((await site.call(delivery.GET, '/', { id: 'nonsense' }, { as })).status).toBe(404)
    await settle(async () => ({}))
  })

  it('imports through the inbox: 201 the first time, 200 after', async () => {
    const publisher = await site.seed.publisher('alice')
    site.repositories.set('alice/fresh', { id: 99_001, fullName: 'alice/fresh', installationId: 5 })
    site.permissions.set('alice/fresh alice', 'write')
    const receive = async () => {
      const made: { model?: Model } = {}
      await settle(async (row, tx) => {
        expect(row).toMatchObject({
          event: 'import',
          repositoryId: 99_001,
          payload: { repository: 'alice/fresh', installationId: 5, requestedBy: 'alice' },
        })
        const repository = { id: 99_001, name: 'fresh', private: false, default_branch: 'main' }
        made.model = (await syncModel(tx, { repository, publisher, installationId: null })).model
        return { modelId: made.model.id }
      })
    }
    const post = () => site.call(models.POST, '/models', {}, { as, body: { repository: 'alice/fresh' } })
    const [first] = await Promise.all([post(), receive()])
    const made = await bodyOf(first!, schema.Model, 201)
    expect(made).toMatchObject({ owner: 'alice', name: 'fresh' })
    expect(first!.headers.get('location')).toBe('/api/v1/models/alice/fresh')
    const [second] = await Promise.all([post(), receive()])
    expect((await bodyOf(second!, schema.Model)).id).toBe(made.id)
  })

  it('tells nobody whether a repository exists that they may not write to', async () => {
    site.repositories.set('alice/hers', { id: 99_002, fullName: 'alice/hers', installationId: 5 })
    const mallory = await site.tokenOf(await site.seed.person('mallory-3'))
    const post = (repository: string, who?: string) =>
      site.call(models.POST, '/models', {}, { as: who, body: { repository } })
    const hers = await post('alice/hers', mallory)
    const none = await post('alice/none', mallory)
    expect(hers.status).toBe(400)
    expect((await hers.text()).replaceAll('hers', 'none')).toBe(await none.text())
    expect((await post('alice/hers')).status).toBe(401)
    for (const bad of ['alice', 'alice/../x', 'a b/c', '']) expect((await post(bad, as)).status).toBe(400)
  })

  /** Does what the receiver does with the next delivery. */
  async function settle(
    work: (
      row: Delivery,
      tx: Parameters<Parameters<TestSite['db']['transaction']>[0]>[0],
    ) => Promise<{ modelId?: string }>,
  ) {
    for (let i = 0; i < 100; i++) {
      const done = await site.db.transaction(async (tx) => {
        const row = await nextDelivery(tx)
        if (!row) return false
        await closeDelivery(tx, row.id, { decision: 'synced', reason: 'Imported.', ...(await work(row, tx)) })
        return true
      })
      if (done) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('no delivery came')
  }
})

describe('tokens', () => {
  it('shows a secret once, lists without it, and revokes at once', async () => {
    const made = await bodyOf(
      await site.call(tokens.POST, '/tokens', {}, { as, body: { name: 'job', scopes: ['read'], expiresInDays: 7 } }),
      schema.NewToken,
      201,
    )
    expect(made.token).toMatch(/^mp_/)
    const listed = await (await site.call(tokens.GET, '/tokens', {}, { as })).text()
    expect(listed).toContain(made.id)
    expect(listed).not.toContain(made.token)
    const { params, path } = await published()
    expect((await site.call(model.GET, path, params, { as: made.token })).status).toBe(200)
    const mallory = await site.tokenOf(await site.seed.person('mallory-4'))
    expect((await site.call(token.DELETE, '/', { id: made.id }, { as: mallory, method: 'DELETE' })).status).toBe(404)
    expect((await site.call(token.DELETE, '/', { id: made.id }, { as, method: 'DELETE' })).status).toBe(204)
    expect((await site.call(model.GET, path, params, { as: made.token })).status).toBe(401)
    expect((await site.call(tokens.GET, '/tokens')).status).toBe(401)
  })
})

function readEvents(answer: Response) {
  expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const seen = { ids: [] as number[], data: [] as string[], ended: null as null | { status: string; lines: number } }
  const done = (async () => {
    let rest = ''
    for await (const bytes of answer.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + bytes).split('\n\n')
      rest = blocks.pop()!
      for (const block of blocks) {
        const id = /^id: (\d+)$/m.exec(block)?.[1]
        const data = /^data: ?(.*)$/m.exec(block)?.[1] ?? ''
        if (block.startsWith('event: end')) seen.ended = JSON.parse(data)
        else if (id) {
          seen.ids.push(Number(id))
          seen.data.push(data)
        }
      }
    }
  })()
  return {
    async until(condition: (events: typeof seen) => boolean) {
      for (let i = 0; i < 500 && !condition(seen); i++) await new Promise((resolve) => setTimeout(resolve, 10))
      expect(condition(seen)).toBe(true)
    },
    async end() {
      await done
      return seen
    },
  }
}
