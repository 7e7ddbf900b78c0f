import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, allApps } from '@modelport/infra/local/apps'
import Docker from 'dockerode'
import postgres from 'postgres'
import { expect } from 'vitest'
import { fixtures, openWorld, until, type World } from '../world.ts'

const model = join(fixtures, 'models/upper')

/** A world without its site, whose processes are knocked over at points by name, and what must hold of it afterwards. */
export interface FaultsWorld extends World {
  sql: postgres.Sql
  docker: Docker
  /** Pushes a tiny model for the CPU alone whose build step prints two lines; `change` makes its commit another one. */
  pushTiny(repository: string, change?: string, seconds?: number): Promise<string>
  /** From now on the next process that reaches this point is knocked over there, once. */
  arm(point: string): void
  /** The id of the process that was, or null while none was. */
  knocked(point: string): number | null
  /** Waits (milliseconds) for the first version to be ready, and checks that it came to be exactly once. Returns its epoch. */
  readyOnce(repository: string, commit: string, within?: number): Promise<number>
  /** Waits until nothing of any build is left: messages, containers, networks, scratch. At most a minute. */
  nothingLeft(): Promise<void>
  /** A call of the local GitHub's API as the repository's owner. */
  localGithub(method: string, path: string, body?: unknown): Promise<unknown>
}

/**
 * Opens it with these points at these actions, all of them disarmed. Leases, sweeps and recovery are quick, so that a
 * knock costs seconds.
 */
export async function openFaultsWorld(
  points: readonly string[],
  action: 'kill' | 'stop',
  moreApps: readonly App[] = [],
): Promise<FaultsWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'modelport-knocks-'))
  const once = join(folder, 'once')
  const marker = (point: string) => `${once}.${point}`
  for (const point of points) closeSync(openSync(marker(point), 'w'))
  const world = await openWorld({
    queue: 'redis',
    apps: [...allApps.filter((app) => app.name !== 'web'), ...moreApps],
    longestRestartDelayMs: 250,
    appEnv: {
      FAILPOINT: points.map((point) => `${point}:${action}`).join(',') || undefined,
      FAILPOINT_ONCE: once,
      LEASE_SECONDS: '4',
      JOB_LOCK_SECONDS: '3',
      SWEEP_SECONDS: '1',
      LEFTOVERS_SECONDS: '4',
      RECOVERY_SECONDS: '2',
      // What is told here must come in by being told.
      RECONCILE_SECONDS: '0',
    },
  })
  const { state } = world.stack
  const sql = postgres(state.database.url, { max: 4, onnotice: () => {} })
  const docker = new Docker({ socketPath: state.engine.socket! })

  const localGithub: FaultsWorld['localGithub'] = async (method, path, body) => {
    const response = await fetch(`${state.localGithub.apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from('alice:x').toString('base64')}`,
        'content-type': 'application/json',
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return text ? JSON.parse(text) : null
  }

  return {
    ...world,
    sql,
    docker,
    localGithub,
    async pushTiny(repository, change = repository, seconds = 0.5) {
      const step = `echo begin ${change} && sleep ${seconds} && echo end`
      return await world.push(repository, model, {
        'runway.yml': `python: 3.11\nentrypoint: python runway_model.py\nspec:\n  gpu: false\nbuild_steps:\n  - ${step}\n`,
      })
    },
    arm: (point) => rmSync(marker(point)),
    knocked: (point) => {
      try {
        return Number(readFileSync(marker(point), 'utf8')) || null
      } catch {
        return null
      }
    },
    async readyOnce(repository, commit, within = 180_000) {
      const slug = repository.split('/')[1]!
      const version = await until(
        async () => {
          const [found] = await sql`select v.*, m.default_version_id from versions v
            join models m on m.id = v.model_id where m.slug = ${slug} and v.commit = ${commit}`
          return found && !['queued', 'building'].includes(found.state) ? found : null
        },
        within,
        `${commit} of ${repository} to end`,
      )
      const builds = await sql`select * from builds where version_id = ${version.id}`
      expect(version, JSON.stringify(builds.map((b) => b.failure))).toMatchObject({ number: 1, state: 'ready' })
      expect(builds).toHaveLength(1)
      const build = builds[0]!
      expect(build).toMatchObject({ target: 'cpu', attempt: 1, state: 'ready', failure: null })
      await checkRows(repository, version.id, build)
      await checkImage(build)
      await checkRuns(repository, commit)
      return build.epoch as number
    },
    async nothingLeft() {
      const scratch = join(state.home, 'scratch')
      const filters = { label: [`modelport.installation=${state.installationId}`] }
      await until(
        async () => {
          const open = await sql`select 1 from outbox union all select 1 from deliveries where state = 'received'
            union all select 1 from builds where state in ('queued', 'running')`
          const containers = await docker.listContainers({ all: true, filters }).catch(() => null)
          const networks = await docker.listNetworks({ filters })
          return (
            open.length === 0 &&
            containers?.every((each) => !each.Labels['modelport.build']) &&
            networks.every((each) => !each.Labels?.['modelport.build']) &&
            readdirSync(scratch).length === 0
          )
        },
        60_000,
        'nothing of a build to be left',
      )
      // Not: one that is not done. One of a check run that was just closed may have come in since.
      const lost = await sql`select guid, reason from deliveries where state = 'failed'`
      expect(lost).toHaveLength(0)
    },
    async stop() {
      await sql.end()
      await world.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }

  async function checkRows(repository: string, versionId: string, build: postgres.Row): Promise<void> {
    const lines = await sql`select number, epoch, step, stream, text from log_lines
      where build_id = ${build.id} order by number`
    expect(lines.map((line) => line.number)).toEqual(lines.map((_, index) => index + 1))
    expect(build.line_count).toBe(lines.length)
    const epochs = lines.map((line) => line.epoch as number)
    expect(epochs, 'no line of a fenced worker').toEqual(epochs.toSorted((a, b) => a - b))
    const printed = lines.filter((line) => line.epoch === build.epoch && line.stream === 'stdout')
    // A layer that an earlier epoch committed is used again and prints nothing.
    const [step] =
      await sql`select reused from steps where build_id = ${build.id} and epoch = ${build.epoch} and name = 'build:1'`
    const texts = printed.filter((line) => line.step === 'build:1').map((line) => (line.text as string).split(' ')[0])
    expect(texts).toEqual(step!.reused ? [] : ['begin', 'end'])
    const steps = await sql`select name, state from steps
      where build_id = ${build.id} and epoch = ${build.epoch} order by position`
    expect(steps.map(({ name, state }) => `${name} ${state}`)).toEqual(
      ['fetch', 'config', 'base', 'build:1', 'inspect', 'push', 'publish'].map((name) => `${name} done`),
    )
    const moves = await sql`select 1 from model_changes c join versions v on v.model_id = c.model_id
      where v.id = ${versionId} and c.what = 'default-version' and c.to_value->>'version' = v.number::text`
    expect(moves, `${repository} became the default once`).toHaveLength(1)
    const made = await sql`select 1 from deliveries where version_id = ${versionId} and decision = 'version'`
    expect(made).toHaveLength(1)
  }

  async function checkImage(build: postgres.Row): Promise<void> {
    const repository = `http://${state.imageRegistry.pushHost}/v2/${build.image_repository}`
    const accept = 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json'
    const head = async (reference: string) => {
      const answer = await fetch(`${repository}/manifests/${reference}`, { method: 'HEAD', headers: { accept } })
      return answer.headers.get('docker-content-digest')
    }
    expect(await head(build.image_digest)).toBe(build.image_digest)
    expect(await head('v1-cpu'), 'the tag names the image that was published').toBe(build.image_digest)
  }

  async function checkRuns(repository: string, commit: string): Promise<void> {
    interface CheckRuns {
      check_runs: { name: string; status: string; conclusion: string | null }[]
    }
    const read = async () =>
      ((await localGithub('GET', `/repos/${repository}/commits/${commit}/check-runs`)) as CheckRuns).check_runs
        .map(({ name, status, conclusion }) => `${name} ${status} ${conclusion}`)
        .sort()
    const expected = ['runway / cpu completed success', 'runway / gpu completed skipped']
    // A worker that stood still in the middle of a report may write an old one, which the next sweep mends.
    const isDone = async () => (await read()).join() === expected.join()
    await until(isDone, 30_000, 'completed check runs').catch(() => undefined)
    expect(await read()).toEqual(expected)
  }
}
