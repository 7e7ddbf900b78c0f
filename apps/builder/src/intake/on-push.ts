import type { Decision } from '@modelport/db/queries/deliveries'
import { findDeletedHere } from '@modelport/db/queries/model-life'
import { findModelByRepository } from '@modelport/db/queries/models'
import { matchesRefRules } from '@modelport/schema/ref-rules'
import type { PushPayload } from '@modelport/schema/webhooks'
import { type Intake, nothing } from './intake-context.ts'
import { configure, makeVersion, missingConfig, readRepository, syncRepository } from './resolve-version.ts'

/** A push that the model's rules let in becomes a version; every other push says why not. */
export async function onPush(intake: Intake, push: PushPayload): Promise<Decision> {
  const known = await findModelByRepository(intake.tx, push.repository.id)
  const ref = readRef(push.ref)
  if (push.deleted) return nothing(`The push deleted a ${ref?.kind ?? 'ref'}; versions that it made stay.`, known?.id)
  if (push.before === push.after) return nothing('The push changed nothing.', known?.id)
  if (!ref) return nothing(`Pushes to ${push.ref} do not make versions.`, known?.id)
  if (!push.head_commit) return nothing('The push names no commit.', known?.id)
  if (known?.state === 'archived') return nothing('The model is archived; it takes no new versions.', known.id)
  const deleted = known ? null : await findDeletedHere(intake.tx, push.repository.id)
  if (deleted)
    return nothing(`The model was deleted here by ${deleted.deletedBy}; importing the repository brings it back.`)
  const branch = known?.branch ?? push.repository.default_branch
  const refused = refusalOf(ref, { branch, branchRules: known?.branchRules ?? [], tagRules: known?.tagRules ?? [] })
  if (refused) return nothing(refused, known?.id)
  // What an annotated tag points to is the tag; the commit is in the message.
  const sha = ref.kind === 'tag' ? push.head_commit.id : push.after
  const commit = {
    commit: sha,
    ref: push.ref,
    commitSubject: push.head_commit.message.split('\n')[0] ?? '',
    authorName: push.head_commit.author?.name ?? null,
    requestedBy: push.sender?.login ?? push.pusher?.name ?? null,
    trigger: 'push' as const,
  }
  // An active model needs no word from GitHub: its version is a row before anything else happens.
  if (known?.state === 'active' && known.installationId) return makeVersion(intake, known, commit)

  const installationId = push.installation?.id
  if (!installationId) return nothing('The app is not installed on the repository.', known?.id)
  const octokit = intake.github.installation(installationId)
  const repository = await readRepository(octokit, push.repository.id)
  if (!repository) return nothing('The app may not see the repository.', known?.id)
  const path = { owner: repository.owner.login, repo: repository.name }
  if (!known && intake.importOnPush === 'configured') {
    const missing = await missingConfig(octokit, path.owner, path.repo, sha)
    if (missing !== null) return nothing(`The repository is not a model. ${missing}`)
  }
  const { model } = await syncRepository(intake, repository, installationId)
  const missing = await configure(intake, octokit, path, model, sha)
  return missing === null ? makeVersion(intake, model, commit) : nothing(missing, model.id)
}

function readRef(ref: string): { kind: 'branch' | 'tag'; name: string } | null {
  const [, folder, name] = /^refs\/(heads|tags)\/(.+)$/.exec(ref) ?? []
  return folder && name ? { kind: folder === 'heads' ? 'branch' : 'tag', name } : null
}

/** Why a model's rules leave a branch or tag out, or null where they let it in. */
export function refusalOf(
  { kind, name }: { kind: 'branch' | 'tag'; name: string },
  { branch, branchRules, tagRules }: { branch: string; branchRules: string[]; tagRules: string[] },
): string | null {
  if (kind === 'branch' ? name === branch || matchesRefRules(branchRules, name) : matchesRefRules(tagRules, name))
    return null
  const rules = kind === 'branch' ? branchRules : tagRules
  if (rules.length > 0)
    return `The ${kind} ${name} matches none of the model’s ${kind} rules (${rules.join(', ')}), which its settings can change.`
  return kind === 'branch'
    ? `Pushes to ${name} do not make versions; the model’s branch is ${branch}, and its settings can add others.`
    : `The tag ${name} does not make a version; the model has no tag rules, and its settings can add some.`
}
