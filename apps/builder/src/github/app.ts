import type { IncomingMessage, ServerResponse } from 'node:http'
import { createProbot, type Probot } from 'probot'
import { z } from 'zod'
import type { Logger } from '../log.ts'
import { answer } from '../process.ts'
import { readVerifiedBody } from './guard.ts'

/** One verified webhook message, as the inbox stores it. */
export interface ReceivedWebhook {
  guid: string
  event: string
  bodySha256: string
  payload: unknown
}

const Headers = z.object({
  'content-type': z.string().regex(/^application\/json\b/i),
  'x-github-delivery': z.string().min(1),
  'x-github-event': z.string().min(1),
})
type Event = Parameters<Probot['receive']>[0]

/**
 * The HTTP handler of `/hooks/github`: guard, then Probot, then `accept`. GitHub is answered 200 only after `accept`
 * returned, however long that takes, and 500 when it threw, so that GitHub shows the delivery as failed and it can be sent
 * again. Probot's own HTTP middleware is not used: it answers 202 after nine seconds to what is not stored yet, logs the
 * whole body of a bad signature, and checks the signature a second time.
 */
export function makeWebhookHandler(options: {
  webhookSecret: string
  log: Logger
  accept(webhook: ReceivedWebhook): Promise<void>
}): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  // With an app's key Probot makes a client of GitHub for every message. Nothing here calls GitHub: the inbox does so later.
  const probot = createProbot({
    env: { WEBHOOK_SECRET: options.webhookSecret },
    overrides: { githubToken: 'none', log: options.log.child({ part: 'probot' }, { level: 'fatal' }) },
  })
  const digests = new WeakMap<object, string>()
  probot.onAny(async ({ id, name, payload }) => {
    await options.accept({ guid: id, event: name, bodySha256: digests.get(payload)!, payload })
  })
  return async (request, response) => {
    const body = await readVerifiedBody(request, response, options.webhookSecret)
    if (!body) return
    const headers = Headers.safeParse(request.headers)
    const payload = parseObject(body.bytes)
    if (!headers.success || !payload)
      return answer(response, 400, 'a webhook message is a JSON object with a delivery id and the name of its event\n')
    digests.set(payload, body.sha256)
    const { 'x-github-delivery': id, 'x-github-event': name } = headers.data
    try {
      await probot.receive({ id, name, payload } as Event)
    } catch {
      // `accept` has said in the log why.
      return answer(response, 500, 'the delivery could not be stored; send it again\n')
    }
    return answer(response, 200, 'ok\n')
  }
}

function parseObject(bytes: Buffer): object | null {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null
  } catch {
    return null
  }
}
