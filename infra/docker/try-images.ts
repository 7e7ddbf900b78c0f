import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createToken } from '../admin/token.ts'
import { type App, allApps } from '../local/apps.ts'
import { terminalReport } from '../local/report.ts'
import { repositoryFolder, startStack } from '../local/supervisor.ts'

// Builds the images of infra/docker, runs receiver, worker and site from them beside the services of a local stack, and
// publishes a model through them. Takes minutes: `npm run try:images [-- --base IMAGE] [--built]`, by hand.

const { values } = parseArgs({
  options: {
    /** What the images stand on, instead of the base that their Dockerfiles name; `infra/docker/machine-base` makes one. */
    base: { type: 'string' },
    /** Uses the images of the last time. */
    built: { type: 'boolean', default: false },
  },
})
const images = ['tools', 'receiver', 'worker', 'web'] as const
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim()

if (!values.built) {
  for (const name of images) {
    const base = values.base ? ['--build-arg', `NODE_IMAGE=${values.base}`] : []
    const file = join(repositoryFolder, 'infra/docker', `${name}.Dockerfile`)
    const build = ['build', '--quiet', '--network', 'host', ...base, '--tag', `modelport-try/${name}`, '--file', file]
    const started = performance.now()
    docker(...build, repositoryFolder)
    console.log(`${name} built in ${Math.round((performance.now() - started) / 1000)} s`)
  }
}

const home = mkdtempSync(join(tmpdir(), 'modelport-try-images-'))
const containers: string[] = []
const localGithub = allApps.find(({ name }) => name === 'local-github')!
const stack = await startStack({ home, ports: 'free', apps: [localGithub], engine: 'probe', report: terminalReport() })
try {
  for (const name of ['receiver', 'worker', 'web'] as const) await runContainer(name)
  await publish()
} finally {
  for (const id of containers) docker('rm', '--force', '--volumes', id)
  await stack.stop()
  rmSync(home, { recursive: true, force: true })
}

/** Runs an app's image with what the local stack would tell the app, on the network of this machine, until it is ready. */
async function runContainer(name: 'receiver' | 'worker' | 'web'): Promise<void> {
  const { state } = stack
  const app: App = allApps.find((each) => each.name === name)!
  const { MODELPORT_HOME: _, ...env } = app.env({ repository: repositoryFolder, state })
  const settings = Object.entries(env).flatMap(([key, value]) => (value ? ['--env', `${key}=${value}`] : []))
  const mounts: string[] = []
  if (name === 'worker') {
    mounts.push(
      '--volume',
      `${state.engine.socket}:/var/run/docker.sock`,
      '--env',
      'DOCKER_SOCKET=/var/run/docker.sock',
    )
    const redis = state.queue.redisUrl
    if (redis?.startsWith('/')) mounts.push('--volume', `${dirname(redis)}:${dirname(redis)}`)
  } else mounts.push('--cap-drop', 'ALL', '--security-opt', 'no-new-privileges')
  if (name === 'receiver') mounts.push('--read-only', '--tmpfs', '/tmp')
  const next = [
    'node',
    'node_modules/next/dist/bin/next',
    'start',
    'apps/web',
    '-H',
    '127.0.0.1',
    '-p',
    `${state.ports.web}`,
  ]
  const command = name === 'web' ? next : []
  const id = docker(
    'run',
    '--detach',
    '--init',
    '--network',
    'host',
    ...mounts,
    ...settings,
    `modelport-try/${name}`,
    ...command,
  )
  containers.push(id)
  const started = performance.now()
  const ready = `http://127.0.0.1:${state.ports[app.port]}${app.readyPath}`
  while (
    !(await fetch(ready).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (performance.now() - started > 120_000 || docker('inspect', '--format', '{{.State.Running}}', id) !== 'true')
      throw new Error(`${name} is not ready:\n${docker('logs', '--tail', '30', id)}`)
    await sleep(300)
  }
  console.log(
    `${name} is ready after ${Math.round(performance.now() - started)} ms, as user ${docker('exec', id, 'id', '-u')}`,
  )
}

/** Pushes an example model and waits for its version, asked of the site in its container. */
async function publish(): Promise<void> {
  const { state } = stack
  const clone = join(home, 'upper')
  cpSync(join(repositoryFolder, 'test/fixtures/models/upper'), clone, { recursive: true })
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', clone, '-c', 'user.name=Alice', '-c', 'user.email=alice@example.org', ...args], {
      stdio: 'ignore',
    })
  git('init', '--initial-branch=main')
  git('add', '--all')
  git('commit', '--message', 'First')
  git('push', `${state.localGithub.url.replace('://', '://alice:x@')}/alice/upper.git`, 'HEAD:main')
  const token = await createToken(state, { login: 'alice', scopes: ['read'], name: 'try-images' })
  const started = performance.now()
  for (let said = ''; ; await sleep(1000)) {
    const answer = await fetch(`${state.site.url}/api/v1/models/alice/upper/versions/1`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const version = answer.ok ? ((await answer.json()) as { status: string; builds: unknown[] }) : null
    if (version && version.status !== said)
      console.log(`${Math.round((performance.now() - started) / 1000)} s: version 1 is ${version.status}`)
    said = version?.status ?? said
    if (said === 'ready') return
    if (['failed', 'partial', 'cancelled'].includes(said) || performance.now() - started > 900_000) {
      console.log(JSON.stringify(version, null, 1).slice(0, 4000))
      spawn('docker', ['logs', '--tail', '40', containers[1]!], { stdio: 'inherit' })
      throw new Error('The version did not become ready.')
    }
  }
}
