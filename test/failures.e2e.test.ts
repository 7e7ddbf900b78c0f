import { join } from 'node:path'
import Docker from 'dockerode'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signIn } from './sign-in.ts'
import { fixtures, openWorld, until, type World } from './world.ts'

const broken = (name: string) => join(fixtures, 'models-broken', name)
let world: World
beforeAll(async () => {
  world = await openWorld({ appEnv: { BUILD_MEMORY_MB: '300', INSPECT_SECONDS: '6', BUILD_LOG_MB: '100' } })
})
afterAll(() => world?.stop())

/** What each broken model must end with: the code, words of the sentence, and the place. */
const expected = [
  ['bad-yaml', { code: /^model-config\//, sentence: /\*\.pt/, step: 'config', file: 'runway.yml', line: 7 }],
  ['missing-cuda', { code: /^model-config\//, sentence: /cuda/, step: 'config', file: 'runway.yml' }],
  [
    'failing-step',
    {
      code: /^build\/step-failed$/,
      sentence: /exit code 7/,
      step: 'build:2',
      file: 'runway.yml',
      line: 7,
      exitCode: 7,
    },
  ],
  ['crashes-under-meta', { code: /^inspect\/crashed$/, sentence: /RW_META=1/, step: 'inspect' }],
  ['never-ends', { code: /^inspect\/timed-out$/, sentence: /did not end within 6 s/, step: 'inspect' }],
  ['prints-500-mb', { code: /^build\/log-too-long$/, sentence: /100 MB/, step: 'build:2', file: 'runway.yml' }],
  ['needs-memory', { code: /^build\/out-of-memory$/, sentence: /memory/, step: 'build:2', outOfMemory: true }],
  ['lfs-pointer', { code: /^source\/lfs-pointer$/, sentence: /git-lfs/ }],
] as const

describe('a model that cannot be built', () => {
  it.each(expected)('%s fails with its sentence and place, everywhere', async (name, want) => {
    const repository = `alice/${name}`
    await world.push(repository, broken(name))
    const version = await world.finished(repository, 1, 240_000)
    expect(version.status, JSON.stringify(version.builds)).toBe('failed')
    for (const { failure } of version.builds) {
      const { code, sentence, ...place } = want
      expect(failure).toMatchObject({ fault: 'publisher', ...place })
      expect(failure!.code).toMatch(code)
      expect(failure!.sentence).toMatch(sentence)
    }
    const { sentence } = version.builds[0]!.failure!
    const page = await publisherPage(`/${repository}@1/build?target=cpu`)
    expect(words(page), 'the page').toContain(words(sentence))
    const check = await until(
      async () => {
        const commit = await (
          await fetch(`${world.stack.state.localGithub.url}/${repository}/commit/${version.commit}`)
        ).text()
        const run = /href="([^"]*\/runs\/\d+)"/.exec(commit)?.[1] ?? /href="([^"]*check[^"]*\d+)"/.exec(commit)?.[1]
        if (!run) return null
        const text = await (await fetch(new URL(run, world.stack.state.localGithub.url))).text()
        return words(text).includes(words(sentence)) && text
      },
      20_000,
      'the check run to say it',
    )
    if ('file' in want) expect(check).toContain('runway.yml')
  })

  it('leaves nothing in the engine, and the worker lives on', async () => {
    const docker = new Docker({ socketPath: world.stack.state.engine.socket! })
    const label = [`modelport.installation=${world.stack.state.installationId}`]
    await until(
      async () => {
        const containers = await docker.listContainers({ all: true, filters: { label } }).catch(() => null)
        const networks = await docker.listNetworks({ filters: { label } })
        const builds = containers?.filter((c) => c.Labels['modelport.build'])
        return builds?.length === 0 && networks.filter((n) => n.Labels?.['modelport.build']).length === 0
      },
      60_000,
      'the engine to be empty',
    )
    await world.push('alice/after', join(fixtures, 'models/cpu-only'))
    expect((await world.finished('alice/after', 1)).status).toBe('ready')
  })
})

/** The page as a signed-in publisher sees it. */
async function publisherPage(path: string): Promise<string> {
  cookie ??= await signIn(world.stack.state.site.url)
  return (await fetch(`${world.stack.state.site.url}${path}`, { headers: { cookie } })).text()
}
let cookie: string | undefined

/** What a person reads of a page: no tags, no marks of code, white space as one blank. */
function words(html: string): string {
  return html
    .replaceAll(/<(script|style)[\s\S]*?<\/\1>/g, ' ')
    .replaceAll(/<!--[\s\S]*?-->/g, '')
    .replaceAll(/<[^>]+>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replaceAll(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replaceAll('&amp;', '&')
    .replaceAll('`', '')
    .replaceAll(/\s+/g, ' ')
}
