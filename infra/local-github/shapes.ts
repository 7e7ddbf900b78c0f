import { levelOf } from './accounts.ts'
import { type Context, fullName, ownerOf } from './context.ts'
import type { Change, Commit } from './git.ts'
import { licenseNames } from './licenses.ts'
import type { Account, CheckRun, CheckSuite, Installation, Repository } from './store.ts'

// GitHub's objects as its REST API prints them. Fields that mean nothing on one machine (stars, forks, gists) carry
// the value of a new account or repository, because clients and GitHub's own schema expect them to be there.

/** An opaque global id in the style of GitHub's. */
export function nodeId(kind: string, id: number | string): string {
  return `${kind}_${Buffer.from(`${kind}${id}`).toString('base64url')}`
}

/** What the app may do wherever it is installed. */
export const APP_PERMISSIONS = {
  checks: 'write',
  contents: 'read',
  metadata: 'read',
  members: 'read',
  emails: 'read',
} as const

/** The events that the app hears of, besides those about itself that every app hears. */
export const APP_EVENTS = ['check_run', 'check_suite', 'member', 'push', 'repository'] as const

/** Owner, sender, collaborator: an account in short. */
export function simpleUser(ctx: Context, account: Account) {
  // An app acts under a name with brackets, which an address cannot hold as they are.
  const isBot = account.login.endsWith('[bot]')
  const api = `${ctx.url}/api/v3/users/${encodeURIComponent(account.login)}`
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId(isBot ? 'BOT' : account.type === 'User' ? 'U' : 'O', account.id),
    avatar_url: `${ctx.url}/avatars/u/${account.id}?v=4`,
    gravatar_id: '',
    url: api,
    html_url: isBot ? `${ctx.url}/apps/${ctx.config.appSlug}` : `${ctx.url}/${account.login}`,
    followers_url: `${api}/followers`,
    following_url: `${api}/following{/other_user}`,
    gists_url: `${api}/gists{/gist_id}`,
    starred_url: `${api}/starred{/owner}{/repo}`,
    subscriptions_url: `${api}/subscriptions`,
    organizations_url: `${api}/orgs`,
    repos_url: `${api}/repos`,
    events_url: `${api}/events{/privacy}`,
    received_events_url: `${api}/received_events`,
    type: isBot ? 'Bot' : account.type,
    user_view_type: 'public',
    site_admin: false,
  }
}

/** An account as everyone may read it. */
export function publicUser(ctx: Context, account: Account) {
  const repositories = ctx.store.repositories.by('owner', account.id).filter((r) => r.announced && !r.private)
  return {
    ...simpleUser(ctx, account),
    name: account.name,
    company: null,
    blog: '',
    location: null,
    email: null,
    hireable: null,
    bio: null,
    public_repos: repositories.length,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: account.createdAt,
    updated_at: account.createdAt,
  }
}

/** An account as its own person reads it. */
export function privateUser(ctx: Context, account: Account) {
  const own = ctx.store.repositories.by('owner', account.id).filter((r) => r.announced && r.private)
  return {
    ...publicUser(ctx, account),
    user_view_type: 'private',
    email: account.email,
    private_gists: 0,
    total_private_repos: own.length,
    owned_private_repos: own.length,
    disk_usage: 0,
    collaborators: 0,
    two_factor_authentication: false,
  }
}

/** An organisation in short. */
export function simpleOrganization(ctx: Context, account: Account) {
  const api = `${ctx.url}/api/v3/orgs/${account.login}`
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId('O', account.id),
    url: api,
    repos_url: `${api}/repos`,
    events_url: `${api}/events`,
    hooks_url: `${api}/hooks`,
    issues_url: `${api}/issues`,
    members_url: `${api}/members{/member}`,
    public_members_url: `${api}/public_members{/member}`,
    avatar_url: `${ctx.url}/avatars/u/${account.id}?v=4`,
    description: null,
  }
}

/** An organisation in full. */
export function fullOrganization(ctx: Context, account: Account) {
  return {
    ...simpleOrganization(ctx, account),
    name: account.name ?? account.login,
    html_url: `${ctx.url}/${account.login}`,
    has_organization_projects: false,
    has_repository_projects: false,
    public_repos: ctx.store.repositories.by('owner', account.id).filter((r) => r.announced && !r.private).length,
    public_gists: 0,
    followers: 0,
    following: 0,
    type: 'Organization',
    created_at: account.createdAt,
    updated_at: account.createdAt,
    archived_at: null,
  }
}

/** A licence in short, or null. */
export function simpleLicense(ctx: Context, key: string | null) {
  if (!key) return null
  const known = licenseNames[key]
  return {
    key,
    name: known?.name ?? 'Other',
    spdx_id: known?.spdx ?? 'NOASSERTION',
    url: known ? `${ctx.url}/api/v3/licenses/${key}` : null,
    node_id: nodeId('L', key),
  }
}

/** The links of a repository that the API and webhooks share. */
export function minimalRepository(ctx: Context, repository: Repository) {
  const name = fullName(ctx, repository)
  const api = `${ctx.url}/api/v3/repos/${name}`
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: name,
    private: repository.private,
    owner: simpleUser(ctx, ownerOf(ctx, repository)),
    html_url: `${ctx.url}/${name}`,
    description: repository.description,
    fork: false,
    url: api,
    forks_url: `${api}/forks`,
    keys_url: `${api}/keys{/key_id}`,
    collaborators_url: `${api}/collaborators{/collaborator}`,
    teams_url: `${api}/teams`,
    hooks_url: `${api}/hooks`,
    issue_events_url: `${api}/issues/events{/number}`,
    events_url: `${api}/events`,
    assignees_url: `${api}/assignees{/user}`,
    branches_url: `${api}/branches{/branch}`,
    tags_url: `${api}/tags`,
    blobs_url: `${api}/git/blobs{/sha}`,
    git_tags_url: `${api}/git/tags{/sha}`,
    git_refs_url: `${api}/git/refs{/sha}`,
    trees_url: `${api}/git/trees{/sha}`,
    statuses_url: `${api}/statuses/{sha}`,
    languages_url: `${api}/languages`,
    stargazers_url: `${api}/stargazers`,
    contributors_url: `${api}/contributors`,
    subscribers_url: `${api}/subscribers`,
    subscription_url: `${api}/subscription`,
    commits_url: `${api}/commits{/sha}`,
    git_commits_url: `${api}/git/commits{/sha}`,
    comments_url: `${api}/comments{/number}`,
    issue_comment_url: `${api}/issues/comments{/number}`,
    contents_url: `${api}/contents/{+path}`,
    compare_url: `${api}/compare/{base}...{head}`,
    merges_url: `${api}/merges`,
    archive_url: `${api}/{archive_format}{/ref}`,
    downloads_url: `${api}/downloads`,
    issues_url: `${api}/issues{/number}`,
    pulls_url: `${api}/pulls{/number}`,
    milestones_url: `${api}/milestones{/number}`,
    notifications_url: `${api}/notifications{?since,all,participating}`,
    labels_url: `${api}/labels{/name}`,
    releases_url: `${api}/releases{/id}`,
    deployments_url: `${api}/deployments`,
  }
}

/** A repository with everything but the permissions of the one who asks. */
export function repositoryShape(ctx: Context, repository: Repository) {
  const name = fullName(ctx, repository)
  const html = `${ctx.url}/${name}`
  return {
    ...minimalRepository(ctx, repository),
    created_at: repository.createdAt,
    updated_at: repository.updatedAt,
    pushed_at: repository.pushedAt ?? repository.createdAt,
    git_url: `${html.replace(/^https?/, 'git')}.git`,
    ssh_url: `git@${new URL(ctx.url).hostname}:${name}.git`,
    clone_url: `${html}.git`,
    svn_url: html,
    homepage: repository.homepage,
    size: repository.size,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: false,
    has_projects: false,
    has_downloads: true,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    forks_count: 0,
    mirror_url: null,
    archived: repository.archived,
    disabled: false,
    open_issues_count: 0,
    license: simpleLicense(ctx, repository.license),
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: repository.topics,
    visibility: repository.private ? 'private' : 'public',
    forks: 0,
    open_issues: 0,
    watchers: 0,
    default_branch: repository.defaultBranch,
  }
}

/** A repository as one viewer gets it from `GET /repos/{owner}/{repo}`. */
export function fullRepository(ctx: Context, repository: Repository, permissions: Record<string, boolean> | null) {
  const owner = ownerOf(ctx, repository)
  return {
    ...repositoryShape(ctx, repository),
    ...(permissions ? { permissions } : {}),
    temp_clone_token: '',
    allow_squash_merge: true,
    allow_merge_commit: true,
    allow_rebase_merge: true,
    allow_auto_merge: false,
    delete_branch_on_merge: false,
    allow_update_branch: false,
    use_squash_pr_title_as_default: false,
    squash_merge_commit_message: 'COMMIT_MESSAGES',
    squash_merge_commit_title: 'COMMIT_OR_PR_TITLE',
    merge_commit_message: 'PR_TITLE',
    merge_commit_title: 'MERGE_MESSAGE',
    network_count: 0,
    subscribers_count: 0,
    ...(owner.type === 'Organization' ? { organization: simpleUser(ctx, owner) } : {}),
  }
}

/** The five permission flags of a level. */
export function permissionFlags(level: string): Record<string, boolean> {
  return {
    admin: level === 'admin',
    maintain: level === 'admin',
    push: level === 'admin' || level === 'write',
    triage: level === 'admin' || level === 'write',
    pull: level !== 'none',
  }
}

/** The permission flags that a person has on a repository. */
export function permissionsOf(ctx: Context, person: Account | null, repository: Repository): Record<string, boolean> {
  return permissionFlags(levelOf(ctx, person, repository))
}

/** The app itself. */
export function appShape(ctx: Context) {
  const owner: Account = {
    id: 0,
    login: 'modelport',
    type: 'Organization',
    name: null,
    email: null,
    createdAt: APP_CREATED,
    members: {},
  }
  return {
    id: ctx.config.appId,
    slug: ctx.config.appSlug,
    client_id: ctx.config.clientId,
    node_id: nodeId('A', ctx.config.appId),
    owner: simpleUser(ctx, owner),
    name: ctx.config.appSlug.charAt(0).toUpperCase() + ctx.config.appSlug.slice(1),
    description: 'The app of this machine.',
    external_url: ctx.url,
    html_url: `${ctx.url}/apps/${ctx.config.appSlug}`,
    created_at: APP_CREATED,
    updated_at: APP_CREATED,
    permissions: { ...APP_PERMISSIONS },
    events: [...APP_EVENTS],
  }
}

const APP_CREATED = '2026-01-01T00:00:00Z'

/** The app on one account. */
export function installationShape(ctx: Context, installation: Installation) {
  const account = ctx.store.accounts.get(installation.accountId)!
  const api = `${ctx.url}/api/v3`
  return {
    id: installation.id,
    node_id: nodeId('I', installation.id),
    client_id: ctx.config.clientId,
    account: simpleUser(ctx, account),
    repository_selection: 'selected',
    access_tokens_url: `${api}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${api}/installation/repositories`,
    html_url: `${ctx.url}/settings/installations/${installation.id}`,
    app_id: ctx.config.appId,
    app_slug: ctx.config.appSlug,
    target_id: account.id,
    target_type: account.type,
    permissions: { ...APP_PERMISSIONS },
    events: [...APP_EVENTS],
    created_at: installation.createdAt,
    updated_at: installation.updatedAt,
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: installation.suspendedById === null ? null : suspender(ctx, installation.suspendedById),
    suspended_at: installation.suspendedAt,
  }
}

function suspender(ctx: Context, id: number) {
  const account = ctx.store.accounts.get(id)
  return account ? simpleUser(ctx, account) : null
}

/** A repository in an installation's lists. */
export function shortRepository(ctx: Context, repository: Repository) {
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: fullName(ctx, repository),
    private: repository.private,
  }
}

/** Where a status of all runs together stands: what GitHub shows for a suite. */
export function suiteOutcome(runs: CheckRun[]): {
  status: 'queued' | 'in_progress' | 'completed'
  conclusion: string | null
} {
  if (runs.length === 0) return { status: 'queued', conclusion: null }
  if (runs.some((run) => run.status !== 'completed')) {
    return { status: runs.every((run) => run.status === 'queued') ? 'queued' : 'in_progress', conclusion: null }
  }
  const worst = ['action_required', 'timed_out', 'failure', 'cancelled', 'stale', 'success', 'neutral', 'skipped']
  const found = worst.find((conclusion) => runs.some((run) => run.conclusion === conclusion))
  return { status: 'completed', conclusion: found ?? 'neutral' }
}

/** A check run. */
export function checkRunShape(ctx: Context, run: CheckRun) {
  const repository = ctx.store.repositories.get(run.repositoryId)!
  const name = fullName(ctx, repository)
  const url = `${ctx.url}/api/v3/repos/${name}/check-runs/${run.id}`
  const html = `${ctx.url}/${name}/runs/${run.id}`
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('CR', run.id),
    head_sha: run.headSha,
    external_id: run.externalId ?? '',
    url,
    html_url: html,
    details_url: run.detailsUrl ?? html,
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: {
      title: run.title,
      summary: run.summary,
      text: run.text,
      annotations_count: run.annotations.length,
      annotations_url: `${url}/annotations`,
    },
    check_suite: { id: run.suiteId },
    app: appShape(ctx),
    pull_requests: [],
  }
}

/** A check suite, without the commit and repository that REST adds. */
export function checkSuiteShape(ctx: Context, suite: CheckSuite) {
  const repository = ctx.store.repositories.get(suite.repositoryId)!
  const url = `${ctx.url}/api/v3/repos/${fullName(ctx, repository)}/check-suites/${suite.id}`
  const runs = latestRuns(ctx.store.checkRuns.by('suite', suite.id))
  return {
    id: suite.id,
    node_id: nodeId('CS', suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    ...suiteOutcome(runs),
    url,
    before: suite.before,
    after: suite.after,
    pull_requests: [],
    app: appShape(ctx),
    created_at: suite.createdAt,
    updated_at: suite.updatedAt,
    rerequestable: true,
    runs_rerequestable: true,
    latest_check_runs_count: runs.length,
    check_runs_url: `${url}/check-runs`,
  }
}

/** Of runs with the same name only the newest counts. */
export function latestRuns(runs: CheckRun[]): CheckRun[] {
  const newest = new Map<string, CheckRun>()
  for (const run of runs) {
    const other = newest.get(run.name)
    if (!other || other.id < run.id) newest.set(run.name, run)
  }
  return [...newest.values()].sort((a, b) => b.id - a.id)
}

/** The commit inside a suite and in pushes' short form. */
export function simpleCommit(commit: Commit) {
  return {
    id: commit.sha,
    tree_id: commit.tree,
    message: commit.message,
    timestamp: commit.author.date,
    author: { name: commit.author.name, email: commit.author.email },
    committer: { name: commit.committer.name, email: commit.committer.email },
  }
}

/** A commit as the commits API prints it, without files. */
export function commitShape(ctx: Context, repository: Repository, commit: Commit) {
  const api = `${ctx.url}/api/v3/repos/${fullName(ctx, repository)}`
  const html = `${ctx.url}/${fullName(ctx, repository)}`
  const utc = (date: string) => new Date(date).toISOString().replace(/\.\d+Z$/, 'Z')
  return {
    sha: commit.sha,
    node_id: nodeId('C', `${repository.id}:${commit.sha}`),
    commit: {
      author: { name: commit.author.name, email: commit.author.email, date: utc(commit.author.date) },
      committer: { name: commit.committer.name, email: commit.committer.email, date: utc(commit.committer.date) },
      message: commit.message,
      tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
      url: `${api}/git/commits/${commit.sha}`,
      comment_count: 0,
      verification: { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null },
    },
    url: `${api}/commits/${commit.sha}`,
    html_url: `${html}/commit/${commit.sha}`,
    comments_url: `${api}/commits/${commit.sha}/comments`,
    author: accountOfAuthor(ctx, commit.author.email),
    committer: accountOfAuthor(ctx, commit.committer.email),
    parents: commit.parents.map((sha) => ({ sha, url: `${api}/commits/${sha}`, html_url: `${html}/commit/${sha}` })),
  }
}

function accountOfAuthor(ctx: Context, email: string) {
  const login = /^([A-Za-z0-9_-]+)@users\.noreply\.localhost$/i.exec(email)?.[1]
  const account = login && ctx.store.accounts.by('login', login.toLowerCase())[0]
  return account ? simpleUser(ctx, account) : null
}

/** A changed file as commits and comparisons list it. */
export function changeShape(ctx: Context, repository: Repository, commit: string, change: Change) {
  const name = fullName(ctx, repository)
  const path = change.path.split('/').map(encodeURIComponent).join('/')
  return {
    sha: change.sha,
    filename: change.path,
    status: change.status,
    additions: change.additions,
    deletions: change.deletions,
    changes: change.additions + change.deletions,
    blob_url: `${ctx.url}/${name}/blob/${commit}/${path}`,
    raw_url: `${ctx.url}/${name}/raw/${commit}/${path}`,
    contents_url: `${ctx.url}/api/v3/repos/${name}/contents/${path}?ref=${commit}`,
  }
}
