import type { Database } from '@modelport/db/client'
import { closeDelivery, type Decision, nextDelivery, postponeDelivery } from '@modelport/db/queries/deliveries'
import { closeSessionsOf } from '@modelport/db/queries/people'
import { ImportPayload, webhookSchemas } from '@modelport/schema/webhooks'
import { failPoint } from '../fail-point.ts'
import type { GithubClients } from '../github/github-client.ts'
import { described, type Logger } from '../log.ts'
import { pause } from '../process.ts'
import type { Bell } from './bell.ts'
import { type Intake, nothing, synced } from './intake-context.ts'
import { onCheckRun, onCheckSuite } from './on-check.ts'
import { onImport } from './on-import.ts'
import { onInstallation, onInstallationRepositories, onInstallationTarget } from './on-installation.ts'
import { onPush } from './on-push.ts'
import { onMember, onMembership, onRepository } from './on-repository.ts'

const s = webhookSchemas

/** Everything that a delivery can make us do, one line each. */
const handlers: Record<string, (intake: Intake) => Promise<Decision>> = {
  push: (i) => parsed(i, s.push, onPush),
  import: (i) => parsed(i, ImportPayload, onImport),
  installation: (i) => parsed(i, s.installation, onInstallation),
  installation_repositories: (i) => parsed(i, s.installation_repositories, onInstallationRepositories),
  installation_target: (i) => parsed(i, s.installation_target, onInstallationTarget),
  repository: (i) => parsed(i, s.repository, onRepository),
  check_run: (i) => parsed(i, s.check_run, onCheckRun),
  check_suite: (i) => parsed(i, s.check_suite, onCheckSuite),
  member: (i) => parsed(i, s.member, onMember),
  organization: (i) => parsed(i, s.organization, onMembership),
  membership: (i) => parsed(i, s.membership, onMembership),
  github_app_authorization: (i) =>
    parsed(i, s.github_app_authorization, async (intake, payload) => {
      await closeSessionsOf(intake.tx, payload.sender.id)
      return synced(`${payload.sender.login} took back the app’s authorization; their sessions are closed.`)
    }),
}

async function parsed<T>(
  intake: Intake,
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  handle: (intake: Intake, payload: T) => Promise<Decision>,
): Promise<Decision> {
  const payload = schema.safeParse(intake.delivery.payload)
  if (!payload.success) return nothing(`The message does not have the shape of a ${intake.delivery.event} message.`)
  return handle(intake, payload.data)
}

/** Delivers the oldest open delivery to its handler, in one transaction with its effect. False when none was due, or when it failed and waits. */
export async function workOneDelivery(deps: {
  database: Database
  github: GithubClients
  importOnPush: 'configured' | 'all'
  log: Logger
}): Promise<boolean> {
  let current: string | null = null
  try {
    return await deps.database.db.transaction(async (tx) => {
      const delivery = await nextDelivery(tx)
      if (!delivery) return false
      current = delivery.id
      failPoint('before-dispatch')
      const handler = Object.hasOwn(handlers, delivery.event) ? handlers[delivery.event] : undefined
      const decision = handler
        ? await handler({ tx, delivery, github: deps.github, importOnPush: deps.importOnPush })
        : nothing(`Modelport does nothing on ${delivery.event}.`)
      await closeDelivery(tx, delivery.id, decision)
      deps.log.info({ guid: delivery.guid, event: delivery.event, ...decision }, 'delivery worked')
      return true
    })
  } catch (error) {
    if (!current) throw error
    deps.log.warn({ delivery: current, ...described(error) }, 'delivery postponed')
    await postponeDelivery(deps.database.db, current, 'Something on our side or GitHub’s failed; it is tried again.')
    return false
  }
}

/**
 * Works the inbox until `signal` aborts, `concurrency` deliveries at a time: at once when the bell rings or the database
 * tells of one, and every two seconds besides, because a notification may be lost.
 */
export async function workInbox(
  deps: Parameters<typeof workOneDelivery>[0] & { bell: Bell; signal: AbortSignal; concurrency?: number },
): Promise<void> {
  const { bell, signal } = deps
  const listening = await deps.database.sql.listen('modelport_inbox', () => bell.ring())
  const loop = async () => {
    while (!signal.aborted) {
      const began = performance.now()
      let worked = false
      try {
        worked = await workOneDelivery(deps)
      } catch (error) {
        deps.log.error(described(error), 'the inbox cannot be read; trying again')
      }
      if (worked) {
        // There may be more than one loop can do.
        bell.ring()
        continue
      }
      // While GitHub is down thousands of deliveries wait for it. Work in vain takes a small part of the time, so that
      // those that arrive can be stored.
      await pause(restAfter(performance.now() - began), signal)
      await bell.wait(2000, signal)
    }
  }
  await Promise.all(Array.from({ length: deps.concurrency ?? 4 }, loop))
  await listening.unlisten().catch(() => undefined)
}

/** Milliseconds that a loop rests after work in vain that took `ms`. */
const restAfter = (ms: number) => Math.min(2000, ms * 20)
