import { acceptDelivery, type Decision } from '@modelport/db/queries/deliveries'
import { cancelVersionsOf, detachModel, modelsOfInstallation } from '@modelport/db/queries/installations'
import {
  findModelByRepository,
  removeInstallation,
  suspendInstallation,
  syncInstallation,
  syncPublisher,
} from '@modelport/db/queries/models'
import { forgetPermissions } from '@modelport/db/queries/people'
import type {
  ImportPayload,
  InstallationPayload,
  InstallationRepositoriesPayload,
  InstallationTargetPayload,
} from '@modelport/schema/webhooks'
import { type Intake, nothing, synced } from './intake-context.ts'

/** The app came to an account, left it, or was put to sleep there. */
export async function onInstallation(intake: Intake, payload: InstallationPayload): Promise<Decision> {
  const { id, account } = payload.installation
  switch (payload.action) {
    case 'created':
    case 'unsuspend':
    case 'new_permissions_accepted': {
      const publisher = await syncPublisher(intake.tx, account)
      await syncInstallation(intake.tx, id, publisher.id)
      const repositories = await intake.github
        .installation(id)
        .paginate('GET /installation/repositories', { per_page: 100 })
      // The endpoint wraps its list; the paginator takes the wrapper off, which its types do not show for every version.
      const list = repositories as unknown as { id: number; full_name: string }[]
      for (const repository of list) await askForImport(intake, id, repository, payload.sender?.login ?? null)
      return synced(`The app is on ${account.login}; ${count(list.length)} looked at for a runway.yml.`)
    }
    case 'deleted': {
      await close(intake, id, 'The app was removed from the account.')
      await removeInstallation(intake.tx, id)
      return synced(`The app left ${account.login}; its models stay and build no more.`)
    }
    case 'suspend':
      await close(intake, id, 'The app is suspended on the account.')
      await suspendInstallation(intake.tx, id, true)
      return synced(`The app is suspended on ${account.login}.`)
    default:
      return nothing(`Modelport does nothing on installation.${payload.action}.`)
  }
}

/** What we may no longer read builds no more, and what GitHub said of people's rights there holds no longer. */
async function close(intake: Intake, installationId: number, reason: string): Promise<void> {
  for (const model of await modelsOfInstallation(intake.tx, installationId)) {
    await cancelVersionsOf(intake.tx, model.id, reason)
    await forgetPermissions(intake.tx, model.id)
  }
}

/** Repositories were given to the app, or taken from it. */
export async function onInstallationRepositories(
  intake: Intake,
  payload: InstallationRepositoriesPayload,
): Promise<Decision> {
  const publisher = await syncPublisher(intake.tx, payload.installation.account)
  await syncInstallation(intake.tx, payload.installation.id, publisher.id)
  for (const repository of payload.repositories_added)
    await askForImport(intake, payload.installation.id, repository, payload.sender?.login ?? null)
  for (const { id } of payload.repositories_removed) {
    const model = await findModelByRepository(intake.tx, id)
    if (!model) continue
    await cancelVersionsOf(intake.tx, model.id, 'The app may no longer see the repository.')
    await detachModel(intake.tx, model.id)
    await forgetPermissions(intake.tx, model.id)
  }
  return synced(
    `${count(payload.repositories_added.length)} given to the app, ${payload.repositories_removed.length} taken away.`,
  )
}

/** An account got another login: the addresses of its models follow, and the old ones redirect. */
export async function onInstallationTarget(intake: Intake, { account }: InstallationTargetPayload): Promise<Decision> {
  const publisher = await syncPublisher(intake.tx, account)
  return synced(`The account is called ${publisher.login} now.`)
}

/** Each repository becomes an inbox row of its own, so that one that fails is tried again alone. */
async function askForImport(
  intake: Intake,
  installationId: number,
  repository: { id: number; full_name: string },
  requestedBy: string | null,
): Promise<void> {
  const payload: ImportPayload = {
    repository: repository.full_name,
    repositoryId: repository.id,
    installationId,
    requestedBy,
    onlyConfigured: intake.importOnPush === 'configured',
  }
  await acceptDelivery(intake.tx, {
    guid: `${intake.delivery.guid}/${repository.id}`,
    event: 'import',
    action: null,
    bodySha256: intake.delivery.bodySha256,
    repositoryId: repository.id,
    repositoryName: repository.full_name,
    installationId,
    payload,
  })
}

const count = (n: number) => (n === 1 ? 'one repository' : `${n} repositories`)
