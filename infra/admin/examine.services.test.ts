import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTestDatabase } from '@modelport/db/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { git, TestGithub, workTree } from '../local-github/testing.ts'
import { type LocalS3, startLocalS3 } from '../local-s3/server.ts'
import { examineInstallation } from './examine.ts'
import type { Installation } from './installation.ts'

const secrets = { accessKeyId: 'TEST', secretAccessKey: 'a secret of this test' }
let folder: string
let database: Awaited<ReturnType<typeof openTestDatabase>>
let s3: LocalS3
let receiver: Server
let registry: Server
let door: Server
let receiverSecret = 'a webhook secret'
let github: TestGithub
let good: Installation

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-doctor-'))
  database = await openTestDatabase()
  s3 = await startLocalS3({
    ...secrets,
    host: '127.0.0.1',
    port: 0,
    dir: folder,
    bucket: 'files',
    corsOrigins: [],
    uploadLifeMs: 3600_000,
  })
  // Refuses what is not signed, as the receiver does.
  receiver = createServer(async (request, response) => {
    const hmac = createHmac('sha256', receiverSecret)
    for await (const piece of request) hmac.update(piece)
    const signed = request.headers['x-hub-signature-256'] === `sha256=${hmac.digest('hex')}`
    response.writeHead(signed ? 200 : 401).end()
  })
  registry = createServer((request, response) => response.writeHead(request.url === '/v2/' ? 200 : 404).end())
  const webhookUrl = `${await listen(receiver)}/hooks/github`
  door = createServer((request, response) => {
    if (request.url === '/token') return response.end('{}')
    const realm = `http://${request.headers.host}/token`
    response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="images"` }).end()
  })
  github = await TestGithub.start({ webhookUrl })
  const dir = await workTree(github)
  await git(dir, 'push', '--quiet', github.remote('alice/m'), 'HEAD:main')
  await github.settled()
  good = {
    databaseUrl: database.url,
    redisUrl: null,
    siteUrl: 'http://127.0.0.1:3000',
    webhookUrl,
    storage: {
      config: { endpoint: s3.url, publicEndpoint: s3.url, region: 'us-east-1', bucket: 'files' },
      secrets,
    },
    imageRegistry: new URL(await listen(registry)).host,
    imageDoor: new URL(await listen(door)).host,
    engineSocket: null,
    github: {
      webUrl: github.url,
      apiUrl: `${github.url}/api/v3`,
      appId: String(github.config.appId),
      clientId: github.config.clientId,
      privateKey: github.privateKey,
      webhookSecret: 'a webhook secret',
    },
    secretKey: null,
  }
})
afterAll(async () => {
  await github.close()
  for (const server of [receiver, registry, door]) {
    server.closeAllConnections()
    server.close()
  }
  await s3.close()
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const failing = async (installation: Installation) =>
  (await examineInstallation(installation)).filter(({ verdict }) => verdict === 'fails')

it('finds nothing wrong with an installation that works, and has GitHub deliver once more to prove it', async () => {
  const findings = await examineInstallation(good)
  expect(findings.filter(({ verdict }) => verdict === 'fails')).toEqual([])
  expect(findings.filter(({ verdict }) => verdict === 'fine').map(({ what }) => what)).toEqual([
    'PostgreSQL',
    'Object store',
    'Image registry',
    'Image door',
    'App id and key',
    'Sign-in',
    'Permissions',
    'Events',
    'Installations',
    'Webhook address',
    'Receiver',
    'Webhook delivery',
  ])
})

it('says of each thing that is wrong what it is, and the command or setting that mends it', async () => {
  const nowhere = 'http://127.0.0.1:9'
  const storage = { ...good.storage!, secrets: { ...secrets, secretAccessKey: 'never-to-be-shown' } }
  const broken = await failing({
    ...good,
    databaseUrl: 'postgres://nobody:x@127.0.0.1:9/none',
    redisUrl: 'redis://127.0.0.1:9',
    storage,
    imageRegistry: '127.0.0.1:9',
    imageDoor: good.imageRegistry,
    engineSocket: '/nowhere/docker.sock',
    github: { ...good.github, privateKey: '', apiUrl: nowhere },
  })
  expect(broken.map(({ what }) => what)).toEqual([
    'PostgreSQL',
    'Redis',
    'Object store',
    'Image registry',
    'Image door',
    'Engine',
    'GitHub App',
  ])
  for (const { mend } of broken) expect(mend).toBeTruthy()
  expect(JSON.stringify(broken)).not.toContain('never-to-be-shown')
  expect(await failing({ ...good, github: { ...good.github, apiUrl: nowhere } })).toMatchObject([{ what: 'GitHub' }])
  expect(await failing({ ...good, github: { ...good.github, privateKey: 'no key' } })).toMatchObject([
    { what: 'App id and key', mend: expect.stringContaining('GITHUB_PRIVATE_KEY') },
  ])
  expect(await failing({ ...good, webhookUrl: 'https://elsewhere.example/hooks/github' })).toMatchObject([
    { what: 'Webhook address', mend: expect.stringContaining('https://elsewhere.example/hooks/github') },
  ])
})

it('tells a secret that differs from a receiver that is not there', async () => {
  receiverSecret = 'another secret'
  expect(await failing(good)).toMatchObject([
    { what: 'Webhook delivery', mend: expect.stringContaining('GITHUB_WEBHOOK_SECRET') },
  ])
  receiverSecret = 'a webhook secret'
  receiver.closeAllConnections()
  await new Promise((done) => receiver.close(done))
  expect(await failing(good)).toMatchObject([{ what: 'Receiver', mend: expect.stringContaining('start the receiver') }])
})
