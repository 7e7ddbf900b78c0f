import { type Context, now } from './context.ts'
import { emitCoverageEvent, emitInstallationEvent, installationOf } from './events.ts'
import type { Account, Installation, Repository } from './store.ts'

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
