import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { receiverConfig, workerConfig } from '../../apps/builder/src/config.ts'
import { installationOfEnvironment } from '../admin/installation.ts'

const infra = join(import.meta.dirname, '..')
const read = (name: string) => readFileSync(join(infra, name), 'utf8')

// The part of the compose specification that we use; another key is a mistake in writing until it is added here.
const Health = z.strictObject({
  test: z.array(z.string()).min(2),
  interval: z.string(),
  timeout: z.string(),
  retries: z.number(),
  start_period: z.string().optional(),
})
const Condition = z.enum(['service_healthy', 'service_completed_successfully'])
const Service = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.literal('..'), dockerfile: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  network_mode: z.string().optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition: Condition })).optional(),
  healthcheck: Health.optional(),
  restart: z.enum(['unless-stopped', 'no']),
  profiles: z.array(z.string()).optional(),
  init: z.boolean().optional(),
  read_only: z.boolean().optional(),
  tmpfs: z.array(z.string()).optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  shm_size: z.string().optional(),
  stop_grace_period: z.string().optional(),
  logging: z.strictObject({ driver: z.string(), options: z.record(z.string(), z.string()) }).optional(),
})
const Compose = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), Service),
  volumes: z.record(z.string(), z.null()),
})

const text = read('compose.yml')
const document = parse(text, { merge: true }) as Record<string, unknown>
const { services, volumes } = Compose.parse(
  Object.fromEntries(Object.entries(document).filter(([name]) => !name.startsWith('x-'))),
)
const staying = Object.entries(services).filter(([, service]) => service.restart !== 'no')

/** The example file with the secrets that its own comments say how to make. */
const filled: Record<string, string> = {
  ...parseEnvironment(read('compose.env.example')),
  POSTGRES_PASSWORD: 'a'.repeat(48),
  SECRET_KEY: '0'.repeat(64),
  S3_ACCESS_KEY_ID: `GK${'0'.repeat(24)}`,
  S3_SECRET_ACCESS_KEY: '0'.repeat(64),
  GARAGE_RPC_SECRET: '0'.repeat(64),
  IMAGE_REGISTRY_SECRET: '0'.repeat(48),
  GITHUB_APP_ID: '7',
  GITHUB_CLIENT_ID: 'Iv1.a',
  GITHUB_CLIENT_SECRET: 'secret',
  GITHUB_WEBHOOK_SECRET: 'sixteen letters at least',
  GITHUB_PRIVATE_KEY: '-----BEGIN PRIVATE KEY-----',
}

describe('compose.yml', () => {
  it('pins every image, and restarts and watches whatever stays', () => {
    for (const [name, { image, build, healthcheck }] of staying) {
      if (!build) expect(image, name).toMatch(/^[a-z0-9/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/)
      expect(healthcheck, name).toBeDefined()
    }
  })

  it('builds from Dockerfiles that are there, of which each names its base by an exact version', () => {
    const built = Object.values(services).flatMap(({ build }) => build?.dockerfile ?? [])
    const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.Dockerfile'))
    expect([...new Set(built)].sort()).toEqual(files.map((name) => `infra/docker/${name}`).sort())
    for (const name of files)
      expect(read(`docker/${name}`)).toMatch(/^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-bookworm-slim$/m)
  })

  it('holds no secret, and asks for each in the example file with the command that makes it', () => {
    const asked = new Set([...text.matchAll(/\$\{([A-Z0-9_]+)/g)].map((match) => match[1]!))
    const example = parseEnvironment(read('compose.env.example'))
    const tuning = new Set([
      'WORKER_CONCURRENCY',
      'SUBSTITUTION_POLICY',
      'EGRESS_POLICY',
      'DOCKER_SOCKET',
      'DOCKER_ROOT',
      'BACKUPS',
    ])
    expect([...asked].filter((name) => !(name in example) && !tuning.has(name))).toEqual([])
    expect(Object.keys(example).filter((name) => !asked.has(name))).toEqual([])
    for (const [name, value] of Object.entries(example))
      if (/PASSWORD|SECRET|KEY/.test(name)) expect(value, name).toBe('')
    for (const service of Object.values(services))
      for (const [name, value] of Object.entries(service.environment ?? {}))
        if (/PASSWORD|SECRET|_KEY/.test(name)) expect(value, name).toMatch(/^\$\{\w+:[?-].*\}$/)
  })

  it('gives each process what it refuses to start without', async () => {
    const receiver = receiverConfig(environmentOf('receiver'))
    expect(receiver.config).toMatchObject({ host: '0.0.0.0', port: 8080, siteUrl: 'https://models.example.org' })
    const worker = workerConfig(environmentOf('worker'))
    expect(worker.config).toMatchObject({ imageRegistry: '127.0.0.1:5000', storage: { bucket: 'modelport' } })
    // Not by name: the types that Next gives the environment would become those of this room.
    const { readConfig, readImageDoor } = await import(new URL('../../apps/web/src/config.ts', import.meta.url).href)
    const web = readConfig(environmentOf('web'))
    expect(readImageDoor(environmentOf('web'))).toMatchObject({ host: '0.0.0.0', port: 3050 })
    expect(web.config).toMatchObject({ githubClientId: 'Iv1.a', storage: { bucket: 'modelport' }, webhookUrl: null })
    expect(installationOfEnvironment(environmentOf('tools'))).toMatchObject({
      storage: { config: { endpoint: 'http://s3:3900' } },
      github: { appId: '7' },
      secretKey: filled.SECRET_KEY,
    })
  })

  it('gives no process a secret that it does not need', () => {
    expect(Object.keys(environmentOf('web'))).not.toContain('GITHUB_WEBHOOK_SECRET')
    expect(Object.keys(environmentOf('web'))).not.toContain('REDIS_URL')
    for (const name of ['receiver', 'worker']) {
      expect(Object.keys(environmentOf(name))).not.toContain('SECRET_KEY')
      expect(Object.keys(environmentOf(name))).not.toContain('GITHUB_CLIENT_SECRET')
    }
    const engine = Object.entries(services).filter(([, { volumes }]) => volumes?.some((v) => v.includes('docker.sock')))
    expect(engine.map(([name]) => name)).toEqual(['worker'])
  })

  it('opens ports on loopback only, and none of the database and the queue', () => {
    for (const { ports = [] } of Object.values(services))
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
    expect(services.postgres!.ports ?? services.redis!.ports ?? services.worker!.ports).toBeUndefined()
  })

  it('starts things in an order in which each finds what it needs, on volumes that are declared', () => {
    for (const [name, { depends_on: before = {}, volumes: mounts = [] }] of Object.entries(services)) {
      for (const [other, { condition }] of Object.entries(before)) {
        expect(services[other], `${name} -> ${other}`).toBeDefined()
        expect(condition === 'service_completed_successfully').toBe(services[other]!.restart === 'no')
      }
      for (const mount of mounts) {
        const source = mount.startsWith('$') ? '' : mount.split(':')[0]!
        if (source && !source.startsWith('.')) expect(Object.keys(volumes)).toContain(source)
      }
    }
    for (const name of ['receiver', 'worker', 'web']) expect(services[name]!.depends_on).toHaveProperty('prepare')
  })
})

/** What a service is told when compose has put the values of `filled` in. */
function environmentOf(name: string): Record<string, string> {
  const given = Object.entries(services[name]!.environment ?? {})
  return Object.fromEntries(
    given.map(([key, value]) => [key, value.replaceAll(/\$\{(\w+)(?::[?-]([^}]*))?\}/g, interpolated)]),
  )
}

function interpolated(whole: string, name: string, otherwise = ''): string {
  return filled[name] || (whole.includes(':?') ? '' : otherwise)
}

function parseEnvironment(lines: string): Record<string, string> {
  const pairs = lines.split('\n').filter((line) => /^[A-Z]/.test(line))
  return Object.fromEntries(pairs.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}
