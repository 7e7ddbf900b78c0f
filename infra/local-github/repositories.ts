import { rm } from 'node:fs/promises'
import { findAnyRepository } from './accounts.ts'
import { type Context, fullName, gitDir, now } from './context.ts'
import {
  emitCheckSuite,
  emitCoverageEvent,
  emitInstallationEvent,
  emitPush,
  emitRepositoryEvent,
  installationOf,
  type RefChange,
} from './events.ts'
import { createBare, GitError, git, isRefLike, readBlob, readRefs, readTree, resolveCommit } from './git.ts'
import { detectLicense, isLicenseFile } from './licenses.ts'
import { simpleUser } from './shapes.ts'
import type { Account, CheckSuite, Installation, Level, Repository } from './store.ts'

const NAME = /^[A-Za-z0-9._-]{1,100}$/

/** Something that an owner asked for and cannot have; the sentence is for them. */
export class Refused extends Error {}

/** Tells whether a repository may have this name. */
export function isRepositoryName(name: string): boolean {
  return NAME.test(name) && name !== '.' && name !== '..' && !/\.git$/i.test(name) && !/\.wiki$/i.test(name)
}

/** Makes an empty repository; one that is not announced stays unseen until its first push. */
export async function createRepository(
  ctx: Context,
  owner: Account,
  creator: Account,
  options: { name: string; private?: boolean; description?: string | null; announced?: boolean },
): Promise<Repository> {
  if (!isRepositoryName(options.name)) throw new Refused('name is not a repository name')
  const waiting = findAnyRepository(ctx, owner.login, options.name)
  if (waiting?.announced) throw new Refused('name already exists on this account')
  if (waiting) await forget(ctx, waiting)

  const time = now()
  const repository: Repository = {
    id: ctx.store.nextId(),
    ownerId: owner.id,
    name: options.name,
    description: options.description ?? null,
    homepage: null,
    private: options.private ?? false,
    archived: false,
    defaultBranch: 'main',
    topics: [],
    // Who makes a repository in an organisation administers it.
    collaborators:
      owner.type === 'Organization' && owner.members[creator.id] !== 'admin' ? { [creator.id]: 'admin' } : {},
    createdAt: time,
    updatedAt: time,
    pushedAt: null,
    license: null,
    size: 0,
    announced: options.announced ?? true,
  }
  // The row first takes the name, so that two first pushes at once meet one repository.
  ctx.store.repositories.put(repository)
  await createBare(gitDir(ctx, repository), repository.defaultBranch)
  if (repository.announced) takeName(ctx, repository)
  return repository
}

// A new repository takes its name over from one that had it once.
function takeName(ctx: Context, repository: Repository): void {
  ctx.store.redirects.delete(fullName(ctx, repository).toLowerCase())
}

async function forget(ctx: Context, repository: Repository): Promise<void> {
  ctx.store.repositories.delete(repository.id)
  await rm(gitDir(ctx, repository), { recursive: true, force: true })
}

/** Lets the app into a repository, and installs it on the account first when it is not there. */
export function installOn(ctx: Context, repository: Repository, sender: Account): Installation {
  const covering = installationOf(ctx, repository)
  if (covering) return covering
  const existing = ctx.store.installations.by('account', repository.ownerId)[0]
  if (existing) {
    const installation = ctx.store.installations.put({
      ...existing,
      repositoryIds: [...existing.repositoryIds, repository.id],
      updatedAt: now(),
    })
    if (!installation.suspendedAt) void emitCoverageEvent(ctx, installation, sender, { added: [repository] })
    return installation
  }
  const installation = ctx.store.installations.put({
    id: ctx.store.nextId(),
    accountId: repository.ownerId,
    repositoryIds: [repository.id],
    createdAt: now(),
    updatedAt: now(),
    suspendedAt: null,
    suspendedById: null,
  })
  void emitInstallationEvent(ctx, installation, sender, 'created')
  return installation
}

/** Takes the app out of a repository. */
export function uninstallFrom(ctx: Context, repository: Repository, sender: Account): void {
  const installation = installationOf(ctx, repository)
  if (!installation) return
  const rest = ctx.store.installations.put({
    ...installation,
    repositoryIds: installation.repositoryIds.filter((id) => id !== repository.id),
    updatedAt: now(),
  })
  if (!rest.suspendedAt) void emitCoverageEvent(ctx, rest, sender, { removed: [repository] })
}

/** Suspends the app on an account, or lets it work again. */
export function setSuspended(ctx: Context, installation: Installation, sender: Account, suspended: boolean): void {
  if ((installation.suspendedAt !== null) === suspended) return
  const changed = ctx.store.installations.put({
    ...installation,
    suspendedAt: suspended ? now() : null,
    suspendedById: suspended ? sender.id : null,
    updatedAt: now(),
  })
  void emitInstallationEvent(ctx, changed, sender, suspended ? 'suspend' : 'unsuspend')
}

/** Takes the app off an account, with every token of that installation. */
export function uninstall(ctx: Context, installation: Installation, sender: Account): void {
  ctx.store.installations.delete(installation.id)
  for (const grant of ctx.store.grants.all()) {
    if (grant.installationId === installation.id) ctx.store.grants.delete(grant.id)
  }
  void emitInstallationEvent(ctx, installation, sender, 'deleted')
}

export interface RepositoryChange {
  name?: string
  private?: boolean
  archived?: boolean
  defaultBranch?: string
  description?: string | null
  homepage?: string | null
  topics?: string[]
}

/** Changes a repository's settings, and tells the app of each as GitHub does. */
export async function changeRepository(
  ctx: Context,
  before: Repository,
  sender: Account,
  change: RepositoryChange,
): Promise<Repository> {
  if (before.archived && change.archived !== false) throw new Refused('Repository was archived so is read-only.')
  const renamed = change.name !== undefined && change.name !== before.name
  if (renamed) {
    if (!isRepositoryName(change.name!)) throw new Refused('name is not a repository name')
    const other = findAnyRepository(ctx, ctx.store.accounts.get(before.ownerId)!.login, change.name!)
    if (other && other.id !== before.id) throw new Refused('name already exists on this account')
  }
  if (change.defaultBranch !== undefined && change.defaultBranch !== before.defaultBranch) {
    const branches = isRefLike(change.defaultBranch)
      ? await readRefs(gitDir(ctx, before), `refs/heads/${change.defaultBranch}`)
      : []
    if (!branches.some((branch) => branch.name === `refs/heads/${change.defaultBranch}`)) {
      throw new Refused('Cannot update default branch for an empty repository or to a branch that does not exist.')
    }
    await git(gitDir(ctx, before), ['symbolic-ref', 'HEAD', `refs/heads/${change.defaultBranch}`])
  }

  const oldName = fullName(ctx, before)
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
  const after = ctx.store.repositories.put({ ...before, ...given, updatedAt: now() })
  const tell = (action: string, extra: Record<string, unknown> = {}) =>
    void emitRepositoryEvent(ctx, after, sender, 'repository', action, extra)

  if (renamed) {
    takeName(ctx, after)
    if (oldName.toLowerCase() !== fullName(ctx, after).toLowerCase()) {
      ctx.store.redirects.put({ id: oldName.toLowerCase(), repositoryId: after.id })
    }
    tell('renamed', { changes: { repository: { name: { from: before.name } } } })
  }
  if (after.private !== before.private) tell(after.private ? 'privatized' : 'publicized')
  if (after.archived !== before.archived) tell(after.archived ? 'archived' : 'unarchived')

  const edits: Record<string, unknown> = {}
  if (after.defaultBranch !== before.defaultBranch) edits.default_branch = { from: before.defaultBranch }
  if (after.description !== before.description) edits.description = { from: before.description }
  if (after.homepage !== before.homepage) edits.homepage = { from: before.homepage }
  if (JSON.stringify(after.topics) !== JSON.stringify(before.topics)) edits.topics = { from: before.topics }
  if (Object.keys(edits).length > 0) tell('edited', { changes: edits })
  return after
}

/** Moves a repository to another account; the app goes along and changes its installation. */
export function transferRepository(
  ctx: Context,
  before: Repository,
  to: Account,
  sender: Account,
  newName?: string,
): Repository {
  const name = newName ?? before.name
  if (!isRepositoryName(name)) throw new Refused('name is not a repository name')
  if (to.id === before.ownerId) throw new Refused('The repository is already there.')
  if (findAnyRepository(ctx, to.login, name)) throw new Refused('name already exists on this account')
  const from = ctx.store.accounts.get(before.ownerId)!
  const oldName = fullName(ctx, before)
  const wasInstalled = installationOf(ctx, before) !== undefined
  if (wasInstalled) uninstallFrom(ctx, before, sender)
  const after = ctx.store.repositories.put({ ...before, ownerId: to.id, name, updatedAt: now() })
  takeName(ctx, after)
  ctx.store.redirects.put({ id: oldName.toLowerCase(), repositoryId: after.id })
  if (wasInstalled) installOn(ctx, after, sender)
  const kind = from.type === 'Organization' ? 'organization' : 'user'
  void emitRepositoryEvent(ctx, after, sender, 'repository', 'transferred', {
    changes: { owner: { from: { [kind]: simpleUser(ctx, from) } } },
  })
  if (after.name !== before.name) {
    void emitRepositoryEvent(ctx, after, sender, 'repository', 'renamed', {
      changes: { repository: { name: { from: before.name } } },
    })
  }
  return after
}

/** Deletes a repository with all that belongs to it. */
export async function deleteRepository(ctx: Context, repository: Repository, sender: Account): Promise<void> {
  void emitRepositoryEvent(ctx, repository, sender, 'repository', 'deleted', {})
  const installation = installationOf(ctx, repository)
  if (installation) {
    ctx.store.installations.put({
      ...installation,
      repositoryIds: installation.repositoryIds.filter((id) => id !== repository.id),
    })
  }
  for (const redirect of ctx.store.redirects.by('repository', repository.id)) ctx.store.redirects.delete(redirect.id)
  for (const run of ctx.store.checkRuns.all())
    if (run.repositoryId === repository.id) ctx.store.checkRuns.delete(run.id)
  for (const suite of ctx.store.checkSuites.all()) {
    if (suite.repositoryId === repository.id) ctx.store.checkSuites.delete(suite.id)
  }
  await forget(ctx, repository)
}

/** Gives a person a level on a repository, or takes it (null). */
export function setCollaborator(
  ctx: Context,
  repository: Repository,
  person: Account,
  level: Level | null,
  sender: Account,
): void {
  const old = repository.collaborators[person.id] ?? null
  if (old === level) return
  const collaborators = { ...repository.collaborators }
  if (level) collaborators[person.id] = level
  else delete collaborators[person.id]
  const after = ctx.store.repositories.put({ ...repository, collaborators, updatedAt: now() })
  const member = simpleUser(ctx, person)
  if (!old) {
    void emitRepositoryEvent(ctx, after, sender, 'member', 'added', { member, changes: { permission: { to: level } } })
  } else if (!level) {
    void emitRepositoryEvent(ctx, after, sender, 'member', 'removed', { member })
  } else {
    void emitRepositoryEvent(ctx, after, sender, 'member', 'edited', {
      member,
      changes: { old_permission: { from: old }, permission: { from: old, to: level } },
    })
  }
}

/**
 * Records what a push changed, and queues the news: first that the repository is there, then each ref.
 *
 * `told` ends when the app was told; what the push changed can be read before that.
 */
export async function recordPush(
  ctx: Context,
  repositoryId: number,
  pusher: Account,
  changes: RefChange[],
): Promise<{ told: Promise<unknown> }> {
  const before = ctx.store.repositories.get(repositoryId)
  if (!before || changes.length === 0) return { told: Promise.resolve() }
  const dir = gitDir(ctx, before)
  const time = now()

  const branches = changes.filter((change) => change.ref.startsWith('refs/heads/') && !/^0+$/.test(change.after))
  let defaultBranch = before.defaultBranch
  const head = await resolveCommit(dir, 'HEAD')
  if (!head && branches[0]) {
    // The first branch that arrives becomes the default one.
    defaultBranch = branches[0].ref.slice('refs/heads/'.length)
    await git(dir, ['symbolic-ref', 'HEAD', branches[0].ref])
  }
  const facts = await readFacts(dir)
  const current = ctx.store.repositories.get(repositoryId) ?? before
  const repository = ctx.store.repositories.put({
    ...current,
    ...facts,
    defaultBranch,
    pushedAt: time,
    updatedAt: time,
    announced: true,
  })
  if (!current.announced) {
    takeName(ctx, repository)
    installOn(ctx, repository, pusher)
  }

  // Above these GitHub makes no event at all, and readers must find the refs by themselves.
  const tags = changes.filter((change) => change.ref.startsWith('refs/tags/'))
  const told = changes.filter((change) =>
    change.ref.startsWith('refs/tags/')
      ? tags.length <= 3
      : branches.length <= 5000 && change.ref.startsWith('refs/heads/'),
  )
  const sent: Promise<void>[] = []
  for (const change of told) {
    sent.push(emitPush(ctx, repository, pusher, change))
    if (change.ref.startsWith('refs/heads/') && !/^0+$/.test(change.after) && installationOf(ctx, repository)) {
      const suite = suiteFor(ctx, repository, change.after, change)
      sent.push(emitCheckSuite(ctx, repository, pusher, suite, 'requested'))
    }
  }
  return { told: Promise.all(sent) }
}

/** The app's check suite of a commit, made when it is first needed. */
export function suiteFor(ctx: Context, repository: Repository, sha: string, change: RefChange | null): CheckSuite {
  const known = ctx.store.checkSuites.by('commit', `${repository.id}@${sha}`)[0]
  if (known) return known
  const time = now()
  return ctx.store.checkSuites.put({
    id: ctx.store.nextId(),
    repositoryId: repository.id,
    headSha: sha,
    headBranch: change?.ref.slice('refs/heads/'.length) ?? null,
    before: change?.before ?? null,
    after: change?.after ?? null,
    createdAt: time,
    updatedAt: time,
  })
}

async function readFacts(dir: string): Promise<{ license: string | null; size: number }> {
  try {
    const counts = await git(dir, ['count-objects', '-v'])
    const size = Number(/^size: (\d+)/m.exec(counts)?.[1] ?? 0) + Number(/^size-pack: (\d+)/m.exec(counts)?.[1] ?? 0)
    const head = await resolveCommit(dir, 'HEAD')
    const file = head
      ? (await readTree(dir, head)).find((entry) => entry.type === 'blob' && isLicenseFile(entry.path))
      : undefined
    if (!file || (file.size ?? 0) > 1024 * 1024) return { license: null, size }
    return { license: detectLicense((await readBlob(dir, file.sha)).toString('utf8')), size }
  } catch (error) {
    if (error instanceof GitError) return { license: null, size: 0 }
    throw error
  }
}
