import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkShape, type Shape } from './output-shape.ts'
import { runImage } from './run-image.ts'
import { fixtures, openWorld, type World } from './world.ts'

interface ExampleCall {
  command: string
  inputs: Record<string, unknown>
  outputs?: Record<string, unknown>
  outputShape?: Record<string, Shape>
}

const models = join(fixtures, 'models')
const names = readdirSync(models, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
const json = (name: string, file: string) => JSON.parse(readFileSync(join(models, name, file), 'utf8'))

/** Every example as it is, and the ones with all data types on the other Pythons of the Debian catalogue too. */
const pythons = [
  { python: '3.9', cuda: '11.2' },
  { python: '3.11', cuda: '11.8' },
  { python: '3.13', cuda: '12.4' },
]
interface Case {
  label: string
  name: string
  changes: Record<string, string>
  targets: string[]
}
const cases: Case[] = names.flatMap((name): Case[] => {
  const config = readFileSync(join(models, name, 'runway.yml'), 'utf8')
  const targets = ['cpu', 'gpu'].filter((t) => !new RegExp(`${t}: [Ff]alse`).test(config))
  const asItIs = { label: name, name, changes: {}, targets }
  if (!name.startsWith('types-')) return [asItIs]
  const others = pythons.filter(({ python }) => !config.includes(`python: ${python}\n`))
  return [
    asItIs,
    ...others.map(({ python, cuda }) => ({
      label: `${name}-on-${python}`,
      name,
      targets: ['cpu'],
      changes: {
        'runway.yml': `${config.replace(/^python: .*$/m, `python: ${python}`).replace(/^cuda: .*$/m, `cuda: ${cuda}`)}\nspec: {gpu: False}\n`,
      },
    })),
  ]
})

let world: World
beforeAll(async () => {
  // `nearest`: Debian's torch is for the CPU, so a GPU image with it is a substitution.
  world = await openWorld({ engine: 'probe', policy: 'nearest' })
  // All at once, as a real day looks; each test then waits for its own.
  await Promise.all(cases.map(({ label, name, changes }) => world.push(`alice/${label}`, join(models, name), changes)))
})
afterAll(() => world?.stop())

describe('the example model', () => {
  it.each(cases)(
    '$label publishes and answers its commands',
    { timeout: 900_000 },
    async ({ label, name, targets }) => {
      const version = await world.finished(`alice/${label}`, 1, 880_000)
      expect(version.status, JSON.stringify(version.builds)).toBe('ready')
      expect(version.manifest).toEqual(json(name, 'expected-manifest.json'))
      expect(version.builds.map((b) => b.target)).toEqual(targets)
      const options = existsSync(join(models, name, 'example-options.json')) ? json(name, 'example-options.json') : null
      for (const build of version.builds) {
        const model = await runImage(build.image!, world.stack.state.engine.socket!, options)
        try {
          for (const call of json(name, 'example-calls.json') as ExampleCall[]) {
            const { status, body } = await model.call(call.command, call.inputs)
            expect(status, JSON.stringify(body)).toBe(200)
            checkOutputs(call, body as Record<string, unknown>)
            const job = await model.job(call.command, call.inputs)
            expect(job[0]!.type).toBe('started')
            expect(job.at(-1)!.type, JSON.stringify(job)).toBe('succeeded')
            checkOutputs(call, job.findLast((message) => message.type === 'output')!.outputData!)
          }
        } finally {
          await model.stop()
        }
      }
    },
  )
})

function checkOutputs(call: ExampleCall, outputs: Record<string, unknown>): void {
  if (call.outputs) expect(outputs).toEqual(call.outputs)
  for (const [output, shape] of Object.entries(call.outputShape ?? {}))
    expect(checkShape(outputs[output], shape), `${call.command}.${output}`).toEqual([])
}
