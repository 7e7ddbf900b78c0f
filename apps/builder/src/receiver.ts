import { openDatabase } from '@modelport/db/client'
import { acceptDeliveries } from '@modelport/db/queries/deliveries'
import { receiverConfig } from './config.ts'
import { armFailPoints, failPoint } from './fail-point.ts'
import { makeWebhookHandler } from './github/app.ts'
import { makeGithubClients } from './github/github-client.ts'
import { acceptWebhook } from './intake/accept-webhook.ts'
import { makeBell } from './intake/bell.ts'
import { deliveryStore } from './intake/delivery-store.ts'
import { reconcileHeads } from './intake/reconcile-heads.ts'
import { recoverDeliveries } from './intake/recover-deliveries.ts'
import { workInbox } from './intake/work-inbox.ts'
import { described, makeLogger } from './log.ts'
import { answer, closeServer, listen, regularly, runProcess } from './process.ts'

// The receiver: webhooks in, versions out. It needs Postgres and GitHub; it knows no queue and no engine.
const log = makeLogger('receiver')

runProcess(log, async () => {
  const { config, secrets } = receiverConfig(process.env)
  armFailPoints(process.env)
  const database = openDatabase(secrets.databaseUrl, { max: 12, name: 'modelport-receiver' })
  const github = makeGithubClients(config.github, secrets.githubPrivateKey)
  const store = deliveryStore((arrived) => acceptDeliveries(database.sql, arrived))
  // What this process stored it works itself, and needs nobody to tell it.
  const bell = makeBell()
  const onWebhook = makeWebhookHandler({
    webhookSecret: secrets.githubWebhookSecret,
    log,
    accept: async (webhook) => {
      try {
        const isNew = await acceptWebhook(store, webhook)
        failPoint('after-commit')
        if (isNew) bell.ring()
      } catch (error) {
        log.error({ guid: webhook.guid, ...described(error) }, 'a delivery was not stored')
        throw error
      }
    },
  })
  const { server, port } = await listen(config.host, config.port, log, async (request, response) => {
    const path = request.url?.split('?')[0]
    if (request.method === 'POST' && path === '/hooks/github') {
      response.once('finish', () => failPoint('after-answer'))
      return onWebhook(request, response)
    }
    if (path === '/healthz') return answer(response, 200, 'ok\n')
    if (path === '/readyz') {
      const ready = await database.sql`select 1`.then(
        () => true,
        () => false,
      )
      return answer(response, ready ? 200 : 503, ready ? 'ready\n' : 'the database does not answer\n')
    }
    return answer(response, 404, 'not found\n')
  })
  const stopping = new AbortController()
  const inbox = workInbox({ database, github, importOnPush: config.importOnPush, log, bell, signal: stopping.signal })
  const { signal } = stopping
  const recovery = regularly({ log, signal }, config.recoverySeconds * 1000, 'look for lost deliveries', () =>
    recoverDeliveries(github, log),
  )
  const reconciliation =
    config.reconcileSeconds > 0
      ? regularly({ log, signal }, config.reconcileSeconds * 1000, 'look at the heads of branches', () =>
          reconcileHeads({ database, github, log }, signal),
        )
      : null
  log.info({ port }, 'receiver listens')
  return async () => {
    await closeServer(server)
    stopping.abort()
    await Promise.all([inbox, recovery, reconciliation])
    await database.close()
  }
})
