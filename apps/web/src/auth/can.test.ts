import type { Model } from '@modelport/db/queries/models'
import type { Permission, TokenScope, User } from '@modelport/db/queries/people'
import { describe, expect, it } from 'vitest'
import { type Action, type Actor, actions, can, effectiveVisibility, mayAdminister } from '#src/auth/can.ts'

const model = (values: Partial<Model> = {}) =>
  ({
    repositoryPrivate: false,
    visibility: 'public',
    viewersSeeVersions: false,
    viewersSeeLogs: false,
    viewersSeeFiles: false,
    ...values,
  }) as Model

const actor = (permission: Permission | 'unknown' | 'anonymous', scopes: TokenScope[] | null = null): Actor => ({
  user: permission === 'anonymous' ? null : ({ id: 'u' } as User),
  scopes,
  permissionOn: async () => (permission === 'anonymous' ? 'none' : permission),
})

async function allowed(who: Actor, what: Model): Promise<Action[]> {
  const decisions = await Promise.all(actions.map((action) => can(who, action, what)))
  return actions.filter((_, i) => decisions[i] === 'allow')
}

const publisherMay = [
  'see',
  'see-versions',
  'see-logs',
  'see-files',
  'see-changes',
  'build',
  'publish',
  'change-files',
  'change-settings',
]

describe('who may do what', () => {
  const visibilities = [
    { name: 'public', values: {} },
    { name: 'unlisted', values: { visibility: 'unlisted' as const } },
    { name: 'private by choice', values: { visibility: 'private' as const } },
    { name: 'private by repository', values: { repositoryPrivate: true } },
  ]
  for (const { name, values } of visibilities) {
    const open = !name.startsWith('private')
    it(`${name}: anonymous ${open ? 'sees the model and nothing else' : 'sees nothing'}`, async () => {
      expect(await allowed(actor('anonymous'), model(values))).toEqual(open ? ['see'] : [])
    })
    it(`${name}: a stranger who is signed in is like anonymous`, async () => {
      expect(await allowed(actor('none'), model(values))).toEqual(open ? ['see'] : [])
    })
    it(`${name}: write access makes a publisher, admin an owner`, async () => {
      expect(await allowed(actor('write'), model(values))).toEqual(publisherMay)
      expect(await allowed(actor('admin'), model(values))).toEqual([...publisherMay, 'rename', 'delete'])
    })
  }

  it('GitHub says "read" of everybody on a public repository: that opens no model that was made private here', async () => {
    expect(await can(actor('read'), 'see', model({ visibility: 'private' }))).toBe('hide')
    expect(await can(actor('read'), 'see', model({ repositoryPrivate: true }))).toBe('allow')
  })

  it('a repository made private wins over a public choice at once', () => {
    expect(effectiveVisibility({ repositoryPrivate: true, visibility: 'public' })).toBe('private')
    expect(effectiveVisibility({ repositoryPrivate: false, visibility: 'unlisted' })).toBe('unlisted')
  })

  it('settings open versions, logs and files to viewers, each on its own', async () => {
    expect(await allowed(actor('anonymous'), model({ viewersSeeVersions: true }))).toEqual(['see', 'see-versions'])
    expect(await allowed(actor('anonymous'), model({ viewersSeeLogs: true }))).toEqual(['see', 'see-logs'])
    expect(await allowed(actor('anonymous'), model({ viewersSeeFiles: true }))).toEqual(['see', 'see-files'])
    expect(await allowed(actor('anonymous'), model({ viewersSeeLogs: true, repositoryPrivate: true }))).toEqual([])
  })

  it('hides from strangers what it forbids to members', async () => {
    expect(await can(actor('anonymous'), 'see-versions', model())).toBe('hide')
    expect(await can(actor('none'), 'change-settings', model())).toBe('hide')
    expect(await can(actor('read'), 'change-settings', model({ repositoryPrivate: true }))).toBe('forbid')
    expect(await can(actor('write'), 'delete', model())).toBe('forbid')
    expect(await can(actor('write'), 'rename', model())).toBe('forbid')
    expect(await can(actor('read'), 'see-changes', model())).toBe('hide')
  })

  it('does not guess while GitHub is silent: what is open stays open, private stays hidden, the rest is unavailable', async () => {
    expect(await can(actor('unknown'), 'see', model())).toBe('allow')
    expect(await can(actor('unknown'), 'see', model({ visibility: 'private' }))).toBe('hide')
    expect(await can(actor('unknown'), 'build', model())).toBe('unavailable')
  })

  it('a token does no more than its scopes, and says so only about what its person may see', async () => {
    const reads = ['see', 'see-versions', 'see-logs', 'see-files', 'see-changes']
    expect(await allowed(actor('admin', ['read']), model())).toEqual(reads)
    expect(await allowed(actor('admin', ['read', 'write']), model())).toEqual([...reads, 'build', 'publish'])
    expect(await allowed(actor('admin', ['files']), model())).toEqual(['see-files', 'change-files'])
    expect(await can(actor('admin', ['read']), 'build', model())).toBe('forbid')
    expect(await can(actor('none', ['read', 'write', 'admin']), 'build', model({ visibility: 'private' }))).toBe('hide')
  })
})

describe('mayAdminister', () => {
  const alice = { user: { login: 'Alice' } } as Parameters<typeof mayAdminister>[0]
  it('is for those whom the operator named, in any case, and for everybody signed in with a star', () => {
    expect(mayAdminister(alice, ['alice'])).toBe(true)
    expect(mayAdminister(alice, ['*'])).toBe(true)
    expect(mayAdminister(alice, ['bob'])).toBe(false)
    expect(mayAdminister(alice, [])).toBe(false)
    expect(mayAdminister({ user: null }, ['*'])).toBe(false)
  })
})
