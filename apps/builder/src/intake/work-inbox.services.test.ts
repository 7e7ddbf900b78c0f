import { randomBytes, randomUUID } from 'node:crypto'
import { acceptDelivery, findDelivery } from '@modelport/db/queries/deliveries'
import { listChanges, person } from '@modelport/db/queries/model-changes'
import { deleteModel } from '@modelport/db/queries/model-life'
import { findModel, type Model, syncInstallation, updateModelSettings } from '@modelport/db/queries/models'
import { findPermission } from '@modelport/db/queries/people'
import { findVersion } from '@modelport/db/queries/versions'
import { makeSeed, reloadModel, type Seed } from '@modelport/db/seed'
import { models } from '@modelport/db/tables/models'
import { openTestDatabase } from '@modelport/db/testing'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GithubClients } from '../github/github-client.ts'
import { workOneDelivery } from './work-inbox.ts'

let database: Awaited<ReturnType<typeof openTestDatabase>>
let seed: Seed
const installationId = 55
beforeAll(async () => {
  database = await openTestDatabase()
  seed = makeSeed(database.db)
  await syncInstallation(database.db, installationId, (await seed.publisher('alice')).id)
})
afterAll(() => database.close())

/** A GitHub that knows the repositories of this map, each with a `runway.yml`. */
const repositories = new Map<number, Record<string, unknown> & { name: string; default_branch: string }>()
const headOf = new Map<string, string>()
const github = {
  installation: () => ({
    request: async (_route: string, { id }: { id: number }) => {
      const data = repositories.get(id)
      if (!data) throw Object.assign(new Error('Not Found'), { status: 404 })
      return { data }
    },
    rest: {
      repos: {
        getContent: async () => ({ data: [{ name: 'runway.yml' }] }),
        getCommit: async ({ repo, ref }: { repo: string; ref: string }) => {
          const sha = headOf.get(`${repo} ${ref}`)
          if (!sha) throw Object.assign(new Error('Not Found'), { status: 404 })
          return { data: { sha, commit: { message: 'Head', author: { name: 'Alice' } } } }
        },
      },
    },
  }),
} as unknown as GithubClients
const log = { info() {}, warn() {}, error() {} } as unknown as Parameters<typeof workOneDelivery>[0]['log']

/** Sends a message and works it; answers what the page "what happened to my push" will say. */
async function hear(event: string, payload: Record<string, unknown>, repositoryId: number | null) {
  const guid = randomUUID()
  await acceptDelivery(database.db, {
    guid,
    event,
    action: typeof payload.action === 'string' ? payload.action : null,
    bodySha256: 'x',
    repositoryId,
    repositoryName: null,
    installationId,
    payload,
  })
  const work = { database, github, importOnPush: 'configured' as const, log }
  while (await workOneDelivery(work)) {
    // Until nothing is open.
  }
  const row = await database.db.query.deliveries.findFirst({ where: (t) => eq(t.guid, guid) })
  return (await findDelivery(database.db, row!.id))!
}

const commitOf = () => randomBytes(20).toString('hex')
const repositoryOf = (model: Model, more: Record<string, unknown> = {}) => ({
  id: model.githubRepositoryId,
  name: model.name,
  full_name: `alice/${model.name}`,
  private: false,
  archived: false,
  default_branch: 'main',
  owner: { id: 1, login: 'alice', type: 'User' },
  ...more,
})
async function imported(options: Parameters<Seed['model']>[0] = {}) {
  const { model, publisher } = await seed.model(options)
  await database.db.update(models).set({ installationId }).where(eq(models.id, model.id))
  const owner = { id: publisher.githubId, login: 'alice', type: 'User' }
  repositories.set(model.githubRepositoryId, repositoryOf(model, { owner }))
  return { ...model, installationId }
}
const push = (
  model: Model,
  ref: string,
  { commit = commitOf(), ...more }: Record<string, unknown> & { commit?: string } = {},
) =>
  hear(
    'push',
    {
      ref,
      before: '0'.repeat(40),
      after: commit,
      created: false,
      deleted: false,
      forced: false,
      head_commit: { id: commit, message: 'Change', author: { name: 'Alice' } },
      repository: repositoryOf(model),
      installation: { id: installationId },
      sender: { id: 1, login: 'alice' },
      ...more,
    },
    model.githubRepositoryId,
  )
const onRepository = (model: Model, action: string, more: Record<string, unknown> = {}) =>
  hear('repository', { action, repository: repositoryOf(model), ...more }, model.githubRepositoryId)

describe('a push', () => {
  it('to a branch or tag that the rules let in makes a version; others say why not', async () => {
    const model = await imported()
    await updateModelSettings(
      database.db,
      model.id,
      { branchRules: ['release/*', '!release/old*'], tagRules: ['v*'] },
      person('alice'),
    )
    expect(await push(model, 'refs/heads/main')).toMatchObject({ decision: 'version' })
    expect(await push(model, 'refs/heads/release/2')).toMatchObject({ decision: 'version' })
    expect(await push(model, 'refs/tags/v1.0')).toMatchObject({ decision: 'version' })
    expect(await push(model, 'refs/heads/release/old-1')).toMatchObject({
      decision: 'nothing',
      reason:
        'The branch release/old-1 matches none of the model’s branch rules (release/*, !release/old*), which its settings can change.',
    })
    expect((await push(model, 'refs/tags/nightly')).reason).toMatch(/^The tag nightly matches none .* \(v\*\)/)
    expect((await push(model, 'refs/notes/x')).reason).toBe('Pushes to refs/notes/x do not make versions.')
  })

  it('elsewhere says, where there are no rules, that settings can add some', async () => {
    const model = await imported()
    expect((await push(model, 'refs/heads/try')).reason).toBe(
      'Pushes to try do not make versions; the model’s branch is main, and its settings can add others.',
    )
    expect((await push(model, 'refs/tags/v1')).reason).toMatch(/has no tag rules/)
    const gone = { deleted: true, head_commit: null, commit: '0'.repeat(40) }
    expect((await push(model, 'refs/tags/v1', gone)).reason).toMatch(/deleted a tag/)
  })

  it('of an annotated tag builds the commit that the tag stands on', async () => {
    const model = await imported()
    await updateModelSettings(database.db, model.id, { tagRules: ['v*'] }, person('alice'))
    const commit = commitOf()
    const head_commit = { id: commit, message: 'Tagged', author: null }
    expect(await push(model, 'refs/tags/v1', { head_commit })).toMatchObject({ decision: 'version' })
    expect((await findVersion(database.db, model.id, 1))?.commit).toBe(commit)
  })

  it('that brings a known commit to the production branch makes its version count there', async () => {
    const model = await imported()
    await updateModelSettings(database.db, model.id, { branchRules: ['*'] }, person('alice'))
    const commit = commitOf()
    await push(model, 'refs/heads/try', { commit })
    expect((await push(model, 'refs/heads/main', { commit })).reason).toMatch(
      /already is version 1\. It counts as main’s from now on\.$/,
    )
    expect((await findVersion(database.db, model.id, 1))?.ref).toBe('refs/heads/main')
  })

  it('does not bring back a model that was deleted here; an import by name does, under its numbers', async () => {
    const model = await imported()
    await push(model, 'refs/heads/main')
    await deleteModel(database.db, model.id, person('alice'))
    expect((await push(model, 'refs/heads/main')).reason).toBe(
      'The model was deleted here by alice; importing the repository brings it back.',
    )
    const request = {
      repository: `alice/${model.name}`,
      repositoryId: model.githubRepositoryId,
      installationId,
      requestedBy: 'alice',
    }
    headOf.set(`${model.name} heads/main`, commitOf())
    const quiet = await hear('import', { ...request, onlyConfigured: true }, model.githubRepositoryId)
    expect(quiet.decision).toBe('nothing')
    expect(await hear('import', request, model.githubRepositoryId)).toMatchObject({ decision: 'version' })
    expect((await findModel(database.db, 'alice', model.slug))?.model.id).toBe(model.id)
    expect((await findVersion(database.db, model.id, 2))?.trigger).toBe('import')
  })
})

describe('news of a repository', () => {
  it('moves the production branch with the default branch, unless another was chosen here', async () => {
    const model = await imported()
    const now = repositories.get(model.githubRepositoryId)!
    now.default_branch = 'trunk'
    await onRepository(model, 'edited', { changes: { default_branch: { from: 'main' } } })
    expect((await reloadModel(database.db, model.id)).branch).toBe('trunk')
    await updateModelSettings(database.db, model.id, { branch: 'stable' }, person('alice'))
    now.default_branch = 'main'
    await onRepository(model, 'edited', { changes: { default_branch: { from: 'trunk' } } })
    await onRepository(model, 'edited', { changes: { description: { from: 'x' } } })
    expect((await reloadModel(database.db, model.id)).branch).toBe('stable')
  })

  it('hides a model at once when its repository became private, and stands in the record', async () => {
    const model = await imported()
    await seed.publishedVersion(model)
    await onRepository(model, 'privatized')
    await onRepository(model, 'privatized')
    expect((await reloadModel(database.db, model.id)).repositoryPrivate).toBe(true)
    const changes = await listChanges(database.db, model.id)
    expect(changes.filter((c) => c.what === 'repository-visibility')).toMatchObject([
      { kind: 'repository', from: 'public', to: 'private' },
    ])
  })

  it('archives and opens it again, and leaves alone what a person archived', async () => {
    const model = await imported()
    repositories.get(model.githubRepositoryId)!.archived = true
    await onRepository(model, 'archived')
    expect((await push(model, 'refs/heads/main')).reason).toMatch(/archived/)
    repositories.get(model.githubRepositoryId)!.archived = false
    await onRepository(model, 'unarchived')
    expect((await reloadModel(database.db, model.id)).state).not.toBe('archived')
  })

  it('renames, transfers and deletes by its id', async () => {
    const model = await imported({ name: 'moving' })
    const frank = { id: 661_001, login: 'Frank', type: 'User' }
    repositories.set(model.githubRepositoryId, {
      ...repositories.get(model.githubRepositoryId)!,
      name: 'Moved',
      owner: frank,
    })
    await onRepository(model, 'transferred')
    expect((await findModel(database.db, 'alice', 'moving'))?.movedTo).toBe('frank/moved')
    await onRepository(model, 'deleted')
    expect(await findModel(database.db, 'frank', 'moved')).toBeNull()
    expect(await findModel(database.db, 'alice', 'moving')).toBeNull()
  })

  it('follows an account that got another login', async () => {
    const { model, publisher } = await seed.model({ owner: 'greta', name: 'kept' })
    const account = { id: publisher.githubId, login: 'Greta2', type: 'User' }
    await hear('installation_target', { action: 'renamed', account, installation: { id: installationId } }, null)
    expect(await findModel(database.db, 'greta', 'kept')).toMatchObject({ movedTo: 'greta2/kept' })
    expect((await listChanges(database.db, model.id))[0]).toMatchObject({ what: 'name', to: 'greta2/kept' })
  })
})

describe('rights', () => {
  it('are forgotten at once when a collaborator, an organisation or the app says so', async () => {
    const model = await imported()
    const bob = await seed.person('bob')
    const known = () => findPermission(database.db, bob.id, model.id)
    const member = { id: bob.githubId, login: 'bob' }
    for (const [event, payload] of [
      ['member', { action: 'removed', member, repository: repositoryOf(model) }],
      ['organization', { action: 'member_removed', membership: { user: member } }],
      ['membership', { action: 'removed', member }],
      ['installation', { action: 'suspend', installation: { id: installationId, account: { id: 1, login: 'alice' } } }],
    ] as const) {
      await seed.permission(bob, model, 'write')
      await hear(event, payload, event === 'member' ? model.githubRepositoryId : null)
      expect(await known(), event).toBeNull()
    }
  })

  it('of an app that was taken off end its builds', async () => {
    const model = await imported()
    await push(model, 'refs/heads/main')
    const installation = { id: installationId, account: { id: 1, login: 'alice' } }
    const repositories_removed = [{ id: model.githubRepositoryId }]
    await hear(
      'installation_repositories',
      { action: 'removed', installation, repositories_added: [], repositories_removed },
      null,
    )
    expect(await findVersion(database.db, model.id, 1)).toMatchObject({
      state: 'cancelled',
      stateReason: 'The app may no longer see the repository.',
    })
    expect((await reloadModel(database.db, model.id)).installationId).toBeNull()
  })
})
