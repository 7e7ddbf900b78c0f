import { type Context, fullName, gitDir, ownerOf } from './context.ts'
import { type Message, queueKey } from './deliveries.ts'
import { GitError, git, readCommit, readCommits, readRefs } from './git.ts'
import {
  checkRunShape,
  checkSuiteShape,
  installationShape,
  minimalRepository,
  nodeId,
  repositoryShape,
  shortRepository,
  simpleCommit,
  simpleOrganization,
  simpleUser,
} from './shapes.ts'
import type { Account, CheckRun, CheckSuite, Installation, Repository } from './store.ts'

/** GitHub lists no more commits than this in one push. */
const MAX_COMMITS = 2048
const NOTHING = '0'.repeat(40)

/** The app's installation that covers a repository, if any. */
export function installationOf(ctx: Context, repository: Repository): Installation | undefined {
  return ctx.store.installations
    .by('account', repository.ownerId)
    .find((installation) => installation.repositoryIds.includes(repository.id))
}

/** Queues an event about a repository; the app hears it only where it is installed and not suspended. */
export function emitRepositoryEvent(
  ctx: Context,
  repository: Repository,
  sender: Account,
  event: string,
  action: string | null,
  extra: Record<string, unknown> | (() => Promise<Record<string, unknown> | null>),
): Promise<void> {
  const installation = installationOf(ctx, repository)
  if (!installation || installation.suspendedAt) return Promise.resolve()
  // What the event says of the repository is its state now, not when the queue gets to it.
  const common = repositoryPart(ctx, repository, installation, sender)
  const message = (own: Record<string, unknown>): Message => ({
    event,
    action,
    installationId: installation.id,
    repositoryId: repository.id,
    payload: { ...(action ? { action } : {}), ...common, ...own },
  })
  const key = queueKey({ repositoryId: repository.id, installationId: installation.id })
  if (typeof extra !== 'function') return ctx.deliveries.send(key, [message(extra)])
  return ctx.deliveries.send(key, async () => {
    const own = await extra()
    return own ? [message(own)] : []
  })
}

function repositoryPart(ctx: Context, repository: Repository, installation: Installation, sender: Account) {
  const owner = ownerOf(ctx, repository)
  return {
    repository: repositoryShape(ctx, repository),
    ...(owner.type === 'Organization' ? { organization: simpleOrganization(ctx, owner) } : {}),
    sender: simpleUser(ctx, sender),
    installation: { id: installation.id, node_id: nodeId('I', installation.id) },
  }
}

/** Queues an event about an installation itself; these reach the app even while it is suspended. */
export function emitInstallationEvent(
  ctx: Context,
  installation: Installation,
  sender: Account,
  action: 'created' | 'deleted' | 'suspend' | 'unsuspend',
): Promise<void> {
  const repositories = installation.repositoryIds.flatMap((id) => ctx.store.repositories.get(id) ?? [])
  return sendNow(ctx, installation, repositories, {
    event: 'installation',
    action,
    installationId: installation.id,
    repositoryId: null,
    payload: {
      action,
      installation: installationShape(ctx, installation),
      repositories: repositories.map((repository) => shortRepository(ctx, repository)),
      ...(action === 'created' ? { requester: null } : {}),
      sender: simpleUser(ctx, sender),
    },
  })
}

/** Queues the news that an installation covers more or fewer repositories. */
export function emitCoverageEvent(
  ctx: Context,
  installation: Installation,
  sender: Account,
  change: { added?: Repository[]; removed?: Repository[] },
): Promise<void> {
  const action = change.added ? 'added' : 'removed'
  const repositories = [...(change.added ?? []), ...(change.removed ?? [])]
  return sendNow(ctx, installation, repositories, {
    event: 'installation_repositories',
    action,
    installationId: installation.id,
    repositoryId: null,
    payload: {
      action,
      installation: installationShape(ctx, installation),
      repository_selection: 'selected',
      repositories_added: (change.added ?? []).map((repository) => shortRepository(ctx, repository)),
      repositories_removed: (change.removed ?? []).map((repository) => shortRepository(ctx, repository)),
      requester: null,
      sender: simpleUser(ctx, sender),
    },
  })
}

// An event about one repository goes through that repository's queue, so that its first push cannot overtake the news
// that it exists.
function sendNow(
  ctx: Context,
  installation: Installation,
  repositories: Repository[],
  message: Message,
): Promise<void> {
  const key = queueKey({
    installationId: installation.id,
    repositoryId: repositories.length === 1 ? repositories[0]!.id : null,
  })
  return ctx.deliveries.send(key, [message])
}

/** Queues the news that the account of an installation has another name. */
export function emitTargetRenamed(
  ctx: Context,
  installation: Installation,
  account: Account,
  from: string,
): Promise<void> {
  const message = {
    event: 'installation_target',
    action: 'renamed',
    installationId: installation.id,
    repositoryId: null,
    payload: {
      action: 'renamed',
      account: simpleUser(ctx, account),
      changes: { login: { from } },
      installation: { id: installation.id, node_id: nodeId('I', installation.id) },
      target_type: account.type,
      sender: simpleUser(ctx, account),
    },
  }
  return ctx.deliveries.send(queueKey(message), [message])
}

/** Queues the news that a person took the app's right to act for them away. */
export function emitAuthorizationRevoked(ctx: Context, person: Account): Promise<void> {
  return ctx.deliveries.send(`account:${person.id}`, [
    {
      event: 'github_app_authorization',
      action: 'revoked',
      installationId: null,
      repositoryId: null,
      payload: { action: 'revoked', sender: simpleUser(ctx, person) },
    },
  ])
}

/** Queues an event about a check run. */
export function emitCheckRun(
  ctx: Context,
  repository: Repository,
  sender: Account,
  run: CheckRun,
  action: 'created' | 'completed' | 'rerequested',
): Promise<void> {
  const suite = ctx.store.checkSuites.get(run.suiteId)!
  return emitRepositoryEvent(ctx, repository, sender, 'check_run', action, {
    check_run: { ...checkRunShape(ctx, run), check_suite: checkSuiteInRun(ctx, repository, suite) },
  })
}

function checkSuiteInRun(ctx: Context, repository: Repository, suite: CheckSuite) {
  const { rerequestable, runs_rerequestable, latest_check_runs_count, check_runs_url, ...rest } = checkSuiteShape(
    ctx,
    suite,
  )
  return { ...rest, repository: minimalRepository(ctx, repository) }
}

/** Queues an event about a check suite. */
export function emitCheckSuite(
  ctx: Context,
  repository: Repository,
  sender: Account,
  suite: CheckSuite,
  action: 'requested' | 'rerequested' | 'completed',
): Promise<void> {
  const shape = checkSuiteShape(ctx, suite)
  return emitRepositoryEvent(ctx, repository, sender, 'check_suite', action, async () => {
    const commit = await readCommit(gitDir(ctx, repository), suite.headSha).catch(() => null)
    // The repository went away in between.
    if (!commit) return null
    return { check_suite: { ...shape, head_commit: simpleCommit(commit) } }
  })
}

export interface RefChange {
  before: string
  after: string
  ref: string
}

/** Queues the push event of one ref, with its commits read by one git log when its turn comes. */
export function emitPush(ctx: Context, repository: Repository, sender: Account, change: RefChange): Promise<void> {
  const dir = gitDir(ctx, repository)
  const shape = repositoryShape(ctx, repository)
  const owner = ownerOf(ctx, repository)
  const seconds = (time: string) => Math.floor(Date.parse(time) / 1000)
  return emitRepositoryEvent(ctx, repository, sender, 'push', null, async () => {
    const part = await pushPart(ctx, repository, dir, change)
    return {
      ...part,
      pusher: { name: sender.login, email: sender.email ?? null },
      // In pushes, and only there, the times are UNIX seconds and the owner has a name and an address.
      repository: {
        ...shape,
        owner: { name: owner.login, email: owner.email, ...simpleUser(ctx, owner) },
        url: shape.html_url,
        created_at: seconds(shape.created_at),
        pushed_at: seconds(shape.pushed_at),
        stargazers: 0,
        master_branch: shape.default_branch,
        ...(owner.type === 'Organization' ? { organization: owner.login } : {}),
      },
    }
  })
}

async function pushPart(ctx: Context, repository: Repository, dir: string, change: RefChange) {
  const { ref, before, after } = change
  const html = `${ctx.url}/${fullName(ctx, repository)}`
  const created = before === NOTHING
  const deleted = after === NOTHING
  const isBranch = ref.startsWith('refs/heads/')
  const short = (sha: string) => sha.slice(0, 12)

  // An annotated tag's `after` is the tag object; the commit is what it names.
  const head = deleted ? null : await peel(dir, after)
  const start = created ? null : await peel(dir, before)
  const forced = !created && !deleted && start !== null && head !== null && !(await isAncestor(dir, start, head))

  let commits: Awaited<ReturnType<typeof readCommits>> = []
  const others = isBranch
    ? ['--not', `--exclude=${ref.slice('refs/heads/'.length)}`, '--branches']
    : ['--not', '--branches']
  const distinct = new Set<string>()
  if (head && isBranch) {
    const range = start ? [`^${start}`] : []
    const limit = `--max-count=${MAX_COMMITS}`
    // A new branch brings the commits that no other branch has; a moved one all that lie between.
    commits = await readCommits(dir, [limit, head, ...range, ...(created ? others : [])], true)
    const fresh = await git(dir, ['rev-list', limit, head, ...range, ...others])
    for (const sha of fresh.split('\n')) distinct.add(sha)
  }
  const shape = (commit: (typeof commits)[number], isDistinct: boolean) => ({
    ...simpleCommit(commit),
    distinct: isDistinct,
    url: `${html}/commit/${commit.sha}`,
    author: personOf(ctx, commit.author),
    committer: personOf(ctx, commit.committer),
    added: commit.added,
    removed: commit.removed,
    modified: commit.modified,
  })
  const headCommit = head ? ((await readCommits(dir, ['--max-count=1', head], true))[0] ?? null) : null

  let baseRef: string | null = null
  if (created && head) {
    const same = await readRefs(dir, 'refs/heads/', head)
    baseRef = same.find((other) => other.name !== ref)?.name ?? null
  }
  return {
    ref,
    before,
    after,
    created,
    deleted,
    forced,
    base_ref: baseRef,
    compare: created ? `${html}/commit/${short(head ?? after)}` : `${html}/compare/${short(before)}...${short(after)}`,
    commits: commits.reverse().map((commit) => shape(commit, distinct.has(commit.sha))),
    head_commit: headCommit
      ? shape(headCommit, created && commits.length === 0 ? true : distinct.has(headCommit.sha))
      : null,
  }
}

function personOf(ctx: Context, person: { name: string; email: string; date: string }) {
  const login = /^([A-Za-z0-9_-]+)@users\.noreply\.localhost$/i.exec(person.email)?.[1]
  const account = login && ctx.store.accounts.by('login', login.toLowerCase())[0]
  return { name: person.name, email: person.email, ...(account ? { username: account.login } : {}) }
}

async function peel(dir: string, sha: string): Promise<string | null> {
  try {
    return (await git(dir, ['rev-parse', '--verify', '--quiet', `${sha}^{commit}`])).trim()
  } catch (error) {
    // A tag may name a tree or a blob, and a deleted branch's commit may be collected.
    if (error instanceof GitError) return null
    throw error
  }
}

async function isAncestor(dir: string, ancestor: string, head: string): Promise<boolean> {
  try {
    await git(dir, ['merge-base', '--is-ancestor', ancestor, head])
    return true
  } catch (error) {
    if (error instanceof GitError) return false
    throw error
  }
}
