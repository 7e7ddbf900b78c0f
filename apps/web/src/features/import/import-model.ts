import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { acceptDelivery, type Delivery } from '@modelport/db/queries/deliveries'
import { type FoundModel, findModelById, findModelByRepository } from '@modelport/db/queries/models'
import { findDeliveryByGuid } from '@modelport/db/queries/pages'
import type { RequestActor } from '#src/auth/actor.ts'
import { Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'

const patience = 10_000

export type Imported =
  | { kind: 'model'; found: FoundModel; created: boolean; delivery: Delivery }
  | { kind: 'pending'; delivery: Delivery }

/**
 * Imports a repository: checks that the app is on it and that the person may write to it, then puts the wish into the
 * same inbox as GitHub's messages, where the receiver works it in order. Waits a while for the outcome.
 */
export async function importModel(actor: RequestActor, fullName: string): Promise<Imported> {
  if (!actor.user) throw new Refusal('sign-in', 'Sign in to import a repository.')
  if (actor.scopes && !actor.scopes.includes('write'))
    throw new Refusal('forbidden', 'This token lacks the scope `write`.')
  const { db, github } = context()
  const [owner, name] = fullName.split('/') as [string, string]
  const unseen = new Refusal(
    'invalid',
    `There is no repository ${fullName} that the GitHub App is installed on and that you may write to. Install the app on it, or ask somebody who may.`,
  )
  const repository = await github.findRepository(owner, name)
  // One sentence for "not there", "app not on it" and "not yours": a private repository's name is nobody's business.
  if (!repository) throw unseen
  const permission = await github.permissionOf(
    { owner, name, installationId: repository.installationId },
    actor.user.login,
  )
  if (permission !== 'write' && permission !== 'admin') throw unseen

  const known = await findModelByRepository(db, repository.id)
  const payload = {
    repository: repository.fullName,
    repositoryId: repository.id,
    installationId: repository.installationId,
    requestedBy: actor.user.login,
    // Lets the person see their import while there is no model yet; logins are reused, ids are not.
    requestedById: actor.user.githubId,
  }
  const guid = `import-${randomUUID()}`
  await acceptDelivery(db, {
    guid,
    event: 'import',
    action: null,
    repositoryId: repository.id,
    repositoryName: repository.fullName,
    installationId: repository.installationId,
    bodySha256: createHash('sha256').update(JSON.stringify(payload)).digest('hex'),
    payload,
  })
  const deadline = Date.now() + patience
  for (;;) {
    const delivery = await findDeliveryByGuid(db, guid)
    if (!delivery) throw new Error(`import ${guid} vanished from the inbox`)
    if (delivery.state === 'failed') throw new Refusal('unavailable', delivery.reason ?? 'The import failed.')
    if (delivery.state === 'done') {
      const model = await findModelByRepository(db, repository.id)
      if (!model) throw new Refusal('conflict', delivery.reason ?? 'The repository was not imported.')
      const found = await findModelById(db, model.id)
      if (!found) throw new Refusal('conflict', delivery.reason ?? 'The repository was not imported.')
      return { kind: 'model', found, created: !known, delivery }
    }
    if (Date.now() > deadline) return { kind: 'pending', delivery }
    await sleep(150)
  }
}
