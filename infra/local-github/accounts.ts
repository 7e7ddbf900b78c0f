import { type Context, now } from './context.ts'
import type { Account, Level, Repository } from './store.ts'

// Wider than GitHub's rule for people: its organisations of enterprises have underscores too.
const LOGIN = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})$/

// Words that are pages of ours.
const RESERVED = new Set([
  'api',
  'login',
  'logout',
  'apps',
  'settings',
  'codeload',
  'healthz',
  'assets',
  'new',
  'organizations',
  'raw',
])

/** Tells whether an account may have this login. */
export function isLogin(login: string): boolean {
  return LOGIN.test(login) && !RESERVED.has(login.toLowerCase())
}

/** Finds an account by login, in any case of letters. */
export function findAccount(ctx: Context, login: string): Account | undefined {
  return ctx.store.accounts.by('login', login.toLowerCase())[0]
}

/** Makes a person's account, or gives the one that is there; null when the name cannot be a person's. */
export function ensureUser(ctx: Context, login: string): Account | null {
  const known = findAccount(ctx, login)
  if (known) return known.type === 'User' ? known : null
  if (!isLogin(login)) return null
  return ctx.store.accounts.put({
    id: ctx.store.nextId(),
    login,
    type: 'User',
    name: login,
    email: `${login.toLowerCase()}@users.noreply.localhost`,
    createdAt: now(),
    members: {},
  })
}

/** Makes an organisation with one administrator; null when the name is taken or not one. */
export function createOrganization(
  ctx: Context,
  login: string,
  admin: Account,
  name: string | null = null,
): Account | null {
  if (!isLogin(login) || findAccount(ctx, login)) return null
  return ctx.store.accounts.put({
    id: ctx.store.nextId(),
    login,
    type: 'Organization',
    name,
    email: null,
    createdAt: now(),
    members: { [admin.id]: 'admin' },
  })
}

/** Tells whether a person may act for an account: it is their own, or an organisation that they administer. */
export function isAdminOf(account: Account, person: Account | null): boolean {
  return person !== null && (account.id === person.id || account.members[person.id] === 'admin')
}

/** Tells whether a person may create repositories below an account: administrators and members. */
export function mayCreateIn(account: Account, person: Account | null): boolean {
  return person !== null && (account.id === person.id || account.members[person.id] !== undefined)
}

const ORDER = ['none', 'read', 'write', 'admin'] as const

/** What a person (null: nobody in particular) may do with a repository. */
export function levelOf(ctx: Context, person: Account | null, repository: Repository): Level | 'none' {
  const owner = ctx.store.accounts.get(repository.ownerId)
  if (person && owner && isAdminOf(owner, person)) return 'admin'
  const levels: (Level | 'none')[] = [repository.private ? 'none' : 'read']
  if (person) {
    // Members read their organisation's repositories, GitHub's default base permission.
    if (owner?.members[person.id]) levels.push('read')
    const given = repository.collaborators[person.id]
    if (given) levels.push(given)
  }
  return levels.reduce((best, level) => (ORDER.indexOf(level) > ORDER.indexOf(best) ? level : best))
}

/** Tells whether one level includes another. */
export function atLeast(level: Level | 'none', wanted: Level): boolean {
  return ORDER.indexOf(level) >= ORDER.indexOf(wanted)
}

/** Finds an announced repository by its present name. */
export function findRepository(ctx: Context, owner: string, name: string): Repository | undefined {
  const found = findAnyRepository(ctx, owner, name)
  return found?.announced ? found : undefined
}

/** Finds a repository by its present name, even one that is still waiting for its first push. */
export function findAnyRepository(ctx: Context, owner: string, name: string): Repository | undefined {
  const account = findAccount(ctx, owner)
  return account && ctx.store.repositories.by('name', `${account.id}/${name.toLowerCase()}`)[0]
}

/** Finds a repository by a name that it had before it was renamed or moved. */
export function findMoved(ctx: Context, owner: string, name: string): Repository | undefined {
  const redirect = ctx.store.redirects.get(`${owner}/${name}`.toLowerCase())
  return redirect && ctx.store.repositories.get(redirect.repositoryId)
}
