import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Docker from 'dockerode'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fixtures, openWorld, type World } from './world.ts'

const run = promisify(execFile)
const upper = join(fixtures, 'models/upper')
const canary = '/pwned-by-a-model-config'

/** A model config from JSON: YAML takes it as it is, and no value of these tests is read by a YAML emitter first. */
const config = (over: Record<string, unknown>) =>
  JSON.stringify({
    python: 3.11,
    entrypoint: 'python runway_model.py',
    spec: { gpu: false },
    build_steps: ['pip install runway-python'],
    ...over,
  })

interface Hostile {
  label: string
  files: Record<string, string>
  /** `ready`: it is the model's own command, and harmless. Else the code of the failure. */
  ends: 'ready' | RegExp
}

const step = (label: string, text: string, ends: Hostile['ends']): Hostile => ({
  label: `step-${label}`,
  files: { 'runway.yml': config({ build_steps: ['pip install runway-python', text] }) },
  ends,
})
const field = (label: string, over: Record<string, unknown>, ends: Hostile['ends']): Hostile => ({
  label,
  files: { 'runway.yml': config(over) },
  ends,
})

const hostile: Hostile[] = [
  step('newline-run', `echo a\nRUN touch ${canary}`, /^build\/step-failed$/),
  step('carriage-return', `echo a\rRUN touch ${canary}`, 'ready'),
  step('line-separator', `echo a\u2028RUN touch ${canary}`, 'ready'),
  step('trailing-backslash', 'echo a \\', 'ready'),
  step('heredoc', `cat <<EOF\nRUN touch ${canary}\nEOF`, 'ready'),
  step('quotes', `echo "]" '"' '\\' '#' \`echo b\` $(echo c)`, 'ready'),
  step('comment', '# nothing', 'ready'),
  step('exec-form', '["sh","-c","id"]', /^build\/step-failed$/),
  step('mount-flag', '--mount=type=bind,from=evil,target=/x id', /^build\/step-failed$/),
  step('network-flag', '--network=host id', /^build\/step-failed$/),
  step('syntax-line', '# syntax=attacker/frontend\n# escape=`\necho a', 'ready'),
  step(
    'preload',
    'echo /evil.so > /etc/ld.so.preload; rm /etc/ld.so.preload; echo "export LD_PRELOAD=/x" >> /root/.profile',
    'ready',
  ),
  step('workdir-link', 'rm -rf /model && ln -s /proc/self/fd/8 /model', /^build\/project-folder-replaced$/),
  field('python-newline', { python: `3.11\nRUN touch ${canary}` }, /^model-config\//),
  field('cuda-shell', { cuda: '10 && id', spec: { gpu: true, cpu: false } }, /^model-config\//),
  field('framework-at', { framework: 'pytorch@evil' }, /^model-config\//),
  field('version-newline', { version: `0.1\nRUN touch ${canary}` }, 'ready'),
  field(
    'entrypoint-newline',
    { entrypoint: `python runway_model.py\nRUN touch ${canary}` },
    /^(model-config|inspect)\/|^ready$/,
  ),
  field('entrypoint-list', { entrypoint: ['rm', '-rf', '/'] }, /^model-config\//),
  field('entrypoint-empty', { entrypoint: ' ' }, /^model-config\//),
  field('entrypoint-destroys', { entrypoint: 'rm -rf / --no-preserve-root; python runway_model.py' }, 'ready'),
  field('ignore-newline', { files: { ignore: [`a\nRUN touch ${canary}`] } }, /^(model-config)\/|^ready$/),
  field(
    'ignore-config',
    { files: { ignore: ['!runway.yml', '../..', '[', '**/**/**/x', '/etc/passwd', '#'] } },
    /^(model-config)\/|^ready$/,
  ),
  field('ignore-everything', { files: { ignore: ['*'] } }, /^model-config\//),
  field('prototype', { __proto__x: 1, constructor: { prototype: { a: 1 } } }, /^model-config\/|^ready$/),
  {
    label: 'own-dockerfile',
    files: {
      Dockerfile: `FROM evil\nRUN touch ${canary}\n`,
      '.dockerignore': '*\n',
      'Dockerfile.dockerignore': '*\n',
      'runway.yml': config({}),
    },
    ends: 'ready',
  },
  {
    label: 'odd-names',
    files: {
      '-rf': '',
      '--checkpoint-action=exec=sh': '',
      '$(id)': '',
      '`id`': '',
      '~': '',
      ' ': '',
      'a"b': '',
      "a'b": '',
      'runway.yml': config({}),
    },
    ends: 'ready',
  },
]

let world: World
beforeAll(async () => {
  world = await openWorld({ engine: 'probe' })
  await Promise.all(hostile.map(({ label, files }) => world.push(`alice/${label}`, upper, files)))
})
afterAll(() => world?.stop())

describe('a hostile value', () => {
  it.each(hostile)('in $label fails clearly or is the model’s own command', async ({ label, ends }) => {
    const version = await world.finished(`alice/${label}`, 1, 400_000)
    const { failure } = version.builds[0]!
    const end = version.status === 'ready' ? 'ready' : (failure?.code ?? version.status)
    if (ends === 'ready') expect(end, failure?.sentence).toBe('ready')
    else expect(end, failure?.sentence).toMatch(ends)
    if (failure) {
      expect(failure.sentence.length).toBeGreaterThan(20)
      expect(failure.fault).toBe('publisher')
    }
    if (version.status === 'ready') await expectOrdinary(version.builds[0]!.image!)
    expect(existsSync(canary)).toBe(false)
  })

  it('in a commit’s message and author is shown as text', async () => {
    const evil = '<script>alert(1)</script> "\' $(id) \u001b[31m'
    const commit = await world.push('alice/odd-commit', upper, { 'notes.txt': evil })
    const version = await world.finished('alice/odd-commit', 1)
    expect(version.commit).toBe(commit)
    const page = await (await fetch(`${world.stack.state.site.url}/alice/odd-commit`)).text()
    expect(page).not.toContain('<script>alert(1)')
  })
})

/** The image starts as planned: our command, our user, no layer or setting that the plan did not make. */
async function expectOrdinary(image: string): Promise<void> {
  const docker = new Docker({ socketPath: world.stack.state.engine.socket! })
  if (image.includes('/')) {
    const pulling = await docker.pull(image)
    await new Promise<void>((resolve, reject) =>
      docker.modem.followProgress(pulling, (e) => (e ? reject(e) : resolve())),
    )
  }
  const { Config } = await docker.getImage(image).inspect()
  expect(Config.Cmd?.slice(0, 2)).toEqual(['/bin/sh', '-c'])
  expect(Config.Env?.filter((e) => /LD_PRELOAD|BASH_ENV|proxy/i.test(e))).toEqual([])
  const { stdout } = await run('docker', [
    'run',
    '--rm',
    '--network=none',
    '--entrypoint',
    '/bin/ls',
    image,
    '/',
  ]).catch((error: Error) => ({ stdout: error.message }))
  expect(stdout).not.toContain(canary.slice(1))
}
