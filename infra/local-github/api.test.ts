import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAppAuth } from '@octokit/auth-app'
import { Octokit } from '@octokit/rest'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { commit, git, TestGithub, workTree } from './testing.ts'

// Real git processes on a shared machine take their time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let github: TestGithub
beforeAll(async () => {
  github = await TestGithub.start()
})
afterAll(() => github.close())
beforeEach(async () => {
  // What an earlier test caused must not be heard in this one.
  await github.settled()
  github.receiver.heard.length = 0
  github.receiver.status = 200
})

/** Octokit as the app itself. */
const asApp = () =>
  new Octokit({
    baseUrl: github.api,
    authStrategy: createAppAuth,
    auth: { appId: github.config.appId, privateKey: github.privateKey },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })

/** Octokit as the installation that covers a repository. */
async function asInstallation(owner: string, repo: string) {
  const app = asApp()
  const { data } = await app.rest.apps.getRepoInstallation({ owner, repo })
  const { token } = (await app.auth({ type: 'installation', installationId: data.id })) as { token: string }
  const octokit = new Octokit({
    baseUrl: github.api,
    auth: token,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  return { octokit, token, installationId: data.id }
}

async function pushed(
  fullName: string,
  files?: Record<string, string>,
): Promise<{ dir: string; sha: string; owner: string; repo: string }> {
  const dir = await workTree(github, files)
  await git(dir, 'push', '--quiet', github.remote(fullName), 'HEAD:main')
  await github.settled()
  const [owner, repo] = fullName.split('/') as [string, string]
  return { dir, sha: await git(dir, 'rev-parse', 'HEAD'), owner, repo }
}

describe('an app', () => {
  it('gets a token with its key, and with it an archive whose top folder names the commit', async () => {
    const { dir, sha, owner, repo } = await pushed('alice/tar')
    await github.call('PATCH', '/repos/alice/tar', { as: 'alice', body: { private: true } })
    const { octokit, token } = await asInstallation(owner, repo)
    const { data } = await octokit.rest.repos.downloadTarballArchive({ owner, repo, ref: 'main' })
    await writeFile(join(dir, 'a.tgz'), Buffer.from(data as ArrayBuffer))
    const { execFileSync } = await import('node:child_process')
    const listed = execFileSync('tar', ['tzf', join(dir, 'a.tgz')], { encoding: 'utf8' })
      .trim()
      .split('\n')
    expect(listed).toEqual([`alice-tar-${sha.slice(0, 7)}/`, `alice-tar-${sha.slice(0, 7)}/runway.yml`])

    // A repository can be named by its number, which outlives its name.
    const { body: repository } = await github.call('GET', '/repos/alice/tar', { token })
    expect((await github.call('GET', `/repositories/${repository.id}`, { token })).body).toEqual(repository)
    expect((await github.call('GET', `/repositories/${repository.id}/tarball/${sha}`, { token })).status).toBe(302)
    expect((await github.call('GET', `/repositories/${repository.id}`)).status).toBe(404)

    // The address in the redirect works without a header, as when a client drops it.
    const first = await github.call('GET', `/repos/alice/tar/tarball/${sha}`, { token })
    expect(first.status).toBe(302)
    expect((await fetch(first.headers.get('location')!)).status).toBe(200)
    expect((await fetch(first.headers.get('location')!.replace(/.$/, '_'))).status).toBe(404)
    await git(github.dir, 'clone', '--quiet', github.remote('alice/tar', 'x-access-token', token), 'by-token')
    await expect(
      git(dir, 'push', '--quiet', github.remote('alice/tar', 'x-access-token', token), 'HEAD:b'),
    ).rejects.toThrow(/403/)
  })

  it('is refused with a key of its own making, an expired token, and another app’s number', async () => {
    const { privateKey } = await import('node:crypto').then(({ generateKeyPairSync }) =>
      generateKeyPairSync('rsa', {
        modulusLength: 2048,
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
        publicKeyEncoding: { type: 'spki', format: 'pem' },
      }),
    )
    for (const auth of [
      { appId: github.config.appId, privateKey },
      { appId: 1, privateKey: github.privateKey },
    ]) {
      const octokit = new Octokit({
        baseUrl: github.api,
        authStrategy: createAppAuth,
        auth,
        log: { debug() {}, info() {}, warn() {}, error() {} },
      })
      await expect(octokit.rest.apps.getAuthenticated()).rejects.toMatchObject({ status: 401 })
    }
    expect((await github.call('GET', '/app', { token: 'ghs_unknown' })).status).toBe(401)
    expect(
      (await github.call('GET', '/app', { token: `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.` }))
        .status,
    ).toBe(401)
    expect((await github.call('GET', '/app')).status).toBe(401)
    expect((await asApp().rest.apps.getAuthenticated()).data?.id).toBe(github.config.appId)
  })

  it('narrows a token to one repository, and loses it on suspension', async () => {
    await pushed('nora/one')
    await pushed('nora/two')
    await github.call('PATCH', '/repos/nora/two', { as: 'nora', body: { private: true } })
    const app = asApp()
    const { data: installation } = await app.rest.apps.getUserInstallation({ username: 'nora' })
    const { data } = await app.rest.apps.createInstallationAccessToken({
      installation_id: installation.id,
      repositories: ['one'],
    })
    expect((await github.call('GET', '/installation/repositories', { token: data.token })).body.total_count).toBe(1)
    expect((await github.call('GET', '/repos/nora/two', { token: data.token })).status).toBe(404)

    await app.rest.apps.suspendInstallation({ installation_id: installation.id })
    expect((await github.call('GET', '/repos/nora/one', { token: data.token })).status).toBe(403)
    await pushed('nora/three')
    await app.rest.apps.unsuspendInstallation({ installation_id: installation.id })
    await github.settled()
    expect(github.receiver.of('push').map((heard) => heard.payload.repository.name)).toEqual(['one', 'two'])
    expect(github.receiver.of('installation').map((heard) => heard.payload.action)).toEqual([
      'created',
      'suspend',
      'unsuspend',
    ])
    await app.rest.apps.deleteInstallation({ installation_id: installation.id })
    await github.settled()
    expect(github.receiver.of('installation', 'deleted')).toHaveLength(1)
    expect((await github.call('GET', '/repos/nora/one', { token: data.token })).status).toBe(401)
  })

  it('pages lists with Link and answers 304 to a known ETag', async () => {
    for (let i = 0; i < 3; i += 1) await pushed(`paula/m${i}`)
    const { octokit, token } = await asInstallation('paula', 'm0')
    const all = await octokit.paginate(octokit.rest.apps.listReposAccessibleToInstallation, { per_page: 1 })
    expect(all.map((repository) => repository.name)).toEqual(['m0', 'm1', 'm2'])
    const first = await github.call('GET', '/repos/paula/m0', { token })
    const again = await github.call('GET', '/repos/paula/m0', {
      token,
      headers: { 'if-none-match': first.headers.get('etag')! },
    })
    expect(again.status).toBe(304)
    expect(Number(again.headers.get('x-ratelimit-remaining'))).toBeGreaterThan(0)
  })

  it('reads contents, trees, commits, comparisons and the licence', async () => {
    const license =
      'MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of this software'
    const { dir, sha, owner, repo } = await pushed('alice/read', {
      LICENSE: license,
      'README.md': '# Hello',
      'runway.yml': 'x',
    })
    const next = await commit(dir, 'Next', { 'runway.yml': 'y' })
    await git(dir, 'push', '--quiet', github.remote('alice/read'), 'HEAD:feature/x')
    const { octokit } = await asInstallation(owner, repo)
    const { data: file } = await octokit.rest.repos.getContent({ owner, repo, path: 'runway.yml', ref: 'feature/x' })
    expect(Buffer.from((file as { content: string }).content, 'base64').toString()).toBe('y')
    expect((await octokit.rest.repos.getContent({ owner, repo, path: '' })).data).toHaveLength(3)
    expect((await octokit.rest.licenses.getForRepo({ owner, repo })).data.license?.spdx_id).toBe('MIT')
    expect((await octokit.rest.repos.get({ owner, repo })).data.license?.key).toBe('mit')
    expect((await octokit.rest.repos.getReadme({ owner, repo })).data.path).toBe('README.md')
    expect((await octokit.rest.repos.getCommit({ owner, repo, ref: 'feature/x' })).data).toMatchObject({
      sha: next,
      author: { login: 'alice' },
      files: [{ filename: 'runway.yml', status: 'modified', additions: 1, deletions: 1 }],
    })
    expect((await octokit.rest.repos.listCommits({ owner, repo, sha: 'feature/x' })).data.map((c) => c.sha)).toEqual([
      next,
      sha,
    ])
    expect(
      (await octokit.rest.repos.compareCommitsWithBasehead({ owner, repo, basehead: `main...${next}` })).data,
    ).toMatchObject({
      status: 'ahead',
      ahead_by: 1,
      behind_by: 0,
    })
    expect((await octokit.rest.git.getTree({ owner, repo, tree_sha: next, recursive: '1' })).data.tree).toHaveLength(3)
    expect((await octokit.rest.git.getRef({ owner, repo, ref: 'heads/feature/x' })).data.object.sha).toBe(next)
    for (const path of ['../x', '%2e%2e/x', ':(top)x', '.git/config']) {
      expect((await github.call('GET', `/repos/alice/read/contents/${encodeURIComponent(path)}`)).status, path).toBe(
        404,
      )
    }
    for (const ref of ['--output=/tmp/x', 'main~1', 'main:runway.yml', 'nothing']) {
      expect((await github.call('GET', `/repos/alice/read/commits/${encodeURIComponent(ref)}`)).status, ref).toBe(422)
    }
  })
})

describe('check runs', () => {
  it('live from queued to completed, gather annotations, and are asked for again', async () => {
    const { sha, owner, repo } = await pushed('alice/checks')
    const { octokit } = await asInstallation(owner, repo)
    const { data: run } = await octokit.rest.checks.create({
      owner,
      repo,
      head_sha: sha,
      name: 'build',
      status: 'in_progress',
    })
    expect(run).toMatchObject({ status: 'in_progress', conclusion: null, output: { annotations_count: 0 } })
    const note = (line: number) => ({
      path: 'runway.yml',
      start_line: line,
      end_line: line,
      annotation_level: 'warning' as const,
      message: `line ${line}`,
    })
    const fifty = Array.from({ length: 50 }, (_, i) => note(i + 1))
    const output = { title: 'Some lines', summary: '**Look** <b>here</b>' }
    await octokit.rest.checks.update({ owner, repo, check_run_id: run.id, output: { ...output, annotations: fifty } })
    const { data: done } = await octokit.rest.checks.update({
      owner,
      repo,
      check_run_id: run.id,
      conclusion: 'failure',
      output: { ...output, annotations: [note(51)] },
    })
    expect(done).toMatchObject({ status: 'completed', conclusion: 'failure', output: { annotations_count: 51 } })
    const notes = await octokit.paginate(octokit.rest.checks.listAnnotations, { owner, repo, check_run_id: run.id })
    expect(notes).toHaveLength(51)
    const tooMany = octokit.rest.checks.update({
      owner,
      repo,
      check_run_id: run.id,
      output: { ...output, annotations: [...fifty, note(1)] },
    })
    await expect(tooMany).rejects.toMatchObject({ status: 422 })
    const unknown = octokit.rest.checks.create({ owner, repo, head_sha: 'f'.repeat(40), name: 'build' })
    await expect(unknown).rejects.toMatchObject({
      status: 422,
      message: expect.stringContaining('No commit found for SHA'),
    })
    expect((await octokit.rest.checks.listForRef({ owner, repo, ref: 'main' })).data.total_count).toBe(1)

    await octokit.rest.checks.rerequestRun({ owner, repo, check_run_id: run.id })
    await github.call('POST', `/repos/alice/checks/check-suites/${run.check_suite!.id}/rerequest`, { as: 'alice' })
    await github.settled()
    expect(github.receiver.of('check_run').map((heard) => heard.payload.action)).toEqual([
      'created',
      'completed',
      'rerequested',
    ])
    expect(github.receiver.of('check_suite').map((heard) => heard.payload.action)).toEqual([
      'requested',
      'completed',
      'rerequested',
    ])
    expect(github.receiver.of('check_run', 'rerequested')[0]!.payload).toMatchObject({
      check_run: { id: run.id, head_sha: sha, check_suite: { id: run.check_suite!.id, head_branch: 'main' } },
    })

    const page = await (await fetch(`${github.url}/alice/checks/runs/${run.id}`)).text()
    expect(page).toContain('runway.yml:51')
    expect(page).not.toContain('<b>here</b>')
  })

  it('are written by the app only', async () => {
    const { sha } = await pushed('alice/only')
    const body = { head_sha: sha, name: 'build' }
    expect((await github.call('POST', '/repos/alice/only/check-runs', { body })).status).toBe(401)
    expect((await github.call('POST', '/repos/alice/only/check-runs', { as: 'alice', body })).status).toBe(403)
    await pushed('mallory/own')
    const { token } = await asInstallation('mallory', 'own')
    expect((await github.call('POST', '/repos/alice/only/check-runs', { token, body })).status).toBe(403)
  })
})

describe('deliveries', () => {
  it('are recorded when nobody answers well, and go out again under the same GUID', async () => {
    github.receiver.status = 500
    await pushed('dave/retry')
    const app = asApp()
    const failed = await app.paginate(app.rest.apps.listWebhookDeliveries, { per_page: 2, status: 'failure' })
    const push = failed.find((delivery) => delivery.event === 'push')!
    expect(push).toMatchObject({ status_code: 500, redelivery: false })
    const { data: full } = await app.rest.apps.getWebhookDelivery({ delivery_id: push.id })
    expect(full.request.payload).toMatchObject({ ref: 'refs/heads/main' })
    expect(full.response.payload).toBe('heard')

    github.receiver.status = 200
    await app.rest.apps.redeliverWebhookDelivery({ delivery_id: push.id })
    await github.settled()
    const again = github.receiver.of('push')
    expect(again.map((heard) => heard.guid)).toEqual([push.guid, push.guid])
    expect(again[1]!.payload).toEqual(again[0]!.payload)
    const { data: log } = await app.rest.apps.listWebhookDeliveries()
    expect(log[0]).toMatchObject({ guid: push.guid, redelivery: true, status: 'OK', status_code: 200 })
  })

  it('are recorded as failed when the receiver is down', async () => {
    const other = await TestGithub.start({ webhookUrl: 'http://127.0.0.1:1/hooks' })
    try {
      await git(await workTree(other), 'push', '--quiet', other.remote('alice/down'), 'HEAD:main')
      await other.settled()
      const app = new Octokit({
        baseUrl: other.api,
        authStrategy: createAppAuth,
        auth: { appId: other.config.appId, privateKey: other.privateKey },
      })
      const { data } = await app.rest.apps.listWebhookDeliveries()
      expect(data).toHaveLength(3)
      expect(
        data.every((delivery) => delivery.status_code === 502 && delivery.status === 'failed to connect to host'),
      ).toBe(true)
    } finally {
      await other.close()
    }
  })

  it('misbehave as they are told to', async () => {
    const { dir } = await pushed('erin/modes')
    const remote = github.remote('erin/modes')
    const mode = (body: unknown) => github.call('PUT', '/local/deliveries/mode', { body })
    const push = (branch: string) => git(dir, 'push', '--quiet', remote, `HEAD:${branch}`)
    const heard = () => github.receiver.of('push').map((h) => h.payload.ref.slice('refs/heads/'.length))
    try {
      github.receiver.heard.length = 0
      await mode({ drop: 1, event: 'push' })
      await push('dropped')
      await push('kept')
      await github.settled()
      expect(heard()).toEqual(['kept'])

      await mode({ duplicate: 2, duplicateGuid: 'new', event: 'push' })
      await push('thrice')
      await github.settled()
      expect(heard()).toEqual(['kept', 'thrice', 'thrice', 'thrice'])
      expect(new Set(github.receiver.of('push').map((h) => h.guid)).size).toBe(4)

      github.receiver.heard.length = 0
      await mode({ shuffle: 3, event: 'push' })
      await push('s1')
      await push('s2')
      await github.settled()
      expect(heard()).toEqual([])
      await push('s3')
      await github.settled()
      expect(heard().sort()).toEqual(['s1', 's2', 's3'])

      github.receiver.heard.length = 0
      await mode({ fail: 1, event: 'push' })
      await push('failed')
      await github.settled()
      expect(heard()).toEqual([])
      const { data } = await asApp().rest.apps.listWebhookDeliveries({ status: 'failure', per_page: 1 } as never)
      expect(data[0]).toMatchObject({ event: 'push', status_code: 502 })
    } finally {
      await mode({})
    }
  })
})

describe('settings', () => {
  it('redirects an old name to the new one, for the API and for git', async () => {
    const { dir, sha } = await pushed('alice/before')
    const { body: repository } = await github.call('PATCH', '/repos/alice/before', {
      as: 'alice',
      body: { name: 'after' },
    })
    const moved = await github.call('GET', '/repos/alice/before/topics')
    expect(moved).toMatchObject({
      status: 301,
      body: { message: 'Moved Permanently', url: `${github.api}/repositories/${repository.id}/topics` },
    })
    expect((await github.call('GET', moved.headers.get('location')!)).body).toEqual({ names: [] })
    expect((await github.call('PATCH', '/repos/alice/before', { as: 'alice', body: {} })).status).toBe(307)
    expect(await git(dir, 'ls-remote', `${github.url}/alice/before.git`, 'HEAD')).toContain(sha)
    await git(dir, 'push', '--quiet', github.remote('alice/before'), 'HEAD:more')
    await github.settled()
    expect(github.receiver.of('repository', 'renamed')[0]!.payload).toMatchObject({
      changes: { repository: { name: { from: 'before' } } },
      repository: { full_name: 'alice/after', id: repository.id },
    })
    expect(github.receiver.of('push').at(-1)!.payload.repository.full_name).toBe('alice/after')
    expect((await fetch(`${github.url}/alice/before/settings`, { redirect: 'manual' })).headers.get('location')).toBe(
      '/alice/after/settings',
    )
  })

  it('tells of each change as GitHub does', async () => {
    const { dir } = await pushed('frank/events')
    await git(dir, 'push', '--quiet', github.remote('frank/events'), 'HEAD:dev')
    await github.settled()
    github.receiver.heard.length = 0
    const patch = (body: unknown) => github.call('PATCH', '/repos/frank/events', { as: 'frank', body })
    await patch({ private: true })
    await patch({ private: false })
    await patch({ default_branch: 'dev', description: 'A model' })
    await github.call('PUT', '/repos/frank/events/topics', { as: 'frank', body: { names: ['art'] } })
    await patch({ archived: true })
    expect((await patch({ description: 'x' })).status).toBe(403)
    await patch({ archived: false })
    for (const permission of ['pull', 'push']) {
      await github.call('PUT', '/repos/frank/events/collaborators/gina', { as: 'frank', body: { permission } })
    }
    await github.call('DELETE', '/repos/frank/events/collaborators/gina', { as: 'frank' })
    await github.call('POST', '/repos/frank/events/transfer', { as: 'frank', body: { new_owner: 'gina' } })
    expect((await github.call('DELETE', '/repos/gina/events', { as: 'frank' })).status).toBe(403)
    await github.call('DELETE', '/repos/gina/events', { as: 'gina' })
    await github.settled()
    expect(github.receiver.heard.map((heard) => `${heard.event}.${heard.payload.action}`)).toEqual([
      'repository.privatized',
      'repository.publicized',
      'repository.edited',
      'repository.edited',
      'repository.archived',
      'repository.unarchived',
      'member.added',
      'member.edited',
      'member.removed',
      'installation_repositories.removed',
      'installation.created',
      'repository.transferred',
      'repository.deleted',
    ])
    expect((await github.call('GET', '/repos/gina/events')).status).toBe(404)
  })

  it('makes the API fail as it is told to', async () => {
    await pushed('alice/faulty')
    await github.call('PUT', '/local/api-faults', {
      body: [{ path: '/repos/alice/faulty', status: 502, remaining: 2 }],
    })
    const answers: number[] = []
    for (let i = 0; i < 3; i += 1) answers.push((await github.call('GET', '/repos/alice/faulty')).status)
    expect(answers).toEqual([502, 502, 200])
  })
})

describe('signing in through the app', () => {
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const redirectUri = 'http://127.0.0.1:3000/auth/callback'

  async function authorize(login: string, extra: Record<string, string> = {}) {
    const query = new URLSearchParams({
      client_id: github.config.clientId,
      redirect_uri: redirectUri,
      state: 's t&',
      ...extra,
    })
    const page = await fetch(`${github.url}/login/oauth/authorize?${query}`)
    const html = await page.text()
    const cookie = page.headers.get('set-cookie')?.split(';')[0] ?? ''
    const fields = Object.fromEntries(
      [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [
        name!,
        value!.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))),
      ]),
    )
    const send = (body: Record<string, string>) =>
      fetch(`${github.url}/login/oauth/authorize`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie },
        body: new URLSearchParams({ ...fields, login, answer: 'authorize', ...body }),
      })
    return { page, html, send }
  }
  const exchange = async (body: Record<string, string>) => {
    const { clientId: client_id, clientSecret: client_secret } = github.config
    const response = await fetch(`${github.url}/login/oauth/access_token`, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams({ client_id, client_secret, ...body }),
    })
    expect(response.status).toBe(200)
    return (await response.json()) as Record<string, string>
  }
  const codeFor = async (login: string, extra?: Record<string, string>) => {
    const answer = await (await authorize(login, extra)).send({})
    expect(answer.status).toBe(303)
    const back = new URL(answer.headers.get('location')!)
    expect(back.searchParams.get('state')).toBe('s t&')
    return back.searchParams.get('code')!
  }

  it('gives tokens for a code once, with the proof, and refreshes them once', async () => {
    await pushed('hana/own')
    await pushed('hana/secret')
    await github.call('PATCH', '/repos/hana/secret', { as: 'hana', body: { private: true } })
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
    expect(await exchange({ code: await codeFor('hana', pkce), code_verifier: 'wrong' })).toMatchObject({
      error: 'bad_verification_code',
    })
    expect(await exchange({ code: await codeFor('hana', pkce) })).toMatchObject({ error: 'bad_verification_code' })
    const code = await codeFor('hana', pkce)
    const tokens = await exchange({ code, code_verifier: verifier, redirect_uri: redirectUri })
    expect(tokens).toMatchObject({ token_type: 'bearer', scope: '', expires_in: 28800 })
    expect(tokens.access_token).toMatch(/^ghu_/)

    const user = await github.call('GET', '/user', { token: tokens.access_token })
    expect(user.body).toMatchObject({ login: 'hana', type: 'User' })
    expect((await github.call('GET', '/user/emails', { token: tokens.access_token })).body).toHaveLength(1)
    const { body } = await github.call('GET', '/user/installations', { token: tokens.access_token })
    expect(body.total_count).toBe(1)
    const mine = await github.call('GET', `/user/installations/${body.installations[0].id}/repositories`, {
      token: tokens.access_token,
    })
    expect(mine.body.repositories.map((repository: { name: string }) => repository.name)).toEqual(['own', 'secret'])
    await git(github.dir, 'ls-remote', github.remote('hana/secret', 'x-access-token', tokens.access_token))
    expect((await github.call('DELETE', '/repos/hana/own', { token: tokens.access_token })).status).toBe(403)

    const fresh = await exchange({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token! })
    expect(fresh.access_token).toMatch(/^ghu_/)
    expect(await exchange({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token! })).toMatchObject({
      error: 'bad_refresh_token',
    })
    expect((await github.call('GET', '/user', { token: tokens.access_token })).status).toBe(401)
    expect((await github.call('GET', '/user', { token: fresh.access_token })).status).toBe(200)

    const basic = Buffer.from(`${github.config.clientId}:${github.config.clientSecret}`).toString('base64')
    const revoked = await github.call('DELETE', `/applications/${github.config.clientId}/grant`, {
      headers: { authorization: `Basic ${basic}` },
      body: { access_token: fresh.access_token },
    })
    expect(revoked.status).toBe(204)
    await github.settled()
    expect(github.receiver.of('github_app_authorization', 'revoked')[0]!.payload.sender.login).toBe('hana')
    expect((await github.call('GET', '/user', { token: fresh.access_token })).status).toBe(401)
  })

  it('takes tokens back when their code comes a second time', async () => {
    const code = await codeFor('ivan')
    const tokens = await exchange({ code })
    expect(await exchange({ code })).toMatchObject({ error: 'bad_verification_code' })
    expect((await github.call('GET', '/user', { token: tokens.access_token })).status).toBe(401)
  })

  it('refuses foreign addresses, forged forms and wrong secrets, and can be cancelled', async () => {
    for (const redirect_uri of [
      'http://127.0.0.1:3000.evil.example/auth/callback',
      'http://127.0.0.1:3001/auth/callback',
      'javascript:alert(1)',
    ]) {
      expect((await authorize('ivan', { redirect_uri })).page.status).toBe(400)
    }
    expect((await authorize('ivan', { client_id: 'other' })).page.status).toBe(404)
    const { send } = await authorize('ivan')
    expect((await send({ csrf: 'x' })).status).toBe(403)
    expect((await send({ login: '<script>' })).status).toBe(422)
    expect(new URL((await send({ answer: 'cancel' })).headers.get('location')!).searchParams.get('error')).toBe(
      'access_denied',
    )
    expect(await exchange({ code: 'x', client_secret: 'wrong' })).toMatchObject({
      error: 'incorrect_client_credentials',
    })
    const { html, page } = await authorize('ivan', { state: '"><script>alert(1)</script>' })
    expect(html).not.toContain('<script>')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  })
})

describe('the state', () => {
  it('is the same after a restart', async () => {
    const { sha, owner, repo } = await pushed('alice/kept')
    const { octokit, token } = await asInstallation(owner, repo)
    const { data: run } = await octokit.rest.checks.create({
      owner,
      repo,
      head_sha: sha,
      name: 'build',
      conclusion: 'success',
    })
    await github.call('PATCH', '/repos/alice/kept', { as: 'alice', body: { name: 'kept-too' } })
    await github.settled()
    const before = await asApp().paginate('GET /app/hook/deliveries')
    await github.restart()
    expect((await github.call('GET', `/repos/alice/kept-too/check-runs/${run.id}`, { token })).body.conclusion).toBe(
      'success',
    )
    expect((await github.call('GET', '/repos/alice/kept')).status).toBe(301)
    expect(await asApp().paginate('GET /app/hook/deliveries')).toEqual(before)
  })
})
