import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { html } from './pages/html.ts'
import { git, TestGithub, workTree } from './testing.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let github: TestGithub
beforeAll(async () => {
  github = await TestGithub.start()
})
afterAll(() => github.close())

/** A person at a browser without scripts: keeps the cookie and sends the forms that pages hold. */
class Visitor {
  cookie = ''

  async get(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(github.url + path, { headers: { cookie: this.cookie } })
    this.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? this.cookie
    return { status: response.status, text: await response.text() }
  }

  async send(
    page: string,
    action: string,
    fields: Record<string, string>,
  ): Promise<{ status: number; location: string | null }> {
    const csrf = /name="csrf" value="([^"]+)"/.exec((await this.get(page)).text)?.[1] ?? ''
    const response = await fetch(github.url + action, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: this.cookie },
      body: new URLSearchParams({ csrf, ...fields }),
    })
    this.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? this.cookie
    return { status: response.status, location: response.headers.get('location') }
  }

  static async signedInAs(login: string): Promise<Visitor> {
    const visitor = new Visitor()
    expect((await visitor.send('/login', '/login', { login })).location).toBe(`/${login}`)
    return visitor
  }
}

const NASTY = '<img src=x onerror=alert(1)>"\''

describe('pages', () => {
  it('escape every value', async () => {
    expect(html`<p title="${NASTY}">${NASTY}${[html`<b>`, NASTY]}</p>`.text).not.toContain('<img')
    const dir = await workTree(github, { [NASTY.replace('/', '')]: NASTY, 'README.md': NASTY })
    await git(dir, 'commit', '--quiet', '--amend', `--message=${NASTY}`)
    const sha = await git(dir, 'rev-parse', 'HEAD')
    await git(dir, 'push', '--quiet', github.remote('alice/nasty'), 'HEAD:main')
    await github.call('PATCH', '/repos/alice/nasty', { as: 'alice', body: { description: NASTY } })
    const token = await github.installationToken('alice/nasty')
    const { body: run } = await github.call('POST', '/repos/alice/nasty/check-runs', {
      token,
      body: {
        name: NASTY,
        head_sha: sha,
        conclusion: 'failure',
        output: {
          title: NASTY,
          summary: NASTY,
          text: NASTY,
          annotations: [{ path: NASTY, start_line: 2, end_line: 3, annotation_level: 'failure', message: NASTY }],
        },
      },
    })
    await github.settled()
    const alice = await Visitor.signedInAs('alice')
    const delivery = /\/apps\/modelport\/deliveries\/\d+/.exec((await alice.get('/apps/modelport')).text)![0]
    for (const path of [
      '/',
      '/alice',
      '/alice/nasty',
      '/alice/nasty/settings',
      `/alice/nasty/commit/${sha}`,
      `/alice/nasty/runs/${run.id}`,
      `/alice/nasty/blob/main/${encodeURIComponent(NASTY)}`,
      '/alice/nasty/tree/main',
      delivery,
    ]) {
      const page = await alice.get(path)
      expect(page.status, path).toBe(200)
      expect(page.text, path).not.toContain('<img')
      expect(page.text.match(/<h1/g), path).toHaveLength(1)
    }
    expect((await alice.get(`/alice/nasty/runs/${run.id}`)).text).toMatch(/:2-3<\/code>/)
    const raw = await fetch(`${github.url}/alice/nasty/raw/main/README.md`)
    expect(raw.headers.get('content-type')).toContain('text/plain')
    expect(raw.headers.get('content-security-policy')).toContain('sandbox')
  })

  it('change settings for administrators only, and only by forms of their own', async () => {
    await git(await workTree(github), 'push', '--quiet', github.remote('carla/set'), 'HEAD:main', 'HEAD:dev')
    const mallory = await Visitor.signedInAs('mallory')
    const carla = await Visitor.signedInAs('carla')
    const settings = '/carla/set/settings'
    const change = (fields: Record<string, string>, page = settings) => carla.send(page, page, fields)

    expect((await mallory.get(settings)).status).toBe(403)
    expect((await mallory.send('/login', settings, { action: 'visibility', private: 'yes' })).status).toBe(403)
    expect((await change({ action: 'visibility', private: 'yes', csrf: 'forged' })).status).toBe(403)
    expect((await change({ action: 'visibility', private: 'yes' })).status).toBe(303)
    expect((await mallory.get('/carla/set')).status).toBe(404)
    expect((await change({ action: 'branch', branch: 'dev' })).status).toBe(303)
    expect((await change({ action: 'branch', branch: 'none' })).status).toBe(422)
    expect((await change({ action: 'collaborator', login: 'mallory', level: 'read' })).status).toBe(303)
    expect((await mallory.get('/carla/set')).status).toBe(200)
    expect((await change({ action: 'app', installed: 'no' })).status).toBe(303)
    expect((await change({ action: 'rename', name: 'other' })).location).toBe('/carla/other/settings')
    expect((await change({ action: 'delete', confirm: 'x' }, '/carla/other/settings')).status).toBe(422)
    expect((await change({ action: 'delete', confirm: 'carla/other' }, '/carla/other/settings')).location).toBe('/')
    expect((await carla.get('/carla/other')).status).toBe(404)
  })

  it('re-run a check and send a delivery again at the press of a button', async () => {
    await git(await workTree(github), 'push', '--quiet', github.remote('dora/run'), 'HEAD:main')
    await github.settled()
    const dora = await Visitor.signedInAs('dora')
    const commit = `/dora/run/commit/${(await github.call('GET', '/repos/dora/run/commits/main')).body.sha}`
    const suite = /\/dora\/run\/suites\/\d+\/rerequest/.exec((await dora.get(commit)).text)![0]
    expect((await dora.send(commit, suite, {})).status).toBe(303)
    const stranger = await Visitor.signedInAs('stranger')
    expect((await stranger.send('/login', suite, {})).status).toBe(403)

    await github.settled()
    expect(github.receiver.of('check_suite', 'rerequested')).toHaveLength(1)
    const last = /\/apps\/modelport\/deliveries\/\d+\/redeliver/.exec((await dora.get('/apps/modelport')).text)![0]
    expect((await dora.send('/apps/modelport', last, {})).status).toBe(303)
    await github.settled()
    const guids = github.receiver.of('check_suite', 'rerequested').map((heard) => heard.guid)
    expect(guids).toHaveLength(2)
    expect(new Set(guids).size).toBe(1)
  })

  it('let a person choose the repositories of the app, and lead back to it', async () => {
    const dir = await workTree(github)
    await git(dir, 'push', '--quiet', github.remote('eve/one'), 'HEAD:main')
    await git(dir, 'push', '--quiet', github.remote('eve/two'), 'HEAD:main')
    const ids = (await github.call('GET', '/users/eve/repos')).body.map((repository: { id: number }) =>
      String(repository.id),
    )
    const visitor = new Visitor()
    const page = '/github-apps/modelport/installations/new?state=s'
    const asked = await fetch(github.url + page, { redirect: 'manual' })
    const signIn = asked.headers.get('location')!
    expect((await visitor.send(signIn, '/login', { login: 'eve', return_to: page })).location).toBe(page)
    expect((await visitor.send(signIn, '/login', { login: 'eve', return_to: '//evil.example/' })).location).toBe('/eve')
    expect((await visitor.get(page)).text.match(/checked/g)).toHaveLength(2)

    const back = new URL((await visitor.send(page, page, { repository: ids[0]! })).location!)
    expect(back.origin + back.pathname).toBe('http://127.0.0.1:3000/new')
    expect(Object.fromEntries(back.searchParams)).toMatchObject({ from: 'github', setup_action: 'update', state: 's' })
    expect(back.searchParams.get('installation_id')).toMatch(/^\d+$/)
    await github.settled()
    const removed = github.receiver.of('installation_repositories', 'removed').at(-1)!
    expect(removed.payload.repositories_removed).toMatchObject([{ full_name: 'eve/two' }])
    expect((await visitor.get(`/settings/installations/${back.searchParams.get('installation_id')}`)).status).toBe(200)
    const mallory = await Visitor.signedInAs('mallory')
    await mallory.send('/login', page, { repository: ids[1]! })
    expect((await visitor.get(page)).text.match(/checked/g)).toHaveLength(1)
  })

  it('take nothing that a page of another site sends', async () => {
    const send = (path: string, origin: string) =>
      fetch(`${github.url}${path}`, { method: 'POST', headers: { origin }, body: '{"login":"planted"}' }).then(
        (r) => r.status,
      )
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:3000']) {
      expect(await send('/api/v3/admin/users', origin)).toBe(403)
      expect(await send('/login', origin)).toBe(403)
    }
    expect((await github.call('GET', '/users/planted')).status).toBe(404)
    expect(await send('/api/v3/admin/users', github.url)).toBe(201)
  })

  it('answer no host name that a page on the web could have pointed here', async () => {
    const { request } = await import('node:http')
    const status = await new Promise((resolve, reject) => {
      const req = request(github.url, { headers: { host: 'evil.example:3080' } }, (res) =>
        resolve(res.resume().statusCode),
      )
      req.on('error', reject)
      req.end()
    })
    expect(status).toBe(421)
    expect((await fetch(github.url.replace('127.0.0.1', 'localhost'))).status).toBe(200)
  })
})
