import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { createAppAuth } from '@octokit/auth-app'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { GithubSchema } from './github-schema/schema.ts'
import { restRouter } from './rest/index.ts'
import { commit, git, TestGithub, workTree } from './testing.ts'

// Real git processes on a shared machine take their time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const schema = new GithubSchema()
const router = restRouter()

let github: TestGithub
beforeAll(async () => {
  github = await TestGithub.start()
})
afterAll(() => github.close())

/** Answers that real GitHub gives and its description leaves out. */
const UNDESCRIBED_STATUS = new Set([401, 404])
/** Routes that GitHub has and does not describe, and those that only this stand-in has. */
const UNDESCRIBED = [
  'GET /local/api-faults',
  'GET /local/deliveries/mode',
  'GET /repos/{}/{}/contents',
  'GET /repos/{}/{}/contents/',
  'GET /repos/{}/{}/tarball',
  'POST /local/deliveries/settle',
  'PUT /local/api-faults',
  'PUT /local/deliveries/mode',
  'PUT /local/repos/{}/{}/installation',
]

const manifest = {
  name: 'Modelport',
  url: 'http://127.0.0.1:3000',
  redirect_url: 'http://127.0.0.1:3000/admin/connect/done',
  hook_attributes: { url: 'http://127.0.0.1:3001/hooks/github' },
  default_permissions: { checks: 'write' },
  default_events: ['push'],
}

const seen = new Set<string>()
const faults: string[] = []

type Options = Parameters<TestGithub['call']>[2]

/** Calls an endpoint and holds the answer against GitHub's description of it. */
async function checked(method: string, path: string, options: Options = {}, status = 200) {
  const answer = await github.call(method, path, options)
  expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body).slice(0, 300)}`).toBe(status)
  const operation = router.shapeOf(method, path.split('?')[0]!)!
  if (status < 300 || status === 302) seen.add(operation)
  if (!UNDESCRIBED_STATUS.has(status)) {
    faults.push(...schema.faultsOfAnswer(operation, status, answer.body))
  }
  if (status >= 400)
    expect(answer.body).toMatchObject({
      message: expect.any(String),
      documentation_url: expect.any(String),
      status: String(status),
    })
  return answer.body
}

describe('every answer', () => {
  it('is as GitHub describes it', async () => {
    const alice = { as: 'alice' }
    await checked('POST', '/admin/users', { body: { login: 'alice' } }, 201)
    await checked('POST', '/admin/users', { body: { login: 'bob' } }, 201)
    await checked('POST', '/admin/organizations', { body: { login: 'lab', admin: 'alice' } }, 201)
    const dir = await workTree(github, {
      'runway.yml': 'python: 3.6\n',
      LICENSE: 'Permission is hereby granted, free of charge, to any person obtaining a copy',
      'README.md': '# A model',
    })
    await symlink('README.md', `${dir}/link`)
    await mkdir(`${dir}/folder`)
    await writeFile(`${dir}/folder/ä b.txt`, 'text')
    await writeFile(`${dir}/.gitmodules`, '[submodule "m"]\n\tpath = module\n\turl = https://example.org/m.git\n')
    await git(dir, 'add', '--all')
    await git(dir, 'update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},module`)
    const first = await git(dir, 'commit', '--quiet', '--message=Second').then(() => git(dir, 'rev-parse', 'HEAD'))
    await git(dir, 'push', '--quiet', github.remote('alice/m'), 'HEAD:main')
    await git(dir, 'tag', '--annotate', '--message=One', 'v1')
    const second = await commit(dir, 'Third', { 'runway.yml': 'python: 3.7\n', gone: '' })
    await git(dir, 'push', '--quiet', github.remote('alice/m'), 'HEAD:dev', 'v1')
    await git(dir, 'push', '--quiet', github.remote('lab/m', 'alice'), 'HEAD:main')
    await github.settled()

    const auth = createAppAuth({ appId: github.config.appId, privateKey: github.privateKey })
    const app = { token: (await auth({ type: 'app' })).token }
    await checked('GET', '/app', app)
    await checked('GET', '/apps/modelport')
    await checked(
      'POST',
      `/app-manifests/${(await github.agreeToManifest(manifest)).searchParams.get('code')}/conversions`,
      {},
      201,
    )
    await checked('POST', '/app-manifests/spent/conversions', {}, 404)
    const installations = await checked('GET', '/app/installations', app)
    const { id } = await checked('GET', '/repos/alice/m/installation', app)
    await checked('GET', '/users/alice/installation', app)
    await checked('GET', '/orgs/lab/installation', app)
    await checked('GET', '/users/bob/installation', app, 404)
    await checked('GET', `/app/installations/${id}`, app)
    await checked('GET', '/app/hook/config', app)
    const { token } = await checked('POST', `/app/installations/${id}/access_tokens`, app, 201)
    await checked(
      'POST',
      `/app/installations/${id}/access_tokens`,
      { ...app, body: { repositories: ['m'], permissions: { contents: 'read' } } },
      201,
    )
    await checked('POST', `/app/installations/${id}/access_tokens`, { ...app, body: { repositories: ['x'] } }, 422)
    const bot = { token }

    const [delivery] = await checked('GET', '/app/hook/deliveries', app)
    await checked('GET', '/app/hook/deliveries?cursor=x', app, 422)
    await checked('GET', `/app/hook/deliveries/${delivery.id}`, app)
    await checked('POST', `/app/hook/deliveries/${delivery.id}/attempts`, app, 202)

    const { repositories } = await checked('GET', '/installation/repositories', bot)
    expect(repositories).toHaveLength(1)
    for (const viewer of [bot, alice, {}]) await checked('GET', '/repos/alice/m', viewer)
    await checked('GET', '/repos/alice/nothing', bot, 404)
    await checked('GET', '/repos/alice/m/tarball/main', bot, 302)
    for (const path of ['runway.yml', 'link', 'module', 'folder', 'folder/%C3%A4%20b.txt', 'README.md?ref=dev'])
      await checked('GET', `/repos/alice/m/contents/${path}`, bot)
    await checked('GET', '/repos/alice/m/contents/none', bot, 404)
    await checked('GET', '/repos/alice/m/readme', bot)
    await checked('GET', '/repos/alice/m/license', bot)
    await checked('GET', '/repos/alice/m/topics', bot)
    await checked('GET', '/repos/alice/m/languages', bot)
    await checked('GET', '/repos/alice/m/commits', bot)
    await checked('GET', '/repos/alice/m/commits/dev', bot)
    await checked('GET', '/repos/alice/m/commits/none', bot, 422)
    await checked('GET', '/repos/alice/m/branches', bot)
    await checked('GET', '/repos/alice/m/branches/dev', bot)
    await checked('GET', '/repos/alice/m/tags', bot)
    await checked('GET', '/repos/alice/m/git/ref/heads/dev', bot)
    const refs = await checked('GET', '/repos/alice/m/git/matching-refs/tags/v', bot)
    await checked('GET', `/repos/alice/m/git/tags/${refs[0].object.sha}`, bot)
    const { tree } = await checked('GET', `/repos/alice/m/git/trees/${second}?recursive=1`, bot)
    await checked(
      'GET',
      `/repos/alice/m/git/blobs/${tree.find((entry: { type: string }) => entry.type === 'blob').sha}`,
      bot,
    )
    await checked('GET', `/repos/alice/m/compare/${first}...dev`, bot)
    await checked('GET', `/repos/alice/m/compare/dev...${first}`, bot)

    const run = await checked(
      'POST',
      '/repos/alice/m/check-runs',
      { ...bot, body: { name: 'build', head_sha: second } },
      201,
    )
    const annotation = { path: 'runway.yml', start_line: 1, end_line: 1, annotation_level: 'failure', message: 'No' }
    const output = { title: 'T', summary: 'S', annotations: [annotation] }
    await checked('PATCH', `/repos/alice/m/check-runs/${run.id}`, { ...bot, body: { conclusion: 'failure', output } })
    await checked('GET', `/repos/alice/m/check-runs/${run.id}`, bot)
    await checked('GET', `/repos/alice/m/check-runs/${run.id}/annotations`, bot)
    await checked('GET', '/repos/alice/m/commits/dev/check-runs', bot)
    await checked('GET', '/repos/alice/m/commits/dev/check-suites', bot)
    await checked('GET', `/repos/alice/m/check-suites/${run.check_suite.id}`, bot)
    await checked('GET', `/repos/alice/m/check-suites/${run.check_suite.id}/check-runs`, bot)
    await checked('POST', `/repos/alice/m/check-runs/${run.id}/rerequest`, bot, 201)
    await checked('POST', `/repos/alice/m/check-suites/${run.check_suite.id}/rerequest`, bot, 201)

    await checked('GET', '/meta')
    await checked('GET', '/rate_limit')
    await checked('GET', '/users/alice')
    await checked('GET', '/user', alice)
    await checked('GET', '/user', {}, 401)
    await checked('GET', `/user/${installations[0].account.id}`)
    await checked('GET', '/user/emails', alice)
    await checked('GET', '/user/orgs', alice)
    await checked('GET', '/user/repos', alice)
    await checked('GET', '/user/installations', alice)
    await checked('GET', `/user/installations/${id}/repositories`, alice)
    await checked('GET', '/users/alice/repos')
    await checked('GET', '/orgs/lab')
    await checked('GET', '/orgs/lab/repos')
    await checked('GET', '/orgs/lab/members', alice)
    await checked('PUT', '/orgs/lab/memberships/bob', { ...alice, body: { role: 'member' } })
    await checked('GET', '/orgs/lab/memberships/bob', alice)
    await checked('PUT', '/orgs/lab/memberships/alice', { as: 'bob', body: {} }, 403)
    await checked('DELETE', '/orgs/lab/members/bob', alice, 204)
    await checked('PUT', '/orgs/lab/memberships/bob', { ...alice, body: { role: 'admin' } })
    await checked('DELETE', '/orgs/lab/memberships/bob', { as: 'bob' }, 204)

    await checked('POST', '/user/repos', { ...alice, body: { name: 'made', private: true } }, 201)
    await checked('POST', '/user/repos', { ...alice, body: { name: 'made' } }, 422)
    await checked('POST', '/orgs/lab/repos', { ...alice, body: { name: 'made' } }, 201)
    const made = await checked('GET', '/repos/alice/made', alice)
    await checked('PUT', `/user/installations/${id}/repositories/${made.id}`, alice, 204)
    await checked('DELETE', `/user/installations/${id}/repositories/${made.id}`, alice, 204)
    await checked('PUT', '/repos/alice/m/topics', { ...alice, body: { names: ['art', 'image'] } })
    await checked('PUT', '/repos/alice/m/collaborators/bob', { ...alice, body: { permission: 'pull' } }, 204)
    await checked('PUT', '/repos/alice/m/collaborators/bob', { ...alice, body: { permission: 'push' } }, 204)
    await checked('GET', '/repos/alice/m/collaborators', alice)
    await checked('GET', '/repos/alice/m/collaborators/bob', alice, 204)
    await checked('GET', '/repos/alice/m/collaborators/bob/permission', alice)
    await checked('DELETE', '/repos/alice/m/collaborators/bob', alice, 204)

    for (const body of [
      { private: true },
      { private: false },
      { archived: true },
      { archived: false },
      { default_branch: 'dev', description: 'D' },
    ]) {
      await checked('PATCH', '/repos/alice/m', { ...alice, body })
    }
    await checked('PATCH', '/repos/alice/m', { ...alice, body: { name: 'n' } })
    await checked('GET', '/repos/alice/m', alice, 301)
    await checked('PATCH', '/repos/alice/m', { ...alice, body: {} }, 307)
    await checked('POST', '/repos/alice/n/transfer', { ...alice, body: { new_owner: 'lab' } }, 202)
    await checked('DELETE', '/repos/lab/n', { as: 'bob' }, 403)
    await checked('DELETE', '/repos/lab/n', alice, 204)

    const basic = `Basic ${Buffer.from(`${github.config.clientId}:${github.config.clientSecret}`).toString('base64')}`
    const client = { headers: { authorization: basic } }
    const base = `/applications/${github.config.clientId}`
    for (const [method, path, status] of [
      ['POST', 'token', 200],
      ['DELETE', 'token', 204],
      ['DELETE', 'grant', 204],
    ] as const) {
      await checked(method, `${base}/${path}`, { ...client, body: { access_token: await userToken('alice') } }, status)
    }
    await checked('PATCH', '/admin/users/bob', { body: { login: 'robert' } }, 202)
    await checked('PATCH', '/admin/organizations/lab', { body: { login: 'laboratory' } }, 202)
    await checked('GET', '/repos/lab/m', alice, 301)
    await checked('PUT', `/app/installations/${id}/suspended`, app, 204)
    await checked('DELETE', `/app/installations/${id}/suspended`, app, 204)
    await checked('DELETE', '/installation/token', bot, 204)
    await checked('DELETE', `/app/installations/${id}`, app, 204)
    await github.settled()
    expect(faults).toEqual([])
  })

  it('was held against its description, and every route is GitHub’s or named here', () => {
    const routes = [...new Set(router.list())].sort()
    expect(routes.filter((route) => !schema.operations.includes(route))).toEqual(UNDESCRIBED)
    expect(schema.operations.filter((operation) => !seen.has(operation))).toEqual([])
  })
})

describe('every webhook', () => {
  it('is as GitHub describes it', () => {
    const names = new Set<string>()
    const faults: string[] = []
    for (const { event, payload } of github.receiver.heard) {
      const name = [event, payload.action].filter(Boolean).join('-').replaceAll('_', '-')
      names.add(name)
      faults.push(...schema.faultsOfWebhook(name, payload))
    }
    expect([...new Set(faults)]).toEqual([])
    expect([...names].sort()).toEqual([...schema.webhooks].sort())
  })

  it('carries the headers that GitHub Enterprise Server sends', () => {
    expect(github.receiver.heard[0]!.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^GitHub-Hookshot\//),
      'x-github-delivery': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'x-github-hook-id': expect.any(String),
      'x-github-hook-installation-target-id': String(github.config.appId),
      'x-github-hook-installation-target-type': 'integration',
      'x-github-enterprise-host': new URL(github.url).host,
      'x-hub-signature': expect.stringMatching(/^sha1=/),
    })
  })
})

async function userToken(login: string): Promise<string> {
  const page = await fetch(`${github.url}/login/oauth/authorize?client_id=${github.config.clientId}`)
  const csrf = /name="csrf" value="([^"]+)"/.exec(await page.text())![1]!
  const answer = await fetch(`${github.url}/login/oauth/authorize`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: page.headers.get('set-cookie')!.split(';')[0]! },
    body: new URLSearchParams({ csrf, login, answer: 'authorize', client_id: github.config.clientId }),
  })
  const tokens = await fetch(`${github.url}/login/oauth/access_token`, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify({
      client_id: github.config.clientId,
      client_secret: github.config.clientSecret,
      code: new URL(answer.headers.get('location')!).searchParams.get('code'),
    }),
  })
  return ((await tokens.json()) as { access_token: string }).access_token
}
