import { join } from 'node:path'
import Docker from 'dockerode'
import { describe, expect, it } from 'vitest'
import { fixtures, openWorld, until } from './world.ts'

describe('stopping', () => {
  it('in the middle of a build leaves no process, container or network behind', async () => {
    const world = await openWorld({ engine: 'probe' })
    const { installationId, engine, processes } = world.stack.state
    const pids = Object.entries({ ...processes }).filter(([name]) => name !== 'supervisor')
    try {
      await world.push('alice/slow', join(fixtures, 'models/upper'), {
        'runway.yml': 'python: 3.11\ncuda: 11.8\nentrypoint: python runway_model.py\nbuild_steps:\n  - sleep 300\n',
      })
      await until(
        async () => (await world.version('alice/slow', 1))?.builds.some((b) => b.step === 'build:1'),
        120_000,
        'the step to run',
      )
    } finally {
      await world.stop()
    }
    const docker = new Docker({ socketPath: engine.socket! })
    const filters = { label: [`modelport.installation=${installationId}`] }
    expect(await docker.listContainers({ all: true, filters })).toEqual([])
    expect(await docker.listNetworks({ filters })).toEqual([])
    for (const [name, pid] of pids) expect(() => process.kill(pid, 0), `${name} (${pid})`).toThrow()
  })
})
