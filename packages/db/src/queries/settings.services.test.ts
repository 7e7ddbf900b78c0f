import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSeed, reloadModel, type Seed } from '../seed.ts'
import { models } from '../tables/models.ts'
import { openTestDatabase } from '../testing.ts'
import { listChanges, person, repository } from './model-changes.ts'
import {
  archiveModel,
  countOfModel,
  deleteModel,
  findDeletedHere,
  findTombstone,
  ModelChangeError,
  renameModel,
  restoreModel,
} from './model-life.ts'
import {
  editDescription,
  findModel,
  type Model,
  newestReadyVersion,
  setDefaultVersion,
  syncModel,
  syncPublisher,
  updateModelSettings,
} from './models.ts'
import { adoptVersion, findVersion, yankVersion } from './versions.ts'

let database: Awaited<ReturnType<typeof openTestDatabase>>
let seed: Seed
const db = () => database.db
const alice = person('alice')
beforeAll(async () => {
  database = await openTestDatabase()
  seed = makeSeed(database.db)
})
afterAll(() => database.close())

const changesOf = async (model: Model) =>
  (await listChanges(db(), model.id)).map(({ kind, changedBy, what, from, to }) => ({
    kind,
    changedBy,
    what,
    from,
    to,
  }))
const repositoryOf = (model: Model, name = model.name) => ({
  id: model.githubRepositoryId,
  name,
  private: false,
  default_branch: 'main',
})
/** What a message of GitHub about this repository does. */
async function hear(model: Model, name: string, owner = 'alice') {
  const publisher = await seed.publisher(owner)
  return syncModel(db(), { repository: repositoryOf(model, name), publisher, installationId: null })
}
const whereIs = async (path: string) => {
  const [owner, name] = path.split('/') as [string, string]
  const found = await findModel(db(), owner, name)
  return found && { id: found.model.id, movedTo: found.movedTo }
}

describe('the record of changes', () => {
  it('says who changed what, from and to, the newest first, and nothing for what stayed the same', async () => {
    const { model } = await seed.model()
    await updateModelSettings(db(), model.id, { visibility: 'unlisted', branch: 'main', viewersSeeLogs: true }, alice)
    await updateModelSettings(db(), model.id, { visibility: 'unlisted' }, alice)
    await editDescription(db(), model.id, { title: 'Sketch', licence: { spdx: 'MIT' } }, person('bob'))
    await editDescription(db(), model.id, { title: null }, person('bob'))
    const bobs = { kind: 'person', changedBy: 'bob' }
    expect(await changesOf(model)).toEqual([
      { ...bobs, what: 'title', from: 'Sketch', to: null },
      { ...bobs, what: 'license', from: null, to: { spdx: 'MIT' } },
      { ...bobs, what: 'title', from: null, to: 'Sketch' },
      { kind: 'person', changedBy: 'alice', what: 'viewers-see-logs', from: false, to: true },
      { kind: 'person', changedBy: 'alice', what: 'visibility', from: 'public', to: 'unlisted' },
      { kind: 'repository', changedBy: null, what: 'created', from: null, to: `alice/${model.name}` },
    ])
  })

  it('is not written when the change is not', async () => {
    const { model } = await seed.model()
    const before = await changesOf(model)
    await db()
      .transaction(async (tx) => {
        await updateModelSettings(tx, model.id, { visibility: 'private' }, alice)
        throw new Error('rolled back')
      })
      .catch(() => {})
    expect(await changesOf(model)).toEqual(before)
    expect((await reloadModel(db(), model.id)).visibility).toBe('public')
  })

  it('names versions that are yanked and moves of the default, with their reasons', async () => {
    const { model } = await seed.model()
    await seed.publishedVersion(model)
    const two = await seed.publishedVersion(model)
    await setDefaultVersion(db(), model.id, { policy: 'pinned', version: 1 }, 'alice')
    await yankVersion(db(), two.id, 'alice', 'wrong weights')
    const [yank, pin] = await listChanges(db(), model.id)
    expect(yank).toMatchObject({ what: 'yank', to: { version: 2, yanked: true }, reason: 'wrong weights' })
    expect(pin).toMatchObject({
      what: 'default-version',
      from: { version: 2, policy: 'latest' },
      to: { version: 1, policy: 'pinned' },
    })
  })

  it('keeps long texts by their beginnings, and pages without a gap', async () => {
    const { model } = await seed.model()
    await editDescription(db(), model.id, { overview: 'x'.repeat(60_000) }, alice)
    for (let i = 0; i < 5; i++) await editDescription(db(), model.id, { title: `Title ${i}` }, alice)
    const first = await listChanges(db(), model.id, { limit: 4 })
    const rest = await listChanges(db(), model.id, { before: first.at(-1)!.id })
    expect([...first, ...rest].map((change) => change.what)).toEqual([...Array(5).fill('title'), 'overview', 'created'])
    expect(JSON.stringify(rest[1]!.to).length).toBeLessThan(600)
  })
})

describe('names', () => {
  it('given on the site stay through news from GitHub, and every old address redirects', async () => {
    const { model } = await seed.model({ name: 'First' })
    await renameModel(db(), model.id, 'second', alice)
    await renameModel(db(), model.id, 'third', alice)
    for (const old of ['alice/first', 'alice/FIRST', 'alice/second'])
      expect(await whereIs(old)).toEqual({ id: model.id, movedTo: 'alice/third' })
    await hear(model, 'First-on-GitHub')
    expect(await whereIs('alice/third')).toEqual({ id: model.id, movedTo: null })
    await renameModel(db(), model.id, null, alice)
    expect(await whereIs('alice/third')).toEqual({ id: model.id, movedTo: 'alice/first-on-github' })
    expect((await listChanges(db(), model.id)).map((c) => c.to)).toEqual([
      'alice/first-on-github',
      'alice/third',
      'alice/second',
      'alice/First',
    ])
  })

  it('are not taken from another model or its repository', async () => {
    const a = (await seed.model({ name: 'taken-a' })).model
    const b = (await seed.model({ name: 'taken-b' })).model
    await expect(renameModel(db(), b.id, 'taken-a', alice)).rejects.toThrow(ModelChangeError)
    await renameModel(db(), a.id, 'taken-c', alice)
    await expect(renameModel(db(), b.id, 'Taken-A', alice)).rejects.toThrow(/another model or of its repository/)
  })

  it('given on the site give way to the repository that bears them', async () => {
    const a = (await seed.model({ name: 'way-a' })).model
    await renameModel(db(), a.id, 'way-b', alice)
    const b = (await seed.model({ name: 'way-b' })).model
    expect(await whereIs('alice/way-b')).toEqual({ id: b.id, movedTo: null })
    expect(await whereIs('alice/way-a')).toEqual({ id: a.id, movedTo: null })
    expect((await listChanges(db(), a.id))[0]).toMatchObject({ what: 'name', kind: 'repository', to: 'alice/way-a' })
  })

  it('do not break when the repository was renamed on GitHub in between and its own name is gone', async () => {
    const a = (await seed.model({ name: 'gone-a' })).model
    await renameModel(db(), a.id, 'gone-b', alice)
    const c = (await seed.model({ name: 'gone-a' })).model
    const b = (await seed.model({ name: 'gone-b' })).model
    expect((await whereIs('alice/gone-a'))?.id).toBe(c.id)
    expect((await whereIs('alice/gone-b'))?.id).toBe(b.id)
    await hear(a, 'gone-z')
    expect((await whereIs('alice/gone-z'))?.id).toBe(a.id)
  })

  it('redirect when their owner got another login, or gave the repository away', async () => {
    const dora = { id: 880_001, login: 'Dora', type: 'User' }
    await syncPublisher(db(), dora)
    const { model } = await seed.model({ owner: 'dora', name: 'gift' })
    await syncPublisher(db(), { ...dora, login: 'Dora2' })
    expect(await whereIs('dora/gift')).toEqual({ id: model.id, movedTo: 'dora2/gift' })
    // Another account takes the login: what it makes under the old name is its own.
    const other = await syncPublisher(db(), { id: 880_002, login: 'Dora', type: 'User' })
    const { model: theirs } = await syncModel(db(), {
      repository: { id: 880_003, name: 'gift', private: false, default_branch: 'main' },
      publisher: other,
      installationId: null,
    })
    expect(await whereIs('dora/gift')).toEqual({ id: theirs.id, movedTo: null })
    await hear(model, 'gift', 'erin')
    expect(await whereIs('dora2/gift')).toEqual({ id: model.id, movedTo: 'erin/gift' })
  })

  it('have one winner when two models want one at once', async () => {
    for (let i = 0; i < 20; i++) {
      const a = (await seed.model()).model
      const b = (await seed.model()).model
      const wanted = [a, b].map((model) => renameModel(db(), model.id, `race-${i}`, alice))
      const outcomes = await Promise.allSettled(wanted)
      expect(outcomes.map((o) => o.status).sort()).toEqual(['fulfilled', 'rejected'])
      const loser = outcomes.find((o) => o.status === 'rejected') as PromiseRejectedResult
      expect(loser.reason).toBeInstanceOf(ModelChangeError)
    }
  })
})

describe('branches and tags', () => {
  const published = async (model: Model, ref: string) => {
    const version = await seed.publishedVersion(model, { ref })
    return version.number
  }
  const defaultOf = async (model: Model) => {
    const id = (await reloadModel(db(), model.id)).defaultVersionId
    return id ? (await db().query.versions.findFirst({ where: (t, { eq }) => eq(t.id, id) }))!.number : null
  }

  it('other than the production branch take no default from it, but give one where it has none', async () => {
    const { model } = await seed.model()
    await published(model, 'refs/tags/v1')
    expect(await defaultOf(model)).toBe(1)
    await published(model, 'refs/heads/main')
    expect(await defaultOf(model)).toBe(2)
    await published(model, 'refs/heads/try')
    expect(await defaultOf(model)).toBe(2)
    expect((await newestReadyVersion(db(), model.id))?.number).toBe(2)
    await yankVersion(db(), (await findVersion(db(), model.id, 2))!.id, 'alice', 'wrong weights')
    expect(await defaultOf(model)).toBe(3)
  })

  it('hand a version over when its commit comes to the production branch', async () => {
    const { model } = await seed.model()
    await published(model, 'refs/heads/main')
    await published(model, 'refs/heads/try')
    const version = (await findVersion(db(), model.id, 2))!
    expect(await db().transaction((tx) => adoptVersion(tx, version, 'refs/heads/main'))).toBe(true)
    expect(await defaultOf(model)).toBe(2)
    expect((await listChanges(db(), model.id))[0]?.reason).toBe('Version 2 came to main.')
  })
})

describe('archiving', () => {
  it('lasts until neither the person nor the repository wants it', async () => {
    const { model } = await seed.model()
    await seed.queuedVersion(model)
    await archiveModel(db(), model.id, true, alice)
    expect(await reloadModel(db(), model.id)).toMatchObject({ state: 'archived', stateReason: 'Archived by alice.' })
    expect((await findVersion(db(), model.id, 1))?.state).toBe('cancelled')
    await archiveModel(db(), model.id, true, repository)
    await archiveModel(db(), model.id, false, alice)
    expect(await reloadModel(db(), model.id)).toMatchObject({ state: 'archived', archivedBy: null })
    await archiveModel(db(), model.id, false, repository)
    expect((await reloadModel(db(), model.id)).state).toBe('active')
  })
})

describe('deleting', () => {
  it('hides at once, cancels what runs, and can be taken back for two weeks', async () => {
    const { model } = await seed.model()
    await seed.publishedVersion(model)
    await seed.queuedVersion(model)
    expect(await countOfModel(db(), model.id)).toMatchObject({
      versions: 2,
      images: 2,
      imageBytes: 5_016_000_000,
      running: 2,
    })
    const path = `alice/${model.slug}`
    await deleteModel(db(), model.id, alice)
    expect(await whereIs(path)).toBeNull()
    expect(await findTombstone(db(), path)).toBeInstanceOf(Date)
    expect((await findVersion(db(), model.id, 2))?.state).toBe('cancelled')
    expect((await findDeletedHere(db(), model.githubRepositoryId))?.deletedBy).toBe('alice')
    expect(await restoreModel(db(), model.id, alice)).toBe(path)
    expect(await whereIs(path)).toEqual({ id: model.id, movedTo: null })
    expect(await findTombstone(db(), path)).toBeNull()
    expect((await changesOf(model)).slice(0, 2).map((c) => [c.what, c.to])).toEqual([
      ['delete', false],
      ['delete', true],
    ])
  })

  it('cannot be taken back after two weeks, nor when the repository was deleted', async () => {
    const { model } = await seed.model()
    await deleteModel(db(), model.id, alice)
    await db().update(models).set({ deletedAt: sql`now() - interval '15 days'` }).where(sql`id = ${model.id}`)
    await expect(restoreModel(db(), model.id, alice)).rejects.toThrow(ModelChangeError)
    const other = (await seed.model()).model
    await deleteModel(db(), other.id, repository)
    await expect(restoreModel(db(), other.id, alice)).rejects.toThrow(ModelChangeError)
  })

  it('says nothing of a model that not everybody could open', async () => {
    for (const visibility of ['unlisted', 'private'] as const) {
      const { model } = await seed.model()
      await updateModelSettings(db(), model.id, { visibility }, alice)
      await deleteModel(db(), model.id, alice)
      expect(await findTombstone(db(), `alice/${model.slug}`)).toBeNull()
    }
  })

  it('and publishing leave no half state, whichever comes first', async () => {
    for (let i = 0; i < 10; i++) {
      const { model } = await seed.model()
      await Promise.allSettled([seed.publishedVersion(model, { lines: 1 }), deleteModel(db(), model.id, alice)])
      expect(await whereIs(`alice/${model.slug}`)).toBeNull()
      const rows = await db().execute(sql`select 1 from model_search where model_id = ${model.id}`)
      expect(rows).toHaveLength(0)
    }
  })
})
