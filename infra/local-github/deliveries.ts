import { createHmac, randomUUID } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { LocalGithubConfig } from './config.ts'
import type { Delivery, Store } from './store.ts'

/** GitHub closes the connection after ten seconds. */
const ANSWER_WITHIN_MS = 10_000
/** GitHub sends nothing at all above this size. */
const MAX_PAYLOAD = 25 * 1024 * 1024
const MAX_RESPONSE = 4 * 1024
const KEEP = 5_000
const HOOK_ID = 1

/** How deliveries misbehave on request: everything GitHub does not promise, and tests want to see survived. */
export const deliveryMode = z.object({
  /** Hold deliveries back until this many wait, then send them in random order. */
  shuffle: z.number().int().min(0).max(1000).default(0),
  /** Send each delivery again this many times: under the same GUID, or as GitHub sometimes does, under a new one. */
  duplicate: z.number().int().min(0).max(10).default(0),
  duplicateGuid: z.enum(['same', 'new']).default('same'),
  /** Wait before sending. */
  delayMs: z.number().int().min(0).max(600_000).default(0),
  /** Never send or record the next so many deliveries: an outage of GitHub. */
  drop: z.number().int().min(0).default(0),
  /** Record the next so many deliveries as failed without sending them: an outage of the receiver. */
  fail: z.number().int().min(0).default(0),
  /** Only events with this name; empty means all. */
  event: z.string().max(100).default(''),
})

export type DeliveryMode = z.infer<typeof deliveryMode>

export interface Message {
  event: string
  action: string | null
  installationId: number | null
  repositoryId: number | null
  payload: unknown
}

/** Makes messages when their turn comes; none is fine. */
export type MessageSource = () => Promise<Message[]>

interface Prepared {
  row: Delivery
  body: Buffer
  message: Message
}

/** The queue that keeps a repository's deliveries, or else an installation's, in order. */
export function queueKey(about: { repositoryId: number | null; installationId: number | null }): string {
  return about.repositoryId === null ? `installation:${about.installationId}` : `repository:${about.repositoryId}`
}

/** Webhooks on their way out: signed, in order per queue, and recorded with what came back. */
export class Deliveries {
  mode: DeliveryMode = deliveryMode.parse({})
  readonly #config: LocalGithubConfig
  readonly #store: Store
  readonly #url: () => string
  readonly #dir: string
  readonly #queues = new Map<string, Promise<void>>()
  readonly #held: (() => Promise<void>)[] = []
  readonly #closing = new AbortController()

  constructor(config: LocalGithubConfig, store: Store, url: () => string) {
    this.#config = config
    this.#store = store
    this.#url = url
    this.#dir = join(config.dir, 'deliveries')
    mkdirSync(this.#dir, { recursive: true })
  }

  /**
   * Queues messages behind the others with the same key; the promise ends when they were sent.
   *
   * Messages that are ready are on disk when this returns, so a crash loses none. A source is asked when its turn comes:
   * making a large push takes seconds, and a later push must not overtake it.
   */
  send(key: string, messages: Message[] | MessageSource): Promise<void> {
    if (typeof messages !== 'function') {
      const ready = messages.flatMap((message) => this.#prepare(message) ?? [])
      return this.#queue(key, async () => {
        for (const delivery of ready) await this.#dispatch(delivery)
      })
    }
    return this.#queue(key, async () => {
      for (const message of await messages()) {
        const delivery = this.#prepare(message)
        if (delivery) await this.#dispatch(delivery)
      }
    })
  }

  #queue(key: string, work: () => Promise<void>): Promise<void> {
    const before = this.#queues.get(key) ?? Promise.resolve()
    const after = before.then(work).catch((error: unknown) => {
      // A queue must go on after a message that could not be made.
      console.error(`local github: a webhook could not be made: ${String(error)}`)
    })
    this.#queues.set(key, after)
    void after.then(() => {
      if (this.#queues.get(key) === after) this.#queues.delete(key)
    })
    return after
  }

  /** Waits until nothing is queued or on its way. */
  async settled(): Promise<void> {
    while (this.#queues.size > 0) await Promise.all(this.#queues.values())
  }

  /** Sends what a former process recorded and did not get to send. */
  resume(): void {
    for (const row of this.#store.deliveries.all().filter((delivery) => delivery.pending)) {
      void this.#queue(queueKey(row), async () => this.#attempt(row, await this.payload(row)))
    }
  }

  /** The finished deliveries, newest first. */
  list(): Delivery[] {
    return this.#store.deliveries
      .all()
      .filter((delivery) => !delivery.pending)
      .sort((a, b) => b.id - a.id)
  }

  /** The bytes that were or will be sent. */
  payload(delivery: Delivery): Promise<Buffer> {
    return readFile(join(this.#dir, `${delivery.guid}.json`))
  }

  /** Sends a delivery once more, under the same GUID. */
  redeliver(delivery: Delivery): void {
    void this.#queue(`redelivery:${delivery.guid}`, async () => {
      const body = await this.payload(delivery)
      await this.#attempt(this.#record(delivery, delivery.guid, body, true), body)
    })
  }

  /** Changes how deliveries misbehave; what was held back for shuffling goes out when shuffling ends. */
  setMode(mode: DeliveryMode): void {
    this.mode = mode
    if (mode.shuffle === 0) this.#releaseHeld()
  }

  /** Ends all requests under way; what was not answered or not yet sent goes out at the next start. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.settled()
  }

  async #dispatch({ row, body, message }: Prepared): Promise<void> {
    const mode = this.mode
    if (mode.event !== '' && mode.event !== message.event) return this.#attempt(row, body)
    if (mode.drop > 0) {
      mode.drop -= 1
      this.#forget(row)
      return
    }
    if (mode.fail > 0) {
      mode.fail -= 1
      this.#finish(row, Date.now(), 502, 'failed to connect to host')
      return
    }
    const { duplicate, duplicateGuid } = mode
    const send = async () => {
      await this.#attempt(row, body)
      for (let copy = 0; copy < duplicate; copy += 1) {
        const again =
          duplicateGuid === 'same' ? this.#record(message, row.guid, body, false) : this.#prepare(message)!.row
        await this.#attempt(again, body)
      }
    }
    if (mode.delayMs > 0) await pause(mode.delayMs, this.#closing.signal)
    if (mode.shuffle === 0) return send()
    this.#held.push(send)
    if (this.#held.length >= mode.shuffle) this.#releaseHeld()
  }

  #releaseHeld(): void {
    const held = this.#held.splice(0)
    for (let i = held.length - 1; i > 0; i -= 1) {
      const j = Math.floor(Math.random() * (i + 1))
      ;[held[i], held[j]] = [held[j]!, held[i]!]
    }
    for (const send of held) void this.#queue('shuffled', send)
  }

  /** Writes a message down; null when it is one that GitHub would not send. */
  #prepare(message: Message): Prepared | null {
    const body = Buffer.from(JSON.stringify(message.payload))
    if (body.length > MAX_PAYLOAD) {
      console.error(`local github: a ${message.event} webhook above 25 MB is not sent, as on GitHub`)
      return null
    }
    const guid = randomUUID()
    const path = join(this.#dir, `${guid}.json`)
    writeFileSync(`${path}.new`, body, { mode: 0o600 })
    renameSync(`${path}.new`, path)
    return { row: this.#record(message, guid, body, false), body, message: { ...message, payload: null } }
  }

  #record(message: Omit<Message, 'payload'>, guid: string, body: Buffer, redelivery: boolean): Delivery {
    const signature = (algorithm: string) =>
      `${algorithm}=${createHmac(algorithm, this.#config.webhookSecret).update(body).digest('hex')}`
    const row: Delivery = {
      id: this.#store.nextId(),
      guid,
      event: message.event,
      action: message.action,
      installationId: message.installationId,
      repositoryId: message.repositoryId,
      redelivery,
      pending: true,
      deliveredAt: new Date().toISOString(),
      duration: 0,
      status: 'pending',
      statusCode: 0,
      request: {
        headers: {
          Accept: '*/*',
          'Content-Type': 'application/json',
          'User-Agent': 'GitHub-Hookshot/local',
          'X-GitHub-Delivery': guid,
          'X-GitHub-Event': message.event,
          'X-GitHub-Hook-ID': String(HOOK_ID),
          'X-GitHub-Hook-Installation-Target-ID': String(this.#config.appId),
          'X-GitHub-Hook-Installation-Target-Type': 'integration',
          'X-GitHub-Enterprise-Host': new URL(this.#url()).host,
          'X-GitHub-Enterprise-Version': ENTERPRISE_VERSION,
          'X-Hub-Signature': signature('sha1'),
          'X-Hub-Signature-256': signature('sha256'),
        },
      },
      response: { headers: {}, body: '' },
    }
    this.#store.deliveries.put(row)
    this.#forgetOld()
    return row
  }

  async #attempt(row: Delivery, body: Buffer): Promise<void> {
    const started = Date.now()
    try {
      const response = await fetch(this.#config.webhookUrl, {
        method: 'POST',
        // A kept connection may have died with a restarted receiver, and nothing here is sent twice.
        headers: { ...row.request.headers, connection: 'close' },
        body: new Uint8Array(body),
        redirect: 'manual',
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
      })
      const text = await readStart(response, MAX_RESPONSE)
      this.#finish(row, started, response.status, response.ok ? 'OK' : statusWords(response.status), {
        headers: Object.fromEntries([...response.headers].slice(0, 50)),
        body: text,
      })
    } catch (error) {
      // Left pending on purpose: the next start sends it.
      if (this.#closing.signal.aborted) return
      const late = error instanceof Error && error.name === 'TimeoutError'
      this.#finish(row, started, late ? 504 : 502, late ? 'timed out' : 'failed to connect to host')
    }
  }

  #finish(row: Delivery, started: number, statusCode: number, status: string, response = row.response): void {
    this.#store.deliveries.put({
      ...row,
      pending: false,
      deliveredAt: new Date(started).toISOString(),
      duration: Math.round((Date.now() - started) / 10) / 100,
      status,
      statusCode,
      response,
    })
  }

  #forgetOld(): void {
    const { deliveries } = this.#store
    if (deliveries.size <= KEEP * 1.1) return
    const old = deliveries
      .all()
      .filter((delivery) => !delivery.pending)
      .sort((a, b) => a.id - b.id)
      .slice(0, deliveries.size - KEEP)
    for (const row of old) this.#forget(row)
  }

  #forget(row: Delivery): void {
    const { deliveries } = this.#store
    deliveries.delete(row.id)
    // A redelivery shares the payload of the first.
    if (deliveries.by('guid', row.guid).length === 0) void rm(join(this.#dir, `${row.guid}.json`), { force: true })
  }
}

/** The GitHub Enterprise Server whose published schema we follow. */
export const ENTERPRISE_VERSION = '3.19.0'

/** The app's webhook as `GET /app/hook/config` tells it. */
export function hookConfig(config: LocalGithubConfig) {
  return { content_type: 'json', insecure_ssl: '0', secret: '********', url: config.webhookUrl }
}

function statusWords(code: number): string {
  return code >= 300 && code < 400 ? 'redirects are not followed' : `Invalid HTTP Response: ${code}`
}

async function readStart(response: Response, limit: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = response.body?.getReader()
  while (reader && size < limit) {
    const { done, value } = await reader.read()
    if (done) break
    chunks.push(value)
    size += value.length
  }
  await reader?.cancel()
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8')
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}

/** A delivery in the list of `GET /app/hook/deliveries`. */
export function deliveryShape(ctx: { config: LocalGithubConfig }, delivery: Delivery) {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: delivery.deliveredAt,
    redelivery: delivery.redelivery,
    duration: delivery.duration,
    status: delivery.status,
    status_code: delivery.statusCode,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installationId,
    repository_id: delivery.repositoryId,
    url: ctx.config.webhookUrl,
    throttled_at: null,
  }
}

/** Tells whether a delivery reached its reader. */
export function succeeded(delivery: Delivery): boolean {
  return delivery.statusCode >= 200 && delivery.statusCode < 400
}
