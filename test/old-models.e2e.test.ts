import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkShape, type Shape } from './output-shape.ts'
import { runImage } from './run-image.ts'
import { fixtures, openWorld, until, type World } from './world.ts'

interface ExampleCall {
  command: string
  inputs: Record<string, unknown>
  outputShape: Record<string, Shape>
}
interface Substituted {
  kind: string
  wanted: string
  got: string
  file: string | null
  line: number | null
}

const models = join(fixtures, 'models-old')
const names = readdirSync(models, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
const json = (name: string, file: string) => JSON.parse(readFileSync(join(models, name, file), 'utf8'))

let world: World
beforeAll(async () => {
  world = await openWorld({ engine: 'probe', policy: 'nearest' })
  await Promise.all(names.map((name) => world.push(`alice/${name}`, join(models, name))))
})
afterAll(() => world?.stop())

describe('an old repository under nearest', () => {
  it.each(names)(
    '%s publishes unchanged, says what took what place, and answers',
    { timeout: 900_000 },
    async (name) => {
      const version = await world.finished(`alice/${name}`, 1, 880_000)
      expect(version.status, JSON.stringify(version.builds)).toBe('ready')
      expect(version.manifest).toEqual(json(name, 'expected-manifest.json'))
      const expected = json(name, 'expected-substitutions.json') as Record<string, string[]>
      for (const build of version.builds) {
        const { substitutions } = build as typeof build & { substitutions: Substituted[] }
        expect(substitutions.map(inWords)).toEqual(expected[build.target])
        const log = await world.log(`alice/${name}`, 1, build.target)
        for (const { wanted } of substitutions.filter((s) => s.kind === 'package'))
          expect(log).toContain(`Substitution: ${wanted.replace('==', ' ')} → `)

        const model = await runImage(build.image!, world.stack.state.engine.socket!)
        try {
          for (const call of json(name, 'example-calls.json') as ExampleCall[]) {
            const { status, body } = await model.call(call.command, call.inputs)
            expect(status, JSON.stringify(body)).toBe(200)
            for (const [output, shape] of Object.entries(call.outputShape))
              expect(checkShape((body as Record<string, unknown>)[output], shape), output).toEqual([])
          }
        } finally {
          await model.stop()
        }
      }
    },
  )

  it('tells everybody who opens the page', async () => {
    const page = await (await fetch(`${world.stack.state.site.url}/alice/few-colours`)).text()
    const table = /<table[\s\S]*?<\/table>/.exec(page.slice(page.indexOf('id="substitutions"')))![0]
    expect(table).toContain('CPU, GPU')
    expect(table).toContain('Pillow==6.2.0')
    expect(table).toContain('Pillow 8.1.2')
  })

  it('annotates the lines of the commit', { timeout: 60_000 }, async () => {
    const github = world.stack.state.localGithub.url
    const { commit } = (await world.version('alice/few-colours', 1))!
    const page = await until(
      async () => {
        const text = await (await fetch(`${github}/alice/few-colours/commit/${commit}`)).text()
        const run = /href="([^"]*\/runs\/\d+)"/.exec(text)?.[1] ?? /href="([^"]*check[^"]*\d+)"/.exec(text)?.[1]
        const found = run ? await (await fetch(new URL(run, github))).text() : ''
        return found.includes('Pillow==6.2.0') && found
      },
      30_000,
      'the check run to name the substitutions',
    )
    expect(page).toContain('requirements.txt')
    expect(page).toContain('Pillow 8.1.2')
  })
})

describe('the same under exact', () => {
  it('fails with a sentence that names what the base image has', { timeout: 300_000 }, async () => {
    const changed = await world.call('PATCH', '/models/alice/few-colours', { substitutionPolicy: 'exact' })
    expect(changed.status).toBe(200)
    await world.push('alice/few-colours', join(models, 'few-colours'), {
      'runway.yml':
        'python: 3.9\nentrypoint: python runway_model.py\nspec: {gpu: False}\nbuild_steps:\n  - pip install -r requirements.txt\n',
    })
    const { status, builds } = await world.finished('alice/few-colours', 2)
    expect(status).toBe('failed')
    expect(builds[0]!.failure).toMatchObject({
      code: 'build/package-unavailable',
      fault: 'publisher',
      step: 'build:1',
      file: 'runway.yml',
      line: 5,
      sentence: expect.stringMatching(/no Pillow==6\.2\.0 for Python 3\.9\. The base image has Pillow 8\.1\.2\./),
    })
  })
})

/** `package Pillow==6.2.0 → Pillow 8.1.2 (requirements.txt:3)`. */
function inWords({ kind, wanted, got, file, line }: Substituted): string {
  const upstream = got.startsWith('python3-') ? got.replace(/[-+~][^-\s]*$/, '') : got
  return `${kind} ${wanted} → ${upstream} (${file}:${line})`
}
