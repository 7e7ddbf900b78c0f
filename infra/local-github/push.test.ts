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
})

const ZERO = '0'.repeat(40)

describe('a first push', () => {
  it('makes the account and the repository, installs the app, and tells of it in order', async () => {
    const dir = await workTree(github)
    await git(dir, 'push', '--quiet', github.remote('alice/first'), 'HEAD:main')
    await github.settled()
    const told = github.receiver.heard.map((heard) => `${heard.event}.${heard.payload.action ?? ''}`)
    expect(told).toEqual(['installation.created', 'push.', 'check_suite.requested'])
    expect(github.receiver.heard.every((heard) => heard.validSignature)).toBe(true)

    const sha = await git(dir, 'rev-parse', 'HEAD')
    const push = github.receiver.of('push')[0]!.payload
    expect(push).toMatchObject({
      ref: 'refs/heads/main',
      before: ZERO,
      after: sha,
      created: true,
      deleted: false,
      forced: false,
      pusher: { name: 'alice' },
      sender: { login: 'alice' },
      repository: { full_name: 'alice/first', default_branch: 'main', private: false },
      head_commit: { id: sha, added: ['runway.yml'], removed: [], modified: [] },
    })
    expect(push.installation.id).toBe(github.receiver.of('installation')[0]!.payload.installation.id)
    expect(push.repository.created_at).toBeTypeOf('number')
  })

  it('adds the second repository of an account to its installation', async () => {
    await git(await workTree(github), 'push', '--quiet', github.remote('alice/second'), 'HEAD:main')
    await github.settled()
    const [added] = github.receiver.of('installation_repositories', 'added')
    expect(added!.payload.repositories_added).toMatchObject([{ full_name: 'alice/second' }])
  })

  it('makes the pushed branch the default one', async () => {
    await git(await workTree(github), 'push', '--quiet', github.remote('alice/trunk'), 'HEAD:trunk')
    expect((await github.call('GET', '/repos/alice/trunk')).body.default_branch).toBe('trunk')
    expect(await git(github.dir, 'ls-remote', '--symref', `${github.url}/alice/trunk.git`, 'HEAD')).toContain(
      'refs/heads/trunk',
    )
  })

  it('ends in one repository when two come at once', async () => {
    const [one, two] = await Promise.all([workTree(github), workTree(github)])
    await Promise.all([
      git(one, 'push', '--quiet', github.remote('bob/twice'), 'HEAD:one'),
      git(two, 'push', '--quiet', github.remote('bob/twice'), 'HEAD:two'),
    ])
    await github.settled()
    expect((await github.call('GET', '/repos/bob/twice/branches')).body).toHaveLength(2)
    expect(github.receiver.of('push').map((heard) => heard.payload.repository.id)).toHaveLength(2)
    expect(github.receiver.of('installation')).toHaveLength(1)
  })

  it('refuses names that are paths, options or not names', async () => {
    const dir = await workTree(github)
    for (const name of [
      'alice/..%2f..',
      'alice/-x%2f..',
      'alice/..',
      'al..ice/x',
      'alice/a%00b',
      '../../x',
      'alice/x.git.git',
    ]) {
      await expect(git(dir, 'push', '--quiet', github.remote(name, 'alice'), 'HEAD:main'), name).rejects.toThrow()
    }
    await expect(git(dir, 'push', '--quiet', github.remote('api/x'), 'HEAD:main')).rejects.toThrow()
  })
})

describe('later pushes', () => {
  it('lists the files that each commit added, changed and removed, oldest first', async () => {
    const dir = await workTree(github, { 'a b.txt': '1', 'é\n.txt': '1' })
    const remote = github.remote('alice/files')
    await git(dir, 'push', '--quiet', remote, 'HEAD:main')
    const before = await git(dir, 'rev-parse', 'HEAD')
    const second = await commit(dir, 'Second\n\nA long\nbody', { 'a b.txt': '2', new: '' })
    await git(dir, 'rm', '--quiet', 'new')
    const third = await commit(dir, 'Third', {})
    await git(dir, 'push', '--quiet', remote, 'HEAD:main')
    await github.settled()
    const push = github.receiver.of('push')[1]!.payload
    expect(push).toMatchObject({ before, after: third, created: false, forced: false })
    expect(push.commits).toMatchObject([
      {
        id: second,
        message: 'Second\n\nA long\nbody',
        added: ['new'],
        modified: ['a b.txt'],
        removed: [],
        distinct: true,
      },
      { id: third, message: 'Third', added: [], modified: [], removed: ['new'], distinct: true },
    ])
    expect(github.receiver.of('push')[0]!.payload.commits[0].added).toEqual(['a b.txt', 'é\n.txt'])
  })

  it('tells a forced push, a deleted branch, and refuses to delete the default branch', async () => {
    const dir = await workTree(github)
    const remote = github.remote('alice/forced')
    await git(dir, 'push', '--quiet', remote, 'HEAD:main', 'HEAD:other')
    await git(dir, 'commit', '--quiet', '--amend', '--message=Other')
    await git(dir, 'push', '--quiet', '--force', remote, 'HEAD:main')
    await git(dir, 'push', '--quiet', remote, ':other')
    await expect(git(dir, 'push', '--quiet', remote, ':main')).rejects.toThrow()
    await github.settled()
    const pushes = github.receiver.of('push').map((heard) => heard.payload)
    expect(pushes).toHaveLength(4)
    expect(pushes[2]).toMatchObject({ forced: true, commits: [{ message: 'Other' }] })
    expect(pushes[3]).toMatchObject({
      ref: 'refs/heads/other',
      deleted: true,
      after: ZERO,
      head_commit: null,
      commits: [],
    })
  })

  it('tells of light and annotated tags, the latter by the tag object', async () => {
    const dir = await workTree(github)
    const remote = github.remote('alice/tags')
    await git(dir, 'push', '--quiet', remote, 'HEAD:main')
    await git(dir, 'tag', 'light')
    await git(dir, 'tag', '--annotate', '--message=One', 'v1')
    await git(dir, 'push', '--quiet', remote, 'light', 'v1')
    await github.settled()
    const sha = await git(dir, 'rev-parse', 'HEAD')
    const object = await git(dir, 'rev-parse', 'v1')
    const [, light, annotated] = github.receiver.of('push').map((heard) => heard.payload)
    expect(light).toMatchObject({ ref: 'refs/tags/light', after: sha, base_ref: 'refs/heads/main', commits: [] })
    expect(annotated).toMatchObject({ ref: 'refs/tags/v1', after: object, head_commit: { id: sha } })
    expect((await github.call('GET', `/repos/alice/tags/git/tags/${object}`)).body).toMatchObject({
      tag: 'v1',
      object: { sha },
    })
    expect((await github.call('GET', '/repos/alice/tags/git/ref/tags/v1')).body.object).toMatchObject({
      sha: object,
      type: 'tag',
    })
  })

  it('makes one event of each of twelve parallel pushes', async () => {
    const dir = await workTree(github)
    const remote = github.remote('alice/parallel')
    await git(dir, 'push', '--quiet', remote, 'HEAD:main')
    const branches = Array.from({ length: 12 }, (_, i) => `b${i}`)
    await Promise.all(branches.map((branch) => git(dir, 'push', '--quiet', remote, `HEAD:${branch}`)))
    await github.settled()
    const refs = github.receiver.of('push').map((heard) => heard.payload.ref)
    expect(refs.slice(1).sort()).toEqual(branches.map((branch) => `refs/heads/${branch}`).sort())
  })

  it('takes a push too large to be sent with a length, and gives it back', async () => {
    const dir = await workTree(github, {
      big: Buffer.from(Array.from({ length: 3e6 }, () => Math.random() * 256)).toString('latin1'),
    })
    const remote = github.remote('alice/big')
    await git(dir, 'push', '--quiet', remote, 'HEAD:main')
    await git(github.dir, 'clone', '--quiet', '--depth=1', `${github.url}/alice/big.git`, 'cloned')
    expect(await git(`${github.dir}/cloned`, 'rev-parse', 'HEAD')).toBe(await git(dir, 'rev-parse', 'HEAD'))
  })

  it('takes a history of five thousand commits in one push and lists the last 2048', async () => {
    const dir = await workTree(github)
    const stream = ['reset refs/heads/long']
    for (let i = 0; i < 5000; i += 1) {
      stream.push(
        'commit refs/heads/long',
        'committer A <a@b> 1700000000 +0000',
        'data 1',
        'm',
        `M 100644 inline f${i % 50}`,
        'data 2',
        `${i % 10}`,
      )
    }
    const { execFileSync } = await import('node:child_process')
    execFileSync('git', ['fast-import', '--quiet'], { cwd: dir, input: `${stream.join('\n')}\n` })
    await git(dir, 'push', '--quiet', github.remote('alice/long'), 'long:main')
    await github.settled()
    const push = github.receiver.of('push').at(-1)!.payload
    expect(push.commits).toHaveLength(2048)
    expect(push.commits.at(-1).id).toBe(push.after)
  })
})

describe('who may', () => {
  it('lets collaborators with write push, others not, and strangers not see a private repository', async () => {
    const dir = await workTree(github)
    const remote = (user: string) => github.remote('alice/shared', user)
    await git(dir, 'push', '--quiet', remote('alice'), 'HEAD:main')
    await git(dir, 'push', '--quiet', github.remote('bob/own'), 'HEAD:main')
    await expect(git(dir, 'push', '--quiet', remote('bob'), 'HEAD:b')).rejects.toThrow(/403/)
    await expect(git(dir, 'push', '--quiet', remote('nobody-yet'), 'HEAD:b')).rejects.toThrow(/Authentication failed/)

    expect(
      (await github.call('PUT', '/repos/alice/shared/collaborators/bob', { as: 'alice', body: { permission: 'push' } }))
        .status,
    ).toBe(204)
    await git(dir, 'push', '--quiet', remote('bob'), 'HEAD:b')

    await github.call('PATCH', '/repos/alice/shared', { as: 'alice', body: { private: true } })
    await git(dir, 'ls-remote', remote('bob'))
    await git(dir, 'push', '--quiet', github.remote('carol/own'), 'HEAD:main')
    await expect(git(dir, 'ls-remote', remote('carol'))).rejects.toThrow(/not found/)
    await expect(git(dir, 'ls-remote', `${github.url}/alice/shared.git`)).rejects.toThrow(
      /could not read Username|terminal prompts/,
    )
    await expect(git(dir, 'ls-remote', `${github.url}/alice/nothing.git`)).rejects.toThrow(
      /could not read Username|terminal prompts/,
    )
    expect((await github.call('GET', '/repos/alice/shared', { as: 'carol' })).status).toBe(404)
    expect((await github.call('GET', '/repos/alice/shared')).status).toBe(404)
    expect((await fetch(`${github.url}/codeload/alice/shared/legacy.tar.gz/main`)).status).toBe(404)
    expect((await fetch(`${github.url}/alice/shared`)).status).toBe(404)
    expect(await (await fetch(github.url)).text()).not.toContain('alice/shared')
  })

  it('lets members push to their organisation and makes the creator its administrator', async () => {
    const dir = await workTree(github)
    await github.call('POST', '/admin/organizations', { body: { login: 'lab', admin: 'alice' } })
    await github.call('PUT', '/orgs/lab/memberships/dora', { as: 'alice', body: { role: 'member' } })
    await git(dir, 'push', '--quiet', github.remote('lab/model', 'dora'), 'HEAD:main')
    await expect(git(dir, 'push', '--quiet', github.remote('lab/other', 'bob'), 'HEAD:main')).rejects.toThrow(/403/)
    await github.settled()
    const push = github.receiver.of('push').at(-1)!.payload
    expect(push).toMatchObject({
      organization: { login: 'lab' },
      repository: { owner: { login: 'lab', type: 'Organization' } },
    })
    expect(
      (await github.call('GET', '/repos/lab/model/collaborators/dora/permission', { as: 'alice' })).body.permission,
    ).toBe('admin')
  })

  it('refuses pushes to an archived repository', async () => {
    const dir = await workTree(github)
    await git(dir, 'push', '--quiet', github.remote('alice/old'), 'HEAD:main')
    await github.call('PATCH', '/repos/alice/old', { as: 'alice', body: { archived: true } })
    await expect(git(dir, 'push', '--quiet', github.remote('alice/old'), 'HEAD:other')).rejects.toThrow(/403/)
  })
})
