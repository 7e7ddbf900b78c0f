import {
  closeSessionsOf,
  forgetPermissions,
  openSession,
  recordPermission,
  syncUser,
} from '@modelport/db/queries/people'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestSite, siteUrl, type TestSite } from '#src/api/test-site.ts'
import * as changes from '#src/app/api/v1/models/[owner]/[model]/changes/route.ts'
import * as model from '#src/app/api/v1/models/[owner]/[model]/route.ts'
import * as version from '#src/app/api/v1/models/[owner]/[model]/versions/[n]/route.ts'
import { actorOfRequest } from '#src/auth/actor.ts'
import { cookie, sessionCookie, signInCookie } from '#src/auth/cookies.ts'
import { finishSignIn } from '#src/auth/sign-in.ts'
import { context } from '#src/context.ts'

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
})
afterAll(() => site.close())

describe('a session', () => {
  const sessionOf = async (login: string) => {
    const user = await site.seed.person(login)
    const secret = await openSession(site.db, user.id, { sealed: '', accessExpiresAt: null })
    const whose = async () =>
      (await actorOfRequest(new Request(siteUrl, { headers: { cookie: `modelport=${secret}` } })))?.user?.login ?? null
    return { user, whose }
  }

  it('ends after seven days without use, and after thirty days whatever its use', async () => {
    for (const [column, age] of [
      ['last_used_at', "now() - interval '7 days 1 second'"],
      ['expires_at', "now() - interval '1 second'"],
    ] as const) {
      const { user, whose } = await sessionOf(`idle-${column}`)
      expect(await whose()).toBe(user.login)
      await site.db.execute(sql.raw(`update sessions set ${column} = ${age} where user_id = '${user.id}'`))
      expect(await whose(), column).toBeNull()
    }
    const { user } = await sessionOf('fresh')
    const [row] = await site.db.execute<{ days: string }>(
      sql`select extract(day from expires_at - created_at)::text as days from sessions where user_id = ${user.id}`,
    )
    expect(Number(row!.days)).toBeLessThanOrEqual(30)
  })

  it('ends at once, on every device, when GitHub says that its person took back the authorization', async () => {
    const here = await sessionOf('leaver')
    const other = await sessionOf('stays')
    await closeSessionsOf(site.db, here.user.githubId)
    expect([await here.whose(), await other.whose()]).toEqual([null, 'stays'])
  })

  it('is kept over https under a name that no other host can set', () => {
    const secure = { ...context().config, secureCookies: true }
    for (const name of [sessionCookie(secure), signInCookie(secure)]) {
      expect(name).toMatch(/^__Host-/)
      expect(cookie(secure, name, 'x', 60).split('; ')).toEqual([
        `${name}=x`,
        'Path=/',
        'Max-Age=60',
        'HttpOnly',
        'SameSite=Lax',
        'Secure',
      ])
    }
  })

  it('is not begun by a callback that nobody began, whatever it brings', async () => {
    for (const query of [
      'code=x',
      'code=x&state=',
      'state=x',
      'error=access_denied',
      `code=${'x'.repeat(9000)}&state=y`,
    ])
      expect((await finishSignIn(new Request(`${siteUrl}/login/callback?${query}`))).status).toBe(400)
  })
})

describe('rights', () => {
  async function writer(login: string) {
    const { model: made } = await site.seed.model()
    await site.seed.publishedVersion(made)
    const user = await site.seed.person(login)
    const key = `alice/${made.name} ${login}`
    site.permissions.set(key, 'write')
    const as = await site.tokenOf(user)
    const params = { owner: 'alice', model: made.slug }
    const status = async () =>
      (await site.call(changes.GET, `/models/alice/${made.slug}/changes`, params, { as })).status
    return { made, user, key, status, params, as }
  }

  it('that GitHub took away end with its message at once, and within five minutes without one', async () => {
    const { made, user, key, status } = await writer('walter')
    expect(await status()).toBe(200)
    site.permissions.set(key, 'none')
    // Nobody told us yet.
    expect(await status()).toBe(200)
    await site.db.execute(sql`update model_permissions set checked_at = now() - interval '5 minutes 1 second'
      where user_id = ${user.id}`)
    expect(await status()).toBe(404)
    site.permissions.set(key, 'write')
    await recordPermission(site.db, user.id, made.id, 'write')
    expect(await status()).toBe(200)
    site.permissions.set(key, 'none')
    await forgetPermissions(site.db, made.id)
    expect(await status()).toBe(404)
  })

  it('belong to an account and not to its name: whoever takes the login over gets nothing', async () => {
    const { user, status } = await writer('nomad')
    expect(await status()).toBe(200)
    await syncUser(site.db, { id: user.githubId, login: 'nomad-renamed' })
    const taker = await syncUser(site.db, { id: 990_001, login: 'nomad' })
    expect(taker.id).not.toBe(user.id)
    expect(await site.db.query.modelPermissions.findMany({ where: (t, { eq }) => eq(t.userId, taker.id) })).toEqual([])
  })

  it('on one model open nothing of another, by whatever id', async () => {
    const mine = await writer('mixer')
    const theirs = (await site.seed.model({ private: true })).model
    await site.seed.publishedVersion(theirs)
    const hidden = { owner: 'alice', model: theirs.slug, n: '1' }
    for (const [handler, method, body] of [
      [model.GET, 'GET', undefined],
      [model.PATCH, 'PATCH', { title: 'x' }],
      [version.GET, 'GET', undefined],
      [version.PATCH, 'PATCH', { yanked: true, reason: 'not mine' }],
    ] as const)
      expect(
        (
          await site.call(handler as typeof version.GET, `/models/alice/${mine.made.slug}`, hidden, {
            as: mine.as,
            method,
            body,
          })
        ).status,
        method,
      ).toBe(404)
    expect((await site.call(version.GET, '/', { ...mine.params, n: '2' }, { as: mine.as })).status).toBe(404)
  })
})

describe('a change with a browser session', () => {
  it('is refused in the types that a form of another site can send', async () => {
    const { model: made } = await site.seed.model()
    const alice = await site.seed.person('form-alice')
    site.permissions.set(`alice/${made.name} form-alice`, 'admin')
    const secret = await openSession(site.db, alice.id, { sealed: '', accessExpiresAt: null })
    const send = (type: string, origin: string) =>
      model.PATCH(
        new Request(`${siteUrl}/api/v1/models/alice/${made.slug}`, {
          method: 'PATCH',
          headers: { cookie: `modelport=${secret}`, origin, 'content-type': type },
          body: '{"title":"x"}',
        }),
        { params: Promise.resolve({ owner: 'alice', model: made.slug }) },
      )
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ''])
      expect((await send(type, siteUrl)).status, type).toBe(400)
    // A sibling of the site's host is another origin.
    for (const origin of ['http://other.site.test', 'http://site.test:81', 'https://site.test', 'null'])
      expect((await send('application/json', origin)).status, origin).toBe(403)
    expect((await send('application/json', siteUrl)).status).toBe(200)
  })
})
