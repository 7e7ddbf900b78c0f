import { createServer, type Server } from 'node:http'
import { models } from '@modelport/db/tables/models'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestSite } from '#src/api/test-site.ts'
import { openImageDoor } from '#src/features/images/image-door.ts'
import { makePullToken } from '#src/features/images/pull-token.ts'

const digest = `sha256:${'ab'.repeat(32)}`
let site: Awaited<ReturnType<typeof openTestSite>>
let registry: Server
let door: Server
let url: string
const asked: string[] = []
const paths: Record<'open' | 'hidden', string> = { open: '', hidden: '' }
let hiddenId: string
let alice: string
let stranger: string

beforeAll(async () => {
  site = await openTestSite()
  registry = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim())
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      'set-cookie': 'a=b',
    })
    response.end(request.method === 'HEAD' ? undefined : 'layer')
  })
  const registryUrl = await listening(registry)
  door = await openImageDoor({ host: '127.0.0.1', port: 0, registry: new URL(registryUrl) })
  url = `http://127.0.0.1:${(door.address() as { port: number }).port}`
  const open = await site.seed.model({ owner: 'door', name: 'open' })
  const hidden = await site.seed.model({ owner: 'door', name: 'hidden', private: true })
  hiddenId = hidden.model.id
  paths.open = `/v2/models/${open.model.id}`
  paths.hidden = `/v2/models/${hiddenId}`
  site.permissions.set('door/hidden alice', 'read')
  alice = await site.tokenOf(await site.seed.person('alice'))
  stranger = await site.tokenOf(await site.seed.person('stranger'))
}, 60_000)
afterAll(async () => {
  door?.close()
  registry?.close()
  await site?.close()
})

const get = (path: string, { token, method = 'GET', ...headers }: Record<string, string> = {}) =>
  fetch(url + path, { method, headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers } })
const basic = (password: string) => `Basic ${Buffer.from(`anything:${password}`).toString('base64')}`

describe('the image door', () => {
  it('gives the image of a public model to everybody, and no more of the answer than an image is', async () => {
    const answer = await get(`${paths.open}/blobs/${digest}`, { range: 'bytes=0-4' })
    expect([answer.status, await answer.text()]).toEqual([200, 'layer'])
    expect(answer.headers.get('docker-content-digest')).toBe(digest)
    expect(answer.headers.get('set-cookie')).toBeNull()
    expect(answer.headers.get('content-security-policy')).toContain('sandbox')
    expect(asked.at(-1)).toBe(`GET ${paths.open}/blobs/${digest} bytes=0-4`)
    expect((await get(`${paths.open}/manifests/v3-cpu`, { method: 'HEAD' })).status).toBe(200)
  })

  it('answers for a private model as for one that is not there, and asks the registry for neither', async () => {
    const before = asked.length
    const missing = `/v2/models/${hiddenId.replace(/^.{8}/, '00000000')}`
    const seen = async (path: string, token?: string) => {
      const answer = await get(`${path}/manifests/v1-cpu`, token ? { token } : {})
      const challenge = answer.headers.get('www-authenticate')?.replace(/models\/[0-9a-f-]+/, 'models/ID') ?? null
      return { status: answer.status, challenge, body: await answer.text() }
    }
    expect(await seen(paths.hidden)).toEqual(await seen(missing))
    expect((await seen(paths.hidden)).status).toBe(401)
    expect(await seen(paths.hidden, stranger)).toEqual(await seen(missing, stranger))
    expect((await seen(paths.hidden, stranger)).status).toBe(404)
    expect(asked).toHaveLength(before)
  })

  it('lets an engine sign in with an API token as its password, and pull what that person may see', async () => {
    const ping = await get('/v2/')
    expect(ping.status).toBe(401)
    expect(ping.headers.get('www-authenticate')).toBe(
      'Bearer realm="http://images.test:3050/token",service="images.test:3050"',
    )
    const scope = `scope=repository:${paths.hidden.slice(4)}:pull`
    const given = await (await get(`/token?${scope}`, { authorization: basic(alice) })).json()
    expect(given).toMatchObject({ token: given.access_token, expires_in: 300 })
    expect(given.token).not.toContain(alice)
    expect((await get('/v2/', { token: given.token })).status).toBe(200)
    expect((await get(`${paths.hidden}/manifests/${digest}`, { token: given.token })).status).toBe(200)
    const other = await (await get(`/token?${scope}`)).json()
    expect((await get(`${paths.hidden}/manifests/${digest}`, { token: other.token })).status).toBe(401)
    expect((await get(`${paths.open}/manifests/${digest}`, { token: other.token })).status).toBe(200)
  })

  it('refuses passwords and tokens that are not good, or no longer', async () => {
    expect((await get('/token', { authorization: basic('guess') })).status).toBe(401)
    const key = Buffer.alloc(32, 7)
    const old = makePullToken(key, alice, Date.now() - 301_000)
    const foreign = makePullToken(Buffer.alloc(32, 8), alice)
    for (const token of [old, foreign, 'mp_guess', 'x'])
      expect((await get(`${paths.open}/manifests/v1-cpu`, { token })).status, token).toBe(401)
  })

  it('closes with the model: a token that was given before opens nothing after', async () => {
    const { token } = await (await get('/token', { authorization: basic(stranger) })).json()
    const manifest = `${paths.open}/manifests/v1-cpu`
    expect((await get(manifest, { token })).status).toBe(200)
    const id = paths.open.split('/').at(-1)!
    await site.db.update(models).set({ repositoryPrivate: true }).where(eq(models.id, id))
    expect((await get(manifest, { token })).status).toBe(404)
    expect((await get(manifest)).status).toBe(401)
    await site.db.update(models).set({ repositoryPrivate: false }).where(eq(models.id, id))
  })

  it('takes no pushes, and leads nowhere else in the registry', async () => {
    const before = asked.length
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      expect((await get(`${paths.open}/blobs/uploads/`, { method, token: alice })).status).toBe(405)
    for (const path of ['/v2/_catalog', '/', '/debug/vars', `${paths.open}/tags/list`, `${paths.open}/../../_catalog`])
      expect((await get(path)).status, path).toBe(404)
    expect((await get(`/v2/models/x%2f../manifests/v1`)).status).toBe(404)
    expect(asked).toHaveLength(before)
  })
})

it('the image door says so when the registry does not answer', async () => {
  const deaf = createServer()
  const gone = await listening(deaf)
  await new Promise((resolve) => deaf.close(resolve))
  const other = await openImageDoor({ host: '127.0.0.1', port: 0, registry: new URL(gone) })
  const port = (other.address() as { port: number }).port
  const answer = await fetch(`http://127.0.0.1:${port}${paths.open}/manifests/v1-cpu`)
  expect([answer.status, await answer.json()]).toMatchObject([502, { errors: [{ code: 'UNAVAILABLE' }] }])
  other.close()
})

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}
