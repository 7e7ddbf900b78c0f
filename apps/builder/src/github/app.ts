import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createNodeMiddleware, createProbot, type Probot } from 'probot'
import type { GithubConfig } from '../config.ts'
import type { Logger } from '../log.ts'
import { readVerifiedBody } from './guard.ts'

/** One verified webhook message, as the inbox stores it. */
export interface ReceivedWebhook {
  guid: string
  event: string
  bodySha256: string
  payload: unknown
}

/**
 * The HTTP handler of `/hooks/github`: guard, then Probot, then `accept`. GitHub is answered 200 only after `accept`
 * returned, and 500 when it threw, so that GitHub shows the delivery as failed and it can be sent again.
 */
export async function makeWebhookHandler(options: {
  github: GithubConfig
  privateKey: string
  webhookSecret: string
  log: Logger
  accept(webhook: ReceivedWebhook): Promise<void>
}): Promise<(request: IncomingMessage, response: ServerResponse) => Promise<void>> {
  const bodies = new AsyncLocalStorage<{ sha256: string }>()
  const probot = createProbot({
    env: {
      APP_ID: String(options.github.appId),
      PRIVATE_KEY: options.privateKey,
      WEBHOOK_SECRET: options.webhookSecret,
    },
    overrides: { log: options.log.child({ part: 'probot' }, { level: 'fatal' }), baseUrl: options.github.apiUrl },
  })
  const onAny = (app: Probot) =>
    app.onAny(async ({ id, name, payload }) => {
      await options.accept({ guid: id, event: name, bodySha256: bodies.getStore()!.sha256, payload })
    })
  const middleware = await createNodeMiddleware(onAny, { probot, webhooksPath: '/hooks/github' })
  return async (request, response) => {
    const body = await readVerifiedBody(request, response, options.webhookSecret)
    if (!body) return
    // Probot's middleware takes the bytes from here when `body` is an object.
    Object.assign(request, { body: {}, rawBody: body.bytes })
    await bodies.run({ sha256: body.sha256 }, async () => {
      await middleware(request, response)
    })
  }
}
