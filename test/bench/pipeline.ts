import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { BuildRequest } from '@modelport/builder/src/build/run-build.ts'
import { unpackSource } from '@modelport/builder/src/build/steps/fetch-source.ts'
import { planImage } from '@modelport/builder/src/build/steps/plan-image.ts'
import { projectOf, readConfigFile } from '@modelport/builder/src/build/steps/read-source.ts'
import { workerConfig } from '@modelport/builder/src/config.ts'
import { openEngineRoom } from '@modelport/builder/src/engine-room.ts'
import { makeLogger } from '@modelport/builder/src/log.ts'
import { allApps } from '@modelport/infra/local/apps'
import { clearEngine } from '@modelport/infra/local/engine-leftovers'
import { repositoryFolder } from '@modelport/infra/local/supervisor'
import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { parseModelConfig } from '@modelport/schema/model-config'
import { resolveBase } from '@modelport/schema/resolve-base'
import { targets } from '@modelport/schema/words'
import Docker from 'dockerode'
import postgres from 'postgres'
import { fixtures, openWorld, until, type World } from '../world.ts'
import { machineFacts, median, peakMegabytes, printTable, processorSeconds } from './measure.ts'

const rounds = 5
const model = join(fixtures, 'models/upper')
/** `step` differs where the dependencies change, `note` where the code alone does. */
const change = (step: string, note: string) => ({
  'runway.yml': `python: 3.11\ncuda: 11.8\nentrypoint: python runway_model.py\nbuild_steps:\n  - pip install runway-python && echo ${step}\n`,
  'runway_model.py': `${readFileSync(join(model, 'runway_model.py'), 'utf8')}# ${note}\n`,
})
type Change = ReturnType<typeof change>

/**
 * From a stored push to a ready version, beside the same two builds by the same driver with nothing around them: no
 * GitHub, no database, no queue, only build, push and one run each.
 */
export async function benchPipeline(): Promise<void> {
  console.log(machineFacts())
  const world = await openWorld({ queue: 'redis', postgresSettings: {} })
  const sql = postgres(world.stack.state.database.url, { max: 2, onnotice: () => {} })
  const bare = await openBareBuilds(world)
  try {
    await product(world, sql, 'alice/bench', change('warm', 'warm'))
    await bare.build(change('warm', 'warm'))
    const usedBefore = processors(world)
    const times = {
      dependency: [] as number[],
      code: [] as number[],
      bareDependency: [] as number[],
      bareCode: [] as number[],
    }
    for (let round = 0; round < rounds; round++) {
      times.dependency.push(await product(world, sql, 'alice/bench', change(`${round}`, `${round}`)))
      times.bareDependency.push(await bare.build(change(`${round}`, `${round}`)))
      times.code.push(await product(world, sql, 'alice/bench', change(`${round}`, `${round} again`)))
      times.bareCode.push(await bare.build(change(`${round}`, `${round} again`)))
    }
    console.log(`\nA stored push to its ready version, two targets, bases warm (median of ${rounds}, in turn)`)
    const rows = [
      ['push', 'Modelport s', 'bare builds s', 'difference s', 'at most (1.05 × + 2 s)', ''],
      ...(
        [
          ['dependencies changed', times.dependency, times.bareDependency],
          ['code changed alone', times.code, times.bareCode],
        ] as const
      ).map(([name, ours, theirs]) => {
        const goal = 1.05 * median(theirs) + 2
        return [
          name,
          median(ours).toFixed(2),
          median(theirs).toFixed(2),
          (median(ours) - median(theirs)).toFixed(2),
          goal.toFixed(2),
          median(ours) <= goal ? 'held' : 'MISSED',
        ]
      }),
    ]
    printTable(rows)
    console.log(
      `  a push of code alone takes ${(median(times.code) / median(times.dependency)).toFixed(2)} of one of dependencies`,
    )
    printStages(await stageTimes(sql))

    const used = processors(world)
    console.log(`\nWhat our processes used, ${rounds * 2} versions`)
    printTable([
      ['process', 'CPU s a version', 'peak MB'],
      ...[...used].map(([name, { seconds, megabytes }]) => [
        name,
        ((seconds - usedBefore.get(name)!.seconds) / (rounds * 2)).toFixed(2),
        megabytes,
      ]),
    ])

    const one = performance.now()
    for (let n = 0; n < 10; n++) await product(world, sql, `alice/single-${n}`, change(`single-${n}`, ''))
    const inTurn = (performance.now() - one) / 1000
    const all = performance.now()
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => product(world, sql, `alice/crowd-${n}`, change(`crowd-${n}`, ''))),
    )
    const together = (performance.now() - all) / 1000
    console.log(
      `\nTen models (20 builds): one after the other ${inTurn.toFixed(1)} s, all at once ${together.toFixed(1)} s (${(inTurn / together).toFixed(2)} times as fast)`,
    )
  } finally {
    await sql.end()
    await world.stop()
    await bare.close()
  }
}

/** Pushes, waits for the version, and returns the seconds from the stored delivery to the ready version, by the database's clock. */
async function product(world: World, sql: postgres.Sql, repository: string, files: Change): Promise<number> {
  const commit = await world.push(repository, model, files)
  return await until(
    async () => {
      const [row] = await sql`select v.state, extract(epoch from v.finished_at - d.received_at) as seconds
        from versions v join deliveries d on d.version_id = v.id and d.decision = 'version'
        where v.commit = ${commit} and v.model_id = (select id from models where slug = ${repository.split('/')[1]!})`
      if (row && ['failed', 'partial'].includes(row.state)) throw new Error(`${repository} at ${commit} ${row.state}`)
      return row?.state === 'ready' && Number(row.seconds)
    },
    180_000,
    `${repository} to be ready`,
  )
}

async function stageTimes(sql: postgres.Sql) {
  return await sql<{ name: string; ms: number }[]>`
    select name, percentile_cont(0.5) within group (order by duration_ms) as ms from steps
    where state = 'done' group by name order by min(position)`
}

function printStages(stages: { name: string; ms: number }[]): void {
  console.log(`  steps, median ms: ${stages.map(({ name, ms }) => `${name} ${Math.round(ms)}`).join(', ')}`)
}

function processors(world: World): Map<string, { seconds: number; megabytes: number }> {
  const { processes } = world.stack.state
  return new Map(
    ['receiver', 'worker', 'web'].map((name) => {
      const pid = processes[name]!
      return [name, { seconds: processorSeconds(pid), megabytes: peakMegabytes(pid) }]
    }),
  )
}

/** The same driver, image registry and inspection as the worker's, on the same engine, under an installation of its own. */
async function openBareBuilds(
  world: World,
): Promise<{ build(files: Change): Promise<number>; close(): Promise<void> }> {
  const { state } = world.stack
  const env = allApps.find((app) => app.name === 'worker')!.env({ repository: repositoryFolder, state })
  const installation = `bench-${process.pid}`
  const { config } = workerConfig({ ...env, INSTALLATION_ID: installation })
  const log = makeLogger('bench')
  log.level = 'error'
  const { forBuilds } = await openEngineRoom(config, log)
  const folder = mkdtempSync(join(tmpdir(), 'modelport-bench-'))
  let builds = 0
  const signal = new AbortController().signal
  return {
    async build(files) {
      const checkout = join(folder, `checkout-${++builds}`)
      cpSync(model, checkout, { recursive: true })
      for (const [path, text] of Object.entries(files)) writeFileSync(join(checkout, path), text)
      const tar = spawn('tar', ['-C', folder, '-cz', basename(checkout)], { stdio: ['ignore', 'pipe', 'inherit'] })
      const source = await unpackSource(tar.stdout, mkdtempSync(join(folder, 'source-')))
      const parsed = parseModelConfig(readConfigFile(source), { catalogue: debianCatalogue, policy: 'exact' }).config!
      const ready = await Promise.all(
        targets.map(async (target) => {
          const { plan } = planImage(parsed, target, projectOf(source))
          const base = resolveBase(parsed, target, debianCatalogue, 'exact')
          if ('problem' in base || !plan) throw new Error('the bench’s model cannot be built')
          return { target, plan, base: await forBuilds.ensureBase(base.entry, () => {}, signal) }
        }),
      )
      // As in the product, each target is a build of its own: what an earlier try of a build left is cleared away first.
      const buildIds = Object.fromEntries(targets.map((target) => [target, randomUUID()]))
      const began = performance.now()
      await Promise.all(
        ready.map(async ({ target, plan, base }) => {
          const request: BuildRequest = {
            buildId: buildIds[target]!,
            epoch: 1,
            versionId: 'bench',
            versionNumber: builds,
            modelId: 'bench',
            modelPath: 'bench/bench',
            publisherId: 'bench',
            target,
            commit: String(builds),
            useCache: true,
            substitutionPolicy: 'exact',
          }
          const built = await forBuilds.driver.buildImage(
            {
              ...request,
              cacheScope: 'bench',
              cacheSalt: 'exact',
              baseImage: base.imageId,
              plan,
              sourceDir: source.dir,
              limits: { ...config.limits, seconds: config.limits.seconds[target] },
              egress: config.egress,
              labels: {},
              signal,
            },
            { stepStarted: async () => {}, stepEnded: async () => {}, line: () => {} },
          )
          await forBuilds.inspectImage(built.imageId, { buildId: request.buildId, epoch: 1 }, signal)
          await forBuilds.pushImage(built.imageId, request, signal)
        }),
      )
      const seconds = (performance.now() - began) / 1000
      await Promise.all(
        targets.map((target) => forBuilds.releaseImages({ buildId: buildIds[target]!, epoch: 1, target })),
      )
      return seconds
    },
    async close() {
      rmSync(folder, { recursive: true, force: true })
      await clearEngine(state.engine.socket!, installation)
      await forgetImagesOf([installation, state.installationId], state.engine.socket!)
    },
  }
}

/** The cached layers of installations that will never be seen again. */
async function forgetImagesOf(installations: string[], socketPath: string): Promise<void> {
  const docker = new Docker({ socketPath })
  for (const installation of installations) {
    const label = [`modelport.installation=${installation}`]
    const images = await docker.listImages({ filters: JSON.stringify({ label }) })
    for (const image of images)
      for (const name of (image.RepoTags ?? []).filter((tag) => tag.startsWith('modelport-cache:')))
        await docker
          .getImage(name)
          .remove()
          .catch(() => undefined)
  }
}
