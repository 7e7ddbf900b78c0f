import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openTestSite, siteUrl, type TestSite } from '#src/api/test-site.ts'
import { actorOfRequest } from '#src/auth/actor.ts'
import { beginSignIn, finishSignIn, signOut } from '#src/auth/sign-in.ts'

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
})
afterAll(() => site.close())

const get = (path: string, cookie = '') => new Request(`${siteUrl}${path}`, { headers: { cookie } })
const cookiesOf = (answer: Response) => answer.headers.getSetCookie().map((c) => c.split(';')[0]!)

function begin(next = '/') {
  const answer = beginSignIn(get(`/login?next=${encodeURIComponent(next)}`))
  const state = new URL(answer.headers.get('location')!).searchParams.get('state')!
  return { cookie: cookiesOf(answer)[0]!, state, answer }
}
const back = (state: string, cookie: string, code = 'carol') =>
  finishSignIn(get(`/login/callback?code=${code}&state=${state}`, cookie))

it('goes to GitHub with a state and a PKCE challenge, and comes back to the page it left', async () => {
  const { cookie, state, answer } = begin('/new?x=1')
  const there = new URL(answer.headers.get('location')!)
  expect(there.origin + there.pathname).toBe('http://github.test/login/oauth/authorize')
  expect(Object.fromEntries(there.searchParams)).toMatchObject({
    client_id: 'client',
    code_challenge_method: 'S256',
    redirect_uri: `${siteUrl}/login/callback`,
  })
  const done = await back(state, cookie)
  expect(done.headers.get('location')).toBe(`${siteUrl}/new?x=1`)
  const session = done.headers.getSetCookie().find((c) => c.startsWith('modelport='))
  expect(session).toMatch(/; HttpOnly; SameSite=Lax$/)
  expect((await actorOfRequest(get('/', session!.split(';')[0])))?.user).toMatchObject({
    login: 'carol',
    githubId: 4711,
  })
})

it('refuses a state of another browser, a missing one, and one that is not sealed by us', async () => {
  const mine = begin()
  const theirs = begin()
  for (const [state, cookie] of [
    [theirs.state, mine.cookie],
    [mine.state, theirs.cookie],
    [mine.state, ''],
    ['', mine.cookie],
    [mine.state, 'modelport-login=forged'],
  ] as const) {
    const answer = await back(state, cookie)
    expect(answer.status).toBe(400)
    expect(cookiesOf(answer)).toEqual(['modelport-login='])
  }
})

it('keeps tokens sealed at rest, and returns to this site only', async () => {
  const { cookie, state } = begin('//evil.test')
  expect((await back(state, cookie)).headers.get('location')).toBe(`${siteUrl}/`)
  const rows = await site.db.query.sessions.findMany()
  expect(JSON.stringify(rows)).not.toContain('access-carol')
})

it('knows a person by GitHub’s number: a renamed account stays itself', async () => {
  const { cookie, state } = begin()
  await back(state, cookie, 'carol-renamed')
  const rows = await site.db.query.users.findMany({ where: (t) => eq(t.githubId, 4711) })
  expect(rows.map((row) => row.login)).toEqual(['carol-renamed'])
})

it('makes a new session at each sign-in, ends the old one, and ends it all on signing out from the site', async () => {
  const sign = async (cookie: string) => {
    const attempt = begin()
    return cookiesOf(await back(attempt.state, `${attempt.cookie}; ${cookie}`)).find((c) => c.startsWith('modelport='))!
  }
  const first = await sign('modelport=chosen-by-an-attacker')
  expect(first).not.toContain('chosen-by-an-attacker')
  const second = await sign(first)
  expect(second).not.toBe(first)
  expect((await actorOfRequest(get('/', first)))?.user).toBeNull()
  const leave = (origin: string) =>
    signOut(new Request(`${siteUrl}/logout`, { method: 'POST', headers: { cookie: second, origin } }))
  expect((await leave('http://evil.test')).status).toBe(403)
  expect((await actorOfRequest(get('/', second)))?.user).not.toBeNull()
  expect((await leave(siteUrl)).status).toBe(303)
  expect((await actorOfRequest(get('/', second)))?.user).toBeNull()
})
