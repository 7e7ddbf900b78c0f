import type { Model } from '@modelport/db/queries/models'
import type { Permission, TokenScope, User } from '@modelport/db/queries/people'

/** What somebody wants to do with a model. */
export const actions = [
  'see', // overview, interface, ready versions
  'see-versions', // the Versions page with failed and running ones, deliveries
  'see-logs', // build pages and logs
  'see-files', // the Files page and downloads
  'see-changes', // who changed what
  'build', // rebuild, cancel, redeliver
  'publish', // default version, yank
  'change-files', // upload, rename, describe, remove
  'change-settings',
  'rename', // also archive
  'delete', // also restore
] as const
export type Action = (typeof actions)[number]

/** `unknown`: GitHub could not be asked. */
export type Role = 'none' | 'viewer' | 'publisher' | 'owner' | 'unknown'

export interface Actor {
  user: User | null
  /** Of the API token; null for a browser session, which may do all that its person may. */
  scopes: readonly TokenScope[] | null
  /** The permission that GitHub gives this person on a model's repository. */
  permissionOn(model: Model): Promise<Permission | 'unknown'>
}

/**
 * `hide`: answer as if the model, or the page, did not exist. `forbid`: a member with too low a role, on something that
 * they know exists. `unavailable`: GitHub could not be asked, so nobody can say.
 */
export type Decision = 'allow' | 'hide' | 'forbid' | 'unavailable'

/** The stricter of the repository's visibility and the chosen one (product decision 8). */
export function effectiveVisibility(model: Pick<Model, 'repositoryPrivate' | 'visibility'>) {
  return model.repositoryPrivate ? 'private' : model.visibility
}

/** The one place where it is decided who may do what with a model. */
export async function can(actor: Actor, action: Action, model: Model): Promise<Decision> {
  const role = actor.user ? roleFrom(await actor.permissionOn(model), model) : 'none'
  const decision = decide(role, action, model)
  if (decision !== 'allow' || !actor.scopes || scopesFor(action).some((scope) => actor.scopes!.includes(scope)))
    return decision
  // A token that lacks the scope is told so only about what its person may know of.
  return decide(role, 'see', model) === 'allow' ? 'forbid' : 'hide'
}

/** One of these scopes is needed. A token for files alone uploads and downloads them. */
export function scopesFor(action: Action): TokenScope[] {
  if (action === 'see-files') return ['read', 'files']
  if (action === 'change-files') return ['files']
  if (action.startsWith('see')) return ['read']
  return [action === 'change-settings' || ownersOnly(action) ? 'admin' : 'write']
}

const ownersOnly = (action: Action) => action === 'rename' || action === 'delete'

/**
 * GitHub says `read` of every account on a public repository. On one whose model was made private on the site that must
 * not open it to everybody who can sign in.
 */
function roleFrom(permission: Permission | 'unknown', model: Model): Role {
  if (permission === 'unknown') return 'unknown'
  if (permission === 'admin') return 'owner'
  if (permission === 'write') return 'publisher'
  return permission === 'read' && model.repositoryPrivate ? 'viewer' : 'none'
}

function decide(role: Role, action: Action, model: Model): Decision {
  const publisher = role === 'publisher' || role === 'owner'
  const sees = effectiveVisibility(model) !== 'private' || publisher || role === 'viewer'
  if (!sees) return 'hide'
  const opened =
    action === 'see' ||
    (action === 'see-versions' && model.viewersSeeVersions) ||
    (action === 'see-logs' && model.viewersSeeLogs) ||
    (action === 'see-files' && model.viewersSeeFiles)
  if (opened) return 'allow'
  if (role === 'unknown') return 'unavailable'
  if (ownersOnly(action) && publisher) return role === 'owner' ? 'allow' : 'forbid'
  if (publisher) return 'allow'
  // A member who reads a private repository knows that these pages exist; to everybody else they do not.
  return role === 'viewer' ? 'forbid' : 'hide'
}

/** Whether somebody may see how the installation runs: those whom its operator named, by GitHub login. */
export function mayAdminister(actor: Pick<Actor, 'user'>, adminLogins: readonly string[]): boolean {
  return actor.user !== null && (adminLogins.includes('*') || adminLogins.includes(actor.user.login.toLowerCase()))
}
