import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../client.ts'
import { outbox } from '../tables/intake.ts'
import { models, recordedChanges } from '../tables/models.ts'
import { builds, logLines, versions } from '../tables/versions.ts'
import { openTestDatabase } from '../testing.ts'
import {
  appendLines,
  endSilentSessions,
  endStep,
  failBuild,
  heartbeat,
  listSteps,
  publishBuild,
  readLines,
  recordReport,
  reportedAs,
  retryBuild,
  sessionsOf,
  startStep,
  sweepBuilds,
  sweepReports,
  switchTargetOff,
  takeBuild,
} from './builds.ts'
import { acceptDeliveries, acceptDelivery, closeDelivery, nextDelivery, postponeDelivery } from './deliveries.ts'
import { findModel, type Model, setDefaultVersion, syncInstallation, syncModel, syncPublisher } from './models.ts'
import { relayOutbox } from './outbox.ts'
import {
  cancelVersion,
  createVersion,
  currentBuilds,
  rebuildVersion,
  supersedeQueued,
  yankVersion,
} from './versions.ts'

let database: Awaited<ReturnType<typeof openTestDatabase>>
const db = () => database.db
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

let ids = 1000
const commitOf = (n: number) => n.toString(16).padStart(40, '0')
async function makeModel(name = `model-${++ids}`, owner = { id: 7, login: 'Alice', type: 'User' }): Promise<Model> {
  const publisher = await syncPublisher(db(), owner)
  const { model } = await syncModel(db(), {
    publisher,
    installationId: null,
    repository: { id: ++ids, name, private: false, default_branch: 'main' },
  })
  return model
}
const newVersion = (model: Model, commit = commitOf(++ids)) =>
  db().transaction((tx) =>
    createVersion(tx, {
      modelId: model.id,
      commit,
      ref: 'refs/heads/main',
      commitSubject: 'change',
      authorName: 'Alice',
      requestedBy: 'alice',
      trigger: 'push',
    }),
  )
const record = {
  imageRepository: 'models/x',
  imageTag: '1-cpu',
  imageDigest: `sha256:${'a'.repeat(64)}`,
  imagePushed: true,
  sizeBytes: 1,
  manifest: { options: [], commands: [] },
  substitutions: [],
  layers: [],
}
async function publishAll(versionId: string) {
  for (const build of await currentBuilds(db(), versionId)) {
    const taken = (await takeBuild(db(), build.id, 'w'))!
    expect(await publishBuild(db(), { buildId: build.id, epoch: taken.epoch }, record)).toBe(true)
  }
}
const reload = async (id: string) => (await db().select().from(versions).where(eq(versions.id, id)))[0]!
const reloadModel = async (id: string) => (await db().select().from(models).where(eq(models.id, id)))[0]!

describe('versions', () => {
  it('are numbered without a gap, also when twenty are made at once', async () => {
    const model = await makeModel()
    const made = await Promise.all(Array.from({ length: 20 }, () => newVersion(model)))
    expect(made.map((m) => m.version.number).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  })
  it('come once for a commit, also when its push is told fifty times at once', async () => {
    const model = await makeModel()
    const commit = commitOf(++ids)
    const made = await Promise.all(Array.from({ length: 50 }, () => newVersion(model, commit)))
    expect(new Set(made.map((m) => m.version.id)).size).toBe(1)
    expect(made.filter((m) => m.created)).toHaveLength(1)
    expect(await currentBuilds(db(), made[0]!.version.id)).toHaveLength(2)
  })
  it('become ready with both builds, and then the default', async () => {
    const model = await makeModel()
    const { version } = await newVersion(model)
    const [cpu, gpu] = await currentBuilds(db(), version.id)
    const a = (await takeBuild(db(), cpu!.id, 'w'))!
    expect((await reload(version.id)).state).toBe('building')
    await publishBuild(db(), { buildId: a.id, epoch: a.epoch }, record)
    expect((await reload(version.id)).state).toBe('building')
    expect((await reloadModel(model.id)).defaultVersionId).toBeNull()
    const b = (await takeBuild(db(), gpu!.id, 'w'))!
    await publishBuild(db(), { buildId: b.id, epoch: b.epoch }, record)
    expect(await reload(version.id)).toMatchObject({ state: 'ready', manifest: record.manifest })
    expect((await reloadModel(model.id)).defaultVersionId).toBe(version.id)
  })
  it('say so when the targets describe different interfaces', async () => {
    const model = await makeModel()
    const { version } = await newVersion(model)
    for (const [i, build] of (await currentBuilds(db(), version.id)).entries()) {
      const taken = (await takeBuild(db(), build.id, 'w'))!
      await publishBuild(
        db(),
        { buildId: build.id, epoch: taken.epoch },
        { ...record, manifest: { options: [], commands: [], i } },
      )
    }
    expect((await reload(version.id)).warnings).toMatchObject([{ code: 'manifest/targets-differ' }])
    expect((await reload(version.id)).manifest).toMatchObject({ i: 0 })
  })
  it('are partial with one image, and a partial one never becomes the default', async () => {
    const model = await makeModel()
    const { version } = await newVersion(model)
    const [cpu, gpu] = await currentBuilds(db(), version.id)
    const a = (await takeBuild(db(), cpu!.id, 'w'))!
    await publishBuild(db(), { buildId: a.id, epoch: a.epoch }, record)
    const b = (await takeBuild(db(), gpu!.id, 'w'))!
    await failBuild(db(), { buildId: b.id, epoch: b.epoch }, 'failed', null)
    expect((await reload(version.id)).state).toBe('partial')
    expect((await reloadModel(model.id)).defaultVersionId).toBeNull()
  })
  it('are ready with one target when the other is switched off', async () => {
    const model = await makeModel()
    const { version } = await newVersion(model)
    const [cpu, gpu] = await currentBuilds(db(), version.id)
    const b = (await takeBuild(db(), gpu!.id, 'w'))!
    expect(await switchTargetOff(db(), { buildId: b.id, epoch: b.epoch })).toEqual({ checkRunId: null })
    const a = (await takeBuild(db(), cpu!.id, 'w'))!
    await publishBuild(db(), { buildId: a.id, epoch: a.epoch }, record)
    expect((await reload(version.id)).state).toBe('ready')
  })
  it('that wait give way to a newer push; those that build do not', async () => {
    const model = await makeModel()
    const first = (await newVersion(model)).version
    await takeBuild(db(), (await currentBuilds(db(), first.id))[0]!.id, 'w')
    const second = (await newVersion(model)).version
    const third = (await newVersion(model)).version
    const gone = await db().transaction((tx) => supersedeQueued(tx, third))
    expect(gone.map((v) => v.number)).toEqual([second.number])
    expect((await reload(second.id)).state).toBe('superseded')
    expect((await reload(first.id)).state).toBe('building')
  })
})

describe('rebuilding', () => {
  it('tries a target without an image again in the same version', async () => {
    const model = await makeModel()
    const { version } = await newVersion(model)
    const [cpu, gpu] = await currentBuilds(db(), version.id)
    const a = (await takeBuild(db(), cpu!.id, 'w'))!
    await publishBuild(db(), { buildId: a.id, epoch: a.epoch }, record)
    const b = (await takeBuild(db(), gpu!.id, 'w'))!
    await failBuild(db(), { buildId: b.id, epoch: b.epoch }, 'failed', null)
    const done = await rebuildVersion(db(), version.id, { useCache: true, requestedBy: 'alice' })
    expect(done).toMatchObject({ kind: 'attempt', targets: ['gpu'], version: { number: 1 } })
    const now = await currentBuilds(db(), version.id)
    expect(now.map((x) => [x.target, x.attempt, x.state])).toEqual([
      ['cpu', 1, 'ready'],
      ['gpu', 2, 'queued'],
    ])
    await publishAll(version.id).catch(() => undefined)
  })
  it('gives a ready version a new number, and leaves its images alone', async () => {
    const model = await makeModel()
    const { version } = await newVersion(model)
    await publishAll(version.id)
    const done = await rebuildVersion(db(), version.id, { useCache: false, requestedBy: 'alice' })
    expect(done).toMatchObject({
      kind: 'version',
      version: { number: 2, rebuildOf: version.id, commit: version.commit },
    })
    expect((await currentBuilds(db(), done.version.id)).every((b) => b.useCache === false)).toBe(true)
  })
  it('refuses while a build runs', async () => {
    const model = await makeModel()
    const { version } = await newVersion(model)
    await expect(rebuildVersion(db(), version.id, { useCache: true, requestedBy: 'alice' })).rejects.toThrow(
      /cancel it first/,
    )
  })
})

describe('cancelling', () => {
  it('ends what waits at once and asks what runs', async () => {
    const model = await makeModel()
    const { version } = await newVersion(model)
    const [cpu] = await currentBuilds(db(), version.id)
    const a = (await takeBuild(db(), cpu!.id, 'w'))!
    expect(await cancelVersion(db(), version.id, 'alice')).toBe(2)
    expect(await heartbeat(db(), { buildId: a.id, epoch: a.epoch })).toEqual({ cancelRequestedBy: 'alice' })
    await failBuild(db(), { buildId: a.id, epoch: a.epoch }, 'cancelled', null)
    expect((await reload(version.id)).state).toBe('cancelled')
  })
})

describe('leases', () => {
  it('are given to one of many workers', async () => {
    const { version } = await newVersion(await makeModel())
    const [cpu] = await currentBuilds(db(), version.id)
    const taken = await Promise.all(Array.from({ length: 20 }, (_, i) => takeBuild(db(), cpu!.id, `w${i}`)))
    expect(taken.filter(Boolean)).toHaveLength(1)
  })
  it('that ran out go to another worker, and fence the first one', async () => {
    const { version } = await newVersion(await makeModel())
    const [cpu] = await currentBuilds(db(), version.id)
    const first = (await takeBuild(db(), cpu!.id, 'first'))!
    const old = { buildId: first.id, epoch: first.epoch }
    await startStep(db(), old, 'fetch')
    expect(await appendLines(db(), old, [line('one'), line('two')])).toBe(2)
    await database.sql`update builds set lease_expires_at = now() - interval '1 second' where id = ${first.id}`
    expect((await sweepBuilds(db())).lost).toBeGreaterThan(0)
    const second = (await takeBuild(db(), cpu!.id, 'second'))!
    expect(second.epoch).toBe(first.epoch + 1)
    expect(await heartbeat(db(), old)).toBeNull()
    expect(await startStep(db(), old, 'config')).toBe(false)
    expect(await endStep(db(), old, 'fetch', { state: 'done' })).toBe(false)
    expect(await appendLines(db(), old, [line('late')])).toBeNull()
    expect(await publishBuild(db(), old, record)).toBe(false)
    expect(await failBuild(db(), old, 'failed', null)).toBe(false)
    expect(await retryBuild(db(), old, {} as never, 0)).toBe(false)
    expect(await switchTargetOff(db(), old)).toBeUndefined()
    expect((await listSteps(db(), first.id)).map((s) => [s.name, s.state])).toEqual([['fetch', 'cancelled']])
    expect(await appendLines(db(), { buildId: first.id, epoch: second.epoch }, [line('three')])).toBe(3)
    expect((await readLines(db(), first.id)).map((l) => [l.number, l.text])).toEqual([
      [1, 'one'],
      [2, 'two'],
      [3, 'three'],
    ])
  })
  it('are not held up by the rows of a worker that stands still, also those that it only waits for', async () => {
    const { version } = await newVersion(await makeModel())
    const [cpu] = await currentBuilds(db(), version.id)
    const silent = openDatabase(database.url, { name: sessionsOf('silent') })
    const lock = () =>
      silent.db.transaction(async (tx) => {
        await tx.select().from(versions).where(eq(versions.id, version.id)).for('update')
        await new Promise(() => {})
      })
    const ended = Promise.allSettled([lock(), lock(), lock()])
    await expect
      .poll(async () => (await database.sql`select 1 from pg_locks where not granted`).length)
      .toBeGreaterThan(0)
    expect(await endSilentSessions(db(), 60)).toBe(0)
    await expect.poll(() => endSilentSessions(db(), 0.3)).toBe(3)
    expect(await takeBuild(db(), cpu!.id, 'second')).not.toBeNull()
    expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    await silent.close()
  })
  it.each([
    ['a worker', sessionsOf('halfway'), [0.3, 60]],
    ['another process', 'modelport-halfway', [60, 0.3]],
  ])('are not held up by %s that was stopped in the middle of a statement', async (_, name, [seconds, others]) => {
    const { version } = await newVersion(await makeModel())
    const [cpu] = await currentBuilds(db(), version.id)
    const silent = openDatabase(database.url, { name })
    const ended = expect(
      silent.sql.begin(async (sql) => {
        await sql`select from builds where id = ${cpu!.id} for update`
        // The rest of this statement never comes, as when the process is stopped between two messages of one.
        const rest = await sql`copy log_lines (build_id) from stdin`.writable()
        rest.on('error', () => undefined)
        await new Promise(() => {})
      }),
    ).rejects.toThrow()
    const waiting = () => database.sql`select 1 from pg_stat_activity
      where application_name = ${name} and state = 'active' and wait_event = 'ClientRead'`
    await expect.poll(async () => (await waiting()).length).toBe(1)
    expect(await endSilentSessions(db(), 60, 60)).toBe(0)
    await expect.poll(() => endSilentSessions(db(), seconds!, others)).toBe(1)
    expect(await takeBuild(db(), cpu!.id, 'second')).not.toBeNull()
    await ended
    await silent.close()
  })
  it('begin their lease when they are taken, however long the rows were waited for', async () => {
    const { version } = await newVersion(await makeModel())
    const [cpu] = await currentBuilds(db(), version.id)
    let taking: Promise<unknown> | undefined
    await database.sql.begin(async (sql) => {
      await sql`select from builds where id = ${cpu!.id} for update`
      taking = takeBuild(db(), cpu!.id, 'patient', 1)
      await new Promise((resolve) => setTimeout(resolve, 1500))
    })
    expect(await taking).not.toBeNull()
    expect(await takeBuild(db(), cpu!.id, 'second')).toBeNull()
  })
  it('end with a build that took its workers down too often', async () => {
    const { version } = await newVersion(await makeModel())
    const [cpu] = await currentBuilds(db(), version.id)
    for (let i = 0; i < 4; i++) {
      expect(await takeBuild(db(), cpu!.id, 'w')).not.toBeNull()
      await database.sql`update builds set lease_expires_at = now() - interval '1 second' where id = ${cpu!.id}`
      await sweepBuilds(db())
    }
    const [row] = await db().select().from(builds).where(eq(builds.id, cpu!.id))
    expect(row).toMatchObject({ state: 'failed', failure: { code: 'build/workers-lost', fault: 'platform' } })
  })
  it('number lines without a gap when several batches are written at once', async () => {
    const { version } = await newVersion(await makeModel())
    const [cpu] = await currentBuilds(db(), version.id)
    const taken = (await takeBuild(db(), cpu!.id, 'w'))!
    const lease = { buildId: taken.id, epoch: taken.epoch }
    await Promise.all(Array.from({ length: 20 }, (_, i) => appendLines(db(), lease, [line(`a${i}`), line(`b${i}`)])))
    const rows = await db().select().from(logLines).where(eq(logLines.buildId, taken.id)).orderBy(logLines.number)
    expect(rows.map((r) => r.number)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
  })
})

describe('the default version', () => {
  it('follows the newest ready version, not the last to end', async () => {
    const model = await makeModel()
    const one = (await newVersion(model)).version
    const two = (await newVersion(model)).version
    await publishAll(two.id)
    await publishAll(one.id)
    expect((await reloadModel(model.id)).defaultVersionId).toBe(two.id)
  })
  it('stays where it is pinned, and every move is kept', async () => {
    const model = await makeModel()
    const one = (await newVersion(model)).version
    await publishAll(one.id)
    await setDefaultVersion(db(), model.id, { policy: 'pinned', version: 1 }, 'alice')
    const two = (await newVersion(model)).version
    await publishAll(two.id)
    expect(await reloadModel(model.id)).toMatchObject({ defaultVersionId: one.id, defaultPolicy: 'pinned' })
    await setDefaultVersion(db(), model.id, { policy: 'latest' }, 'alice')
    expect(await reloadModel(model.id)).toMatchObject({ defaultVersionId: two.id, defaultPolicy: 'latest' })
    const all = await db().select().from(recordedChanges).where(eq(recordedChanges.modelId, model.id))
    const moves = all.filter((change) => change.what === 'default-version')
    expect(moves.map((m) => [m.kind, m.changedBy, m.from, m.to])).toEqual([
      ['policy', null, { version: null, policy: 'latest' }, { version: 1, policy: 'latest' }],
      ['person', 'alice', { version: 1, policy: 'latest' }, { version: 1, policy: 'pinned' }],
      ['person', 'alice', { version: 1, policy: 'pinned' }, { version: 2, policy: 'latest' }],
    ])
  })
  it('cannot be a version that is not ready', async () => {
    const model = await makeModel()
    await newVersion(model)
    await expect(setDefaultVersion(db(), model.id, { policy: 'pinned', version: 1 }, 'alice')).rejects.toThrow(
      /only a ready version/,
    )
    await expect(setDefaultVersion(db(), model.id, { policy: 'pinned', version: 9 }, 'alice')).rejects.toThrow(
      /no version 9/,
    )
  })
  it('moves back when it is yanked', async () => {
    const model = await makeModel()
    const one = (await newVersion(model)).version
    await publishAll(one.id)
    const two = (await newVersion(model)).version
    await publishAll(two.id)
    await yankVersion(db(), two.id, 'alice', 'wrong weights')
    expect((await reloadModel(model.id)).defaultVersionId).toBe(one.id)
  })
})

describe('the inbox', () => {
  const delivery = (guid: string, repositoryId: number | null = null) => ({
    guid,
    event: 'push',
    action: null,
    bodySha256: 'x',
    repositoryId,
    repositoryName: null,
    installationId: null,
    payload: {},
  })
  it('keeps a delivery once, also when it comes fifty times at once', async () => {
    const fresh = await Promise.all(Array.from({ length: 50 }, () => acceptDelivery(db(), delivery('same'))))
    expect(fresh.filter(Boolean)).toHaveLength(1)
    await db().transaction(async (tx) =>
      closeDelivery(tx, (await nextDelivery(tx))!.id, { decision: 'nothing', reason: 'test' }),
    )
    expect(await acceptDelivery(db(), delivery('same'))).toBe(false)
  })
  it('keeps several at once in the order of their arrival, each once, and opens one that failed again', async () => {
    const several = ['s1', 's2', 's3'].map((guid) => delivery(guid, 9))
    expect(await acceptDeliveries(database.sql, several)).toEqual(new Set(['s1', 's2', 's3']))
    expect(await acceptDeliveries(database.sql, [delivery('s0', 9), ...several])).toEqual(new Set(['s0']))
    for (const guid of ['s1', 's2', 's3', 's0'])
      await db().transaction(async (tx) => {
        const next = (await nextDelivery(tx))!
        expect(next).toMatchObject({ guid, repositoryId: 9, payload: {} })
        await closeDelivery(tx, next.id, { decision: 'nothing', reason: 'test' })
      })
    await database.sql`update deliveries set state = 'failed' where guid = 's2'`
    expect(await acceptDeliveries(database.sql, several)).toEqual(new Set(['s2']))
    await database.sql`update deliveries set state = 'done' where guid = 's2'`
  })
  it('works one repository in order while others go on', async () => {
    await acceptDelivery(db(), delivery('a1', 1))
    await acceptDelivery(db(), delivery('a2', 1))
    await acceptDelivery(db(), delivery('b1', 2))
    const close = (tx: Parameters<typeof closeDelivery>[0], id: string) =>
      closeDelivery(tx, id, { decision: 'nothing', reason: 't' })
    await db().transaction(async (first) => {
      const a1 = (await nextDelivery(first))!
      expect(a1.guid).toBe('a1')
      await db().transaction(async (second) => {
        const b1 = (await nextDelivery(second))!
        expect(b1.guid).toBe('b1')
        await close(second, b1.id)
      })
      expect(await db().transaction((third) => nextDelivery(third))).toBeNull()
      await close(first, a1.id)
    })
    await db().transaction(async (tx) => {
      const a2 = (await nextDelivery(tx))!
      expect(a2.guid).toBe('a2')
      await close(tx, a2.id)
    })
  })
  it('puts one that failed aside for a while, and gives up in the end', async () => {
    await acceptDelivery(db(), delivery('bad'))
    const id = (await db().transaction((tx) => nextDelivery(tx)))!.id
    await postponeDelivery(db(), id, 'no answer', 2)
    expect(await db().transaction((tx) => nextDelivery(tx))).toBeNull()
    await postponeDelivery(db(), id, 'no answer', 2)
    expect(await acceptDelivery(db(), delivery('bad'))).toBe(true)
  })
})

describe('reports to GitHub', () => {
  it('are asked for again when the queue lost them, and not when GitHub was told', async () => {
    const publisher = await syncPublisher(db(), { id: 7, login: 'Alice', type: 'User' })
    await syncInstallation(db(), 77, publisher.id)
    const { model } = await syncModel(db(), {
      publisher,
      installationId: 77,
      repository: { id: ++ids, name: `model-${ids}`, private: false, default_branch: 'main' },
    })
    const { version } = await newVersion(model)
    const [told, untold] = await currentBuilds(db(), version.id)
    await recordReport(db(), told!.id, 5, reportedAs(told!))
    await db().delete(outbox)
    expect(await sweepReports(db(), 60)).toBe(0)
    await db()
      .update(builds)
      .set({ createdAt: new Date(Date.now() - 61_000) })
      .where(eq(builds.versionId, version.id))
    expect(await sweepReports(db(), 60)).toBe(1)
    expect(await sweepReports(db(), 60)).toBe(0)
    expect(await db().select().from(outbox)).toMatchObject([{ kind: 'report', buildId: untold!.id }])
  })
})

describe('the outbox', () => {
  it('keeps its messages when the queue refuses them', async () => {
    await newVersion(await makeModel())
    const before = (await db().select().from(outbox)).length
    expect(before).toBeGreaterThan(0)
    await expect(relayOutbox(db(), () => Promise.reject(new Error('down')), 1000)).rejects.toThrow('down')
    expect(await db().select().from(outbox)).toHaveLength(before)
    const sent: string[] = []
    expect(await relayOutbox(db(), async (m) => void sent.push(...m.map((x) => x.kind)), 1000)).toBe(before)
    expect(await db().select().from(outbox)).toHaveLength(0)
  })
})

describe('models', () => {
  it('keep their identity when the repository is renamed, and the old path leads to the new', async () => {
    const model = await makeModel('Old-Name')
    const publisher = await syncPublisher(db(), { id: 7, login: 'Alice', type: 'User' })
    await syncModel(db(), {
      publisher,
      installationId: null,
      repository: { id: model.githubRepositoryId, name: 'New-Name', private: false, default_branch: 'main' },
    })
    expect(await findModel(db(), 'ALICE', 'old-name')).toMatchObject({
      model: { id: model.id },
      movedTo: 'alice/new-name',
    })
    expect(await findModel(db(), 'alice', 'New-NAME')).toMatchObject({ model: { id: model.id }, movedTo: null })
    const other = await makeModel('old-name')
    expect(await findModel(db(), 'alice', 'old-name')).toMatchObject({ model: { id: other.id }, movedTo: null })
  })
  it('give a login that another account took over to that account', async () => {
    await makeModel('first', { id: 501, login: 'sam', type: 'User' })
    await makeModel('second', { id: 502, login: 'Sam', type: 'User' })
    expect(await findModel(db(), 'sam', 'first')).toBeNull()
    expect(await findModel(db(), 'sam', 'second')).not.toBeNull()
  })
})

function line(text: string) {
  return { step: 'fetch', stream: 'stdout' as const, printedAt: new Date(), text }
}
