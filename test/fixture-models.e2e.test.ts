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

let world: World
beforeAll(async () => {
  world = await openWorld({ engine: 'probe' })
  // All at once, as a real day looks; each test then waits for its own.
  await Promise.all(names.map((name) => world.push(`alice/${name}`, join(models, name))))
})
afterAll(() => world?.stop())

describe('the example model', () => {
  it.each(names)(
    '%s publishes on its Python and answers its commands over HTTP',
    { timeout: 900_000 },
    async (name) => {
      const version = await world.finished(`alice/${name}`, 1, 880_000)
      expect(version.status, JSON.stringify(version.builds)).toBe('ready')
      expect(version.manifest).toEqual(json(name, 'expected-manifest.json'))
      const expectedTargets = name === 'cpu-only' ? ['cpu'] : name === 'gpu-only' ? ['gpu'] : ['cpu', 'gpu']
      expect(version.builds.map((b) => b.target)).toEqual(expectedTargets)
      const options = existsSync(join(models, name, 'example-options.json')) ? json(name, 'example-options.json') : null
      for (const build of version.builds) {
        const model = await runImage(build.image!, world.stack.state.engine.socket!, options)
        try {
          for (const call of json(name, 'example-calls.json') as ExampleCall[]) {
            const { status, body } = await model.call(call.command, call.inputs)
            expect(status, JSON.stringify(body)).toBe(200)
            if (call.outputs) expect(body).toEqual(call.outputs)
            for (const [output, shape] of Object.entries(call.outputShape ?? {}))
              expect(checkShape((body as Record<string, unknown>)[output], shape), `${call.command}.${output}`).toEqual(
                [],
              )
          }
        } finally {
          await model.stop()
        }
      }
    },
  )
})
