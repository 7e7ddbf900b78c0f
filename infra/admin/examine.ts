import { randomBytes, randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import {
  type AppFinding,
  checkGithubApp,
  deliveryFinding,
  isPrivateKey,
  newestDelivery,
} from '@modelport/schema/github-app'
import { openS3Storage } from '@modelport/storage/s3-storage'
import { createAppAuth } from '@octokit/auth-app'
import { Octokit } from '@octokit/rest'
import postgres from 'postgres'
import { describeFindings, type Finding } from '../local/doctor.ts'
import { probeEngine } from '../local/engine.ts'
import { type Installation, readInstallation } from './installation.ts'

const patience = 10_000

/** `admin -- doctor` looks at everything that an installation needs, as its processes reach it. Exits 1 when something has to be mended. */
export async function doctor(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...argv], options: { 'env-file': { type: 'string' } } })
  if (values['env-file']) process.loadEnvFile(values['env-file'])
  const findings = await examineInstallation(readInstallation())
  const healthy = findings.every(({ verdict }) => verdict !== 'fails')
  const verdict = healthy
    ? 'This installation has what it needs.'
    : 'This installation does not work until the lines marked FAILS are mended.'
  console.log(describeFindings(findings, verdict))
  return healthy ? 0 : 1
}

/** Looks at each thing that an installation needs, from end to end. Nothing is left changed. */
export async function examineInstallation(installation: Installation): Promise<Finding[]> {
  return [
    await databaseFinding(installation.databaseUrl),
    await redisFinding(installation.redisUrl),
    await storageFinding(installation.storage),
    await registryFinding(installation.imageRegistry),
    ...(installation.imageDoor ? [await imageDoorFinding(installation.imageDoor, installation.siteUrl)] : []),
    await engineFinding(installation.engineSocket),
    ...(await githubFindings(installation)),
  ]
}

/** Postgres: the version that our SQL wants, and the schema of this release. */
async function databaseFinding(url: string): Promise<Finding> {
  const what = 'PostgreSQL'
  const sql = postgres(url, {
    max: 1,
    onnotice() {},
    connect_timeout: 10,
    connection: { application_name: 'modelport doctor' },
  })
  try {
    const [row] = await sql<{ version: string; number: number; schema: boolean }[]>`
      select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
        to_regclass('public.models') is not null as schema`
    const { version, number, schema } = row!
    if (number < 150_000)
      return {
        what,
        verdict: 'fails',
        detail: `${version}; 15 or newer is needed`,
        mend: 'move the database to a newer server',
      }
    if (!schema)
      return {
        what,
        verdict: 'fails',
        detail: `${version}, without our tables`,
        mend: 'npm run --silent admin -- prepare',
      }
    return { what, verdict: 'fine', detail: version }
  } catch (error) {
    return {
      what,
      verdict: 'fails',
      detail: `the server of DATABASE_URL does not let us in (${reason(error)})`,
      mend: 'start it, and set DATABASE_URL to its address, user, password and database',
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** Redis: its version, and the one policy under which no job is lost. It speaks lines, so no client is needed. */
async function redisFinding(url: string | null): Promise<Finding> {
  const what = 'Redis'
  if (!url)
    return {
      what,
      verdict: 'lacks',
      detail: 'REDIS_URL is not set; PostgreSQL carries the jobs, about five times slower',
      mend: 'set REDIS_URL of the workers',
    }
  try {
    const info = await askRedis(url, 'INFO')
    const version = /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown'
    const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1]
    const [major = 0, minor = 0] = version.split('.').map(Number)
    if (major < 6 || (major === 6 && minor < 2))
      return { what, verdict: 'fails', detail: `${version}; 6.2 or newer is needed`, mend: 'install a newer Redis' }
    if (policy !== 'noeviction')
      return {
        what,
        verdict: 'fails',
        detail: `${version} may drop jobs: its memory policy is ${policy}`,
        mend: 'redis-cli config set maxmemory-policy noeviction',
      }
    return { what, verdict: 'fine', detail: version }
  } catch (error) {
    return {
      what,
      verdict: 'fails',
      detail: `the server of REDIS_URL does not answer (${reason(error)})`,
      mend: 'start it, and set REDIS_URL to redis://[:password@]host:port',
    }
  }
}

function askRedis(url: string, command: string): Promise<string> {
  const place = URL.canParse(url) ? new URL(url) : null
  if (place?.protocol === 'rediss:') return Promise.reject(new Error('this check speaks no TLS'))
  const socket = place ? connect(Number(place.port || 6379), place.hostname) : connect(url)
  const auth = place?.password
    ? `${['AUTH', place.username, place.password].filter(Boolean).map(decodeURIComponent).join(' ')}\r\n`
    : ''
  return new Promise((done, fail) => {
    let said = ''
    socket.setEncoding('utf8')
    socket.setTimeout(patience, () => socket.destroy(new Error('no answer in 10 s')))
    socket.on('data', (text: string) => {
      said += text
    })
    socket.once('error', fail)
    socket.once('close', () => {
      const refused = /^-(.+)$/m.exec(said)?.[1]
      if (refused && !said.includes('redis_version')) fail(new Error(refused.trim()))
      else done(said)
    })
    socket.once('connect', () => socket.write(`${auth}${command}\r\nQUIT\r\n`))
  })
}

/** The object store: stores, reads a part of and deletes an object of a thousand bytes. */
async function storageFinding(given: Installation['storage']): Promise<Finding> {
  const what = 'Object store'
  if (!given)
    return {
      what,
      verdict: 'lacks',
      detail: 'S3_ENDPOINT is not set; there is no Files tab',
      mend: 'set S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY',
    }
  const { endpoint, bucket } = given.config
  const storage = openS3Storage(given.config, given.secrets)
  const key = `doctor/${randomUUID()}`
  try {
    const bytes = randomBytes(1000)
    await storage.put(key, bytes, { contentType: 'application/octet-stream' })
    const pieces: Uint8Array[] = []
    for await (const piece of (await storage.read(key, { start: 100, end: 199 })) ?? []) pieces.push(piece)
    if (!Buffer.concat(pieces).equals(bytes.subarray(100, 200)))
      throw new Error('a range of an object comes back wrong')
    await storage.delete([key])
    if (await storage.head(key)) throw new Error('a deleted object stays')
    return { what, verdict: 'fine', detail: `${bucket} at ${endpoint} stores, reads and deletes` }
  } catch (error) {
    await storage.delete([key]).catch(() => undefined)
    return {
      what,
      verdict: 'fails',
      detail: `${bucket} at ${endpoint} does not work (${reason(error)})`,
      mend: 'start it, set S3_ENDPOINT and its keys, then: npm run --silent admin -- prepare',
    }
  } finally {
    storage.close()
  }
}

async function registryFinding(host: string | null): Promise<Finding> {
  const what = 'Image registry'
  if (!host)
    return {
      what,
      verdict: 'lacks',
      detail: 'IMAGE_REGISTRY is not set; images stay in the engine of the machine that built them',
      mend: 'set IMAGE_REGISTRY of the workers to host:port',
    }
  try {
    const answer = await fetch(`http://${host}/v2/`, { signal: AbortSignal.timeout(patience) })
    if (answer.status !== 200) throw new Error(`it answers ${answer.status}`)
    return { what, verdict: 'fine', detail: host }
  } catch (error) {
    return {
      what,
      verdict: 'fails',
      detail: `${host} is no image registry that a worker can push to (${reason(error)})`,
      mend: 'start the image registry, and set IMAGE_REGISTRY to host:port without TLS and sign-in',
    }
  }
}

/** Whether an engine that knows nothing finds out how one signs in, and may go on without. */
async function imageDoorFinding(host: string, siteUrl: string): Promise<Finding> {
  const what = 'Image door'
  const url = `${new URL(siteUrl).protocol}//${host}`
  const ask = (address: string) => fetch(address, { signal: AbortSignal.timeout(patience), redirect: 'manual' })
  try {
    const challenge = (await ask(`${url}/v2/`)).headers.get('www-authenticate') ?? ''
    const realm = /^Bearer realm="([^"]+)"/.exec(challenge)?.[1]
    if (!realm) throw new Error('it does not ask for a token as the image door does')
    const answer = await ask(realm)
    if (answer.status !== 200) throw new Error(`${realm} answers ${answer.status}`)
    return { what, verdict: 'fine', detail: url }
  } catch (error) {
    return {
      what,
      verdict: 'fails',
      detail: `images cannot be pulled from ${url} (${reason(error)})`,
      mend: 'lead that host to IMAGE_DOOR_PORT of web, and set IMAGE_REGISTRY of web to the same host',
    }
  }
}

async function engineFinding(socket: string | null): Promise<Finding> {
  const what = 'Engine'
  // The tools of a compose installation have no engine: the admin page shows what each worker says of its own.
  if (!socket)
    return {
      what,
      verdict: 'lacks',
      detail: 'none is seen from here; workers need one',
      mend: 'look at /admin on the site',
    }
  const { version, problem, mend } = await probeEngine(socket)
  return version
    ? { what, verdict: 'fine', detail: `Docker ${version}` }
    : { what, verdict: 'fails', detail: problem, mend }
}

/** The GitHub App as GitHub knows it, our receiver as the world meets it, and a delivery from one to the other. */
async function githubFindings(installation: Installation): Promise<Finding[]> {
  const { github, webhookUrl } = installation
  if (!github.appId || !github.privateKey)
    return [
      {
        what: 'GitHub App',
        verdict: 'fails',
        detail: 'none is connected',
        mend: 'open the link of: npm run --silent admin -- connect-link',
      },
    ]
  const octokit = new Octokit({
    authStrategy: createAppAuth,
    auth: { appId: github.appId, privateKey: github.privateKey },
    baseUrl: github.apiUrl,
    userAgent: 'modelport-doctor',
    log: { debug() {}, info() {}, warn() {}, error() {} },
    request: {
      fetch: (url: string, init: RequestInit) => fetch(url, { ...init, signal: AbortSignal.timeout(patience) }),
    },
  })
  const request = async (route: string): Promise<{ status: number; body: unknown }> => {
    // A key that is none is as wrong as one that GitHub refuses.
    if (!isPrivateKey(github.privateKey)) return { status: 401, body: null }
    try {
      const { status, data } = await octokit.request(route)
      return { status, body: data }
    } catch (error) {
      const status = (error as { status?: number }).status
      if (status === undefined || status === 500) throw error
      return { status, body: null }
    }
  }
  const ask = (path: string) => request(`GET ${path}`)
  const findings = await checkGithubApp(ask, {
    apiUrl: github.apiUrl,
    appId: github.appId,
    clientId: github.clientId || null,
    webhookUrl,
  })
  const connected = findings.some(({ what, verdict }) => what === 'Webhook address' && verdict === 'fine')
  const told = findings.filter(({ what }) => what !== 'Webhook delivery').map(asFinding)
  if (!connected) return told
  const receiver = await receiverFinding(webhookUrl)
  if (receiver.verdict === 'fails') return [...told, receiver]
  return [...told, receiver, asFinding(await proveDelivery(ask, request, webhookUrl, `${github.webUrl}/settings/apps`))]
}

function asFinding({ what, verdict, detail, mend }: AppFinding): Finding {
  return { what, verdict: ({ fine: 'fine', unknown: 'lacks', wrong: 'fails' } as const)[verdict], detail, mend }
}

/** The address that GitHub has leads to a receiver when a message without a signature is refused as one. */
async function receiverFinding(url: string): Promise<Finding> {
  const what = 'Receiver'
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body: '{}',
      redirect: 'manual',
      signal: AbortSignal.timeout(patience),
    })
    if (answer.status === 401) return { what, verdict: 'fine', detail: `answers at ${url}` }
    return {
      what,
      verdict: 'fails',
      detail: `${url} answers ${answer.status} to a message without a signature, which no receiver of ours does`,
      mend: 'lead the path /hooks/github to the receiver in the proxy in front of it',
    }
  } catch (error) {
    return {
      what,
      verdict: 'fails',
      detail: `${url} does not answer from here (${reason(error)})`,
      mend: 'start the receiver and the proxy in front of it: docker compose ps',
    }
  }
}

/**
 * Has GitHub send its newest message once more, and reads how that went: so the address, the secret and the receiver are
 * proved together. A message that was taken in before changes nothing when it comes again.
 */
async function proveDelivery(
  ask: (path: string) => Promise<{ status: number; body: unknown }>,
  request: (route: string) => Promise<{ status: number; body: unknown }>,
  webhookUrl: string,
  settings: string,
): Promise<AppFinding> {
  const before = await newestDelivery(ask)
  if (!before) return deliveryFinding(before, { webhookUrl }, settings)
  const asked = await request(`POST /app/hook/deliveries/${before.id}/attempts`)
  // GitHub keeps messages for some days only; then what it remembers of the last one has to do.
  if (asked.status !== 202) return deliveryFinding(before, { webhookUrl }, settings)
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    const now = await newestDelivery(ask)
    if (now && now.id !== before.id) return deliveryFinding(now, { webhookUrl }, settings)
    await new Promise((done) => setTimeout(done, 300))
  }
  return deliveryFinding(before, { webhookUrl }, settings)
}

function reason(error: unknown): string {
  const deepest = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (deepest instanceof AggregateError) return reason(deepest.errors[0])
  return deepest instanceof Error ? deepest.message || deepest.name : String(deepest)
}
