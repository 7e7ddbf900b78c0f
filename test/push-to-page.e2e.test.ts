import { join } from 'node:path'
import { createToken } from '@modelport/infra/admin/token'
import Docker from 'dockerode'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runImage } from './run-image.ts'
import { fixtures, openWorld, until, type VersionAnswer, type World } from './world.ts'

const upper = join(fixtures, 'models/upper')
let world: World
beforeAll(async () => {
  // With the image registry that `npm start` starts.
  world = await openWorld({ imageRegistry: undefined })
})
afterAll(() => world?.stop())

interface ModelAnswer {
  defaultVersion: number
  defaultPolicy: string
  status: string
}

describe('a push', () => {
  it('is a queued version at once, builds both targets, and becomes the default', async () => {
    const started = Date.now()
    const commit = await world.push('alice/upper', upper)
    const seen = await until(() => world.version('alice/upper', 1), 6_000, 'the version to show')
    const shownMs = Date.now() - started
    console.log(`push to a version on the page: ${shownMs} ms (target 2000)`)
    expect(seen.commit).toBe(commit)
    expect(['queued', 'building']).toContain(seen.status)
    const both = await until(
      async () => {
        const version = await world.version('alice/upper', 1)
        return version?.builds.every((b) => b.status === 'running') && version
      },
      30_000,
      'both builds to run at once',
    )
    expect(both.builds.map((b) => b.target)).toEqual(['cpu', 'gpu'])
    const done = await world.finished('alice/upper', 1)
    expect(done.status, JSON.stringify(done.builds)).toBe('ready')
    expect(await world.get<ModelAnswer>('/models/alice/upper')).toMatchObject({
      defaultVersion: 1,
      defaultPolicy: 'latest',
    })
    for (const build of done.builds) expect(build.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  it('gives images that serve what the page says', async () => {
    const page = await (await fetch(`${world.stack.state.site.url}/alice/upper`)).text()
    const version = (await world.version('alice/upper', 1))!
    for (const build of version.builds) {
      // The page shows the line that a person copies; what it names must be what runs.
      const reference = /docker run[^<]*?(\S+@sha256:[0-9a-f]{64})/g
      const shown = [...page.matchAll(reference)].map((m) => m[1]!)
      const image = shown.find((name) => name.endsWith(build.digest!))
      expect(image, `the ${build.target} line on the page`).toBeDefined()
      const model = await runImage(image!, world.stack.state.engine.socket!)
      try {
        expect(await (await fetch(`${model.url}/healthcheck`)).json()).toEqual({ status: 'RUNNING' })
        const meta = (await (await fetch(`${model.url}/meta`)).json()) as { GPU: boolean; commands: { name: string }[] }
        expect(meta.GPU).toBe(build.target === 'gpu')
        expect(meta.commands.map((c) => c.name)).toEqual(version.manifest!.commands.map((c) => c.name))
      } finally {
        await model.stop()
      }
    }
  })

  it('to a private repository makes images that are pulled with a token alone', async () => {
    const { site, engine, localGithub } = world.stack.state
    await world.push('alice/secret', upper)
    const { builds } = await world.finished('alice/secret', 1)
    // By its tag: a manifest of a digest that this engine saw before is not asked for again.
    const image = builds.find((build) => build.target === 'cpu')!.image!.replace(/@.*/, ':v1-cpu')
    const docker = new Docker({ socketPath: engine.socket! })
    const pull = async (password?: string) => {
      const authconfig = password ? { username: 'alice', password, serveraddress: image.split('/')[0] } : undefined
      const answer = await docker.pull(image, authconfig && { authconfig })
      const end: Error | null = await new Promise((resolve) => docker.modem.followProgress(answer, resolve))
      if (end) throw end
    }
    await pull()
    await docker.getImage(image).remove()
    const api = `${localGithub.apiUrl}/repos/alice/secret`
    const authorization = `Basic ${Buffer.from('alice:x').toString('base64')}`
    const made = await fetch(api, {
      method: 'PATCH',
      headers: { authorization },
      body: JSON.stringify({ private: true }),
    })
    expect(made.status).toBe(200)
    await until(async () => (await fetch(`${site.url}/alice/secret`)).status === 404, 15_000, 'the model to be private')
    await expect(pull()).rejects.toThrow(/unauthorized|denied|authentication/)
    await expect(pull('mp_guess')).rejects.toThrow(/unauthorized|denied|authentication/)
    const scopes = ['read' as const]
    await pull(await createToken(world.stack.state, { login: 'alice', scopes, name: 'pull' }))
    await docker.getImage(image).remove()
    await expect(
      pull(await createToken(world.stack.state, { login: 'mallory', scopes, name: 'pull' })),
    ).rejects.toThrow()
  })

  it('of the same commit makes nothing new', async () => {
    await world.push('alice/upper', upper).catch(() => undefined)
    const again = await world.finished('alice/upper', 2)
    expect(again.status).toBe('ready')
    // The same commit on another delivery: ask for the import of the same head.
    const { status } = await world.call('POST', '/models', { repository: 'alice/upper' })
    expect([200, 201]).toContain(status)
    expect(await world.version('alice/upper', 3)).toBeNull()
  })

  it('of code alone reuses the layers of the dependencies, and the log says so', async () => {
    await world.push('alice/upper', upper, { 'notes.txt': String(Date.now()) })
    const done = await world.finished('alice/upper', 3)
    expect(done.status).toBe('ready')
    for (const target of ['cpu', 'gpu'] as const) {
      const log = await world.log('alice/upper', 3, target)
      expect(log).toContain('its layer is used again')
      expect(log).toMatch(/\d+ of \d+ layers were reused/)
    }
  })

  it('moves no pinned default, and the page says so', async () => {
    expect(
      (await world.call('PUT', '/models/alice/upper/default-version', { policy: 'pinned', version: 1 })).status,
    ).toBe(200)
    await world.push('alice/upper', upper, { 'notes.txt': 'pinned' })
    expect((await world.finished('alice/upper', 4)).status).toBe('ready')
    expect(await world.get<ModelAnswer>('/models/alice/upper')).toMatchObject({
      defaultVersion: 1,
      defaultPolicy: 'pinned',
    })
    const page = await (await fetch(`${world.stack.state.site.url}/alice/upper@4`)).text()
    expect(page.replaceAll(/<!--.*?-->/g, '')).toMatch(/default is version 1/i)
    expect((await world.call('PUT', '/models/alice/upper/default-version', { policy: 'latest' })).status).toBe(200)
    expect(await world.get<ModelAnswer>('/models/alice/upper')).toMatchObject({
      defaultVersion: 4,
      defaultPolicy: 'latest',
    })
  })

  it('to ten repositories at once makes ten versions', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `alice/many-${i}`)
    await Promise.all(names.map((name) => world.push(name, upper)))
    const done: VersionAnswer[] = await Promise.all(names.map((name) => world.finished(name, 1)))
    expect(done.map((v) => v.status)).toEqual(names.map(() => 'ready'))
  })

  it('to another branch, or without a runway.yml, says why there is no version', async () => {
    await world.push('alice/plain', join(fixtures, 'not-a-model'))
    const model = await until(
      async () => {
        const { status, body } = await world.call('GET', '/models/alice/plain')
        return status === 200 ? (body as { status: string; reason: string }) : null
      },
      15_000,
      'the model that is not configured',
    )
    expect(model.status).toBe('not_configured')
    expect(model.reason).toMatch(/runway\.yml/)
    const { items } = await world.get<{ items: { event: string; decision: string; reason: string }[] }>(
      '/deliveries?repository=alice/plain',
    )
    expect(items.find((d) => d.event === 'push')).toMatchObject({
      decision: 'nothing',
      reason: expect.stringMatching(/runway\.yml/),
    })
  })
})

describe('a publisher', () => {
  it('follows the log while it grows', async () => {
    await world.push('alice/slow', upper, {
      'runway.yml':
        'python: 3.11\nentrypoint: python runway_model.py\nspec: {gpu: false}\nbuild_steps:\n  - for i in 1 2 3 4 5 6; do echo "tick $i"; sleep 1; done\n',
    })
    await until(() => world.version('alice/slow', 1), 10_000, 'the version')
    const url = `${world.stack.state.site.url}/api/v1/models/alice/slow/versions/1/builds/cpu/log?follow=1`
    const token = await readToken()
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    const arrived: { text: string; at: number }[] = []
    const ids: number[] = []
    let rest = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      rest += chunk
      const events = rest.split('\n\n')
      rest = events.pop()!
      for (const event of events) {
        const id = /^id: (\d+)/m.exec(event)?.[1]
        if (id) ids.push(Number(id))
        if (event.includes('tick')) arrived.push({ text: event, at: Date.now() })
      }
    }
    expect(arrived).toHaveLength(6)
    // They came one by one while the step ran, not all at its end.
    expect(arrived[5]!.at - arrived[0]!.at).toBeGreaterThan(3000)
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, i) => i + 1))
  })

  it('cancels a build within seconds', async () => {
    await world.push('alice/slow', upper, {
      'runway.yml': 'python: 3.11\ncuda: 11.8\nentrypoint: python runway_model.py\nbuild_steps:\n  - sleep 300\n',
    })
    await until(
      async () => (await world.version('alice/slow', 2))?.builds.every((b) => b.step === 'build:1'),
      60_000,
      'the step to run',
    )
    const started = Date.now()
    expect((await world.call('POST', '/models/alice/slow/versions/2/cancel')).status).toBeLessThan(300)
    const done = await world.finished('alice/slow', 2, 30_000)
    expect(done.status).toBe('cancelled')
    expect(Date.now() - started).toBeLessThan(15_000)
  })

  it('sees check runs go from queued to completed', async () => {
    const version = (await world.version('alice/upper', 1))!
    const runs = await until(
      async () => {
        const page = await fetch(`${world.stack.state.localGithub.url}/alice/upper/commit/${version.commit}`)
        const text = await page.text()
        return text.includes('runway / cpu') && text.includes('runway / gpu') && /success/i.test(text) && text
      },
      20_000,
      'the check runs of version 1',
    )
    expect(runs).toBeTruthy()
  })
})

async function readToken(): Promise<string> {
  const { createToken } = await import('@modelport/infra/admin/token')
  return createToken(world.stack.state, { login: 'alice', scopes: ['read'], name: 'follow' })
}
