import { rm } from 'node:fs/promises'
import { findAccount, findAnyRepository, isLogin } from './accounts.ts'
import { type Context, fullName, gitDir, now } from './context.ts'
import { emitRepositoryEvent, emitTargetRenamed, installationOf } from './events.ts'
import { createBare, git, isRefLike, readRefs } from './git.ts'
import { installOn, uninstallFrom } from './installations.ts'
import { simpleUser } from './shapes.ts'
import type { Account, Level, Repository } from './store.ts'

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
  const holder = () => findAnyRepository(ctx, owner.login, options.name)
  if (holder()?.announced) throw new Refused('name already exists on this account')

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
  // The folder first and the row last: a row without a folder could never be pushed to.
  await createBare(gitDir(ctx, repository), repository.defaultBranch)
  const other = holder()
  if (other && (other.announced || !repository.announced)) {
    await rm(gitDir(ctx, repository), { recursive: true, force: true })
    if (other.announced) throw new Refused('name already exists on this account')
    // Two first pushes at once meet in one repository.
    return other
  }
  if (other) ctx.store.repositories.delete(other.id)
  ctx.store.repositories.put(repository)
  if (repository.announced) takeName(ctx, repository)
  if (other) await rm(gitDir(ctx, other), { recursive: true, force: true })
  return repository
}

/** Ends the redirect from a name: a new repository takes it over from one that had it once. */
export function takeName(ctx: Context, repository: Repository): void {
  ctx.store.redirects.delete(fullName(ctx, repository).toLowerCase())
}

async function forget(ctx: Context, repository: Repository): Promise<void> {
  ctx.store.repositories.delete(repository.id)
  await rm(gitDir(ctx, repository), { recursive: true, force: true })
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

/** Gives an account another login; its repositories answer to their old names too. */
export function renameAccount(ctx: Context, account: Account, login: string): Account {
  if (!isLogin(login)) throw new Refused('login is not valid')
  const other = findAccount(ctx, login)
  if (other && other.id !== account.id) throw new Refused('login is already taken')
  const after = ctx.store.accounts.put({ ...account, login })
  for (const repository of ctx.store.repositories.by('owner', account.id)) {
    takeName(ctx, repository)
    if (login.toLowerCase() === account.login.toLowerCase()) continue
    ctx.store.redirects.put({ id: `${account.login}/${repository.name}`.toLowerCase(), repositoryId: repository.id })
  }
  const installation = ctx.store.installations.by('account', account.id)[0]
  if (installation && !installation.suspendedAt) void emitTargetRenamed(ctx, installation, after, account.login)
  return after
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
