import { createHash } from 'node:crypto'
import type { Database } from '@modelport/db/client'
import { acceptDelivery } from '@modelport/db/queries/deliveries'
import { modelsToReconcile } from '@modelport/db/queries/installations'
import { hasVersionOf } from '@modelport/db/queries/versions'
import type { ImportPayload } from '@modelport/schema/webhooks'
import { type GithubClients, githubStatus } from '../github/github-client.ts'
import { described, type Logger } from '../log.ts'
import { headAction } from './on-import.ts'

/**
 * Looks at the head of each model's branch and puts those that no version stands for into the inbox, as an import: GitHub
 * sends nothing of a push of more than 25 MB, of one that touches more than 5000 branches, or of one during an outage of
 * its own. A head is put there once, by its commit. One installation that GitHub refuses does not hold up the others.
 * Returns how many heads were found.
 */
export async function reconcileHeads(
  deps: { database: Database; github: GithubClients; log: Logger },
  signal: AbortSignal,
): Promise<number> {
  let found = 0
  const refused = new Set<number>()
  for (const model of await modelsToReconcile(deps.database.db)) {
    if (signal.aborted) break
    if (refused.has(model.installationId)) continue
    try {
      const head = await readHeadCommit(deps.github, model)
      if (!head || (await hasVersionOf(deps.database.db, model.id, head))) continue
      if (await acceptHead(deps.database, model, head)) found++
    } catch (error) {
      // Over its limit, suspended, or GitHub is down: the next look comes.
      refused.add(model.installationId)
      deps.log.warn(
        { installation: model.installationId, ...described(error) },
        'could not look at the heads of branches',
      )
    }
  }
  if (found > 0) deps.log.warn({ found }, 'heads of which GitHub told nobody')
  return found
}

type ModelToReconcile = Awaited<ReturnType<typeof modelsToReconcile>>[number]

async function readHeadCommit(github: GithubClients, model: ModelToReconcile): Promise<string | null> {
  try {
    const { data } = await github.installation(model.installationId).rest.repos.getCommit({
      owner: model.owner,
      repo: model.name,
      ref: `heads/${model.branch}`,
    })
    return data.sha
  } catch (error) {
    // 404: no such repository or branch; 409: an empty repository; 422: no commit for the name.
    if ([404, 409, 422].includes(githubStatus(error) ?? 0)) return null
    throw error
  }
}

async function acceptHead({ db }: Database, model: ModelToReconcile, head: string): Promise<boolean> {
  const payload: ImportPayload = {
    repository: `${model.owner}/${model.name}`,
    repositoryId: model.githubRepositoryId,
    installationId: model.installationId,
    requestedBy: null,
    onlyConfigured: false,
  }
  return acceptDelivery(db, {
    guid: `head-${model.githubRepositoryId}-${head}`,
    event: 'import',
    action: headAction,
    repositoryId: payload.repositoryId,
    repositoryName: payload.repository,
    installationId: payload.installationId,
    bodySha256: createHash('sha256')
      .update(JSON.stringify([payload, head]))
      .digest('hex'),
    payload,
  })
}
