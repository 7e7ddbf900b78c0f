import { createHash } from 'node:crypto'

/** A push as GitHub sends it, 7.3 kB, of one of many repositories that nobody here knows. */
export function pushBody(n: number): unknown {
  const sha = (what: string) => createHash('sha1').update(`${what} ${n}`).digest('hex')
  const name = `model-${n}`
  const path = `bench/${name}`
  const web = `https://github.example/${path}`
  const api = `https://github.example/api/v3/repos/${path}`
  const person = { name: 'Alice', email: 'alice@example.org', username: 'alice' }
  const account = {
    login: 'bench',
    id: 9_000_001,
    node_id: 'U_kgDOAAAAAQ',
    avatar_url: 'https://github.example/avatars/9000001',
    url: 'https://github.example/api/v3/users/bench',
    html_url: 'https://github.example/bench',
    type: 'User',
    site_admin: false,
  }
  const links = [
    'forks',
    'keys',
    'collaborators',
    'teams',
    'hooks',
    'issue_events',
    'events',
    'assignees',
    'branches',
    'tags',
    'blobs',
    'git_tags',
    'git_refs',
    'trees',
    'statuses',
    'languages',
    'stargazers',
    'contributors',
    'subscribers',
    'subscription',
    'commits',
    'git_commits',
    'comments',
    'issue_comment',
    'contents',
    'compare',
    'merges',
    'archive',
    'downloads',
    'issues',
    'pulls',
    'milestones',
    'notifications',
    'labels',
    'releases',
    'deployments',
  ]
  const commit = {
    id: sha('commit'),
    tree_id: sha('tree'),
    distinct: true,
    message: 'Change the network’s last layer\n\nIt now ends in a softmax, so that the probabilities add up.',
    timestamp: '2026-11-20T12:00:00Z',
    url: `${web}/commit/${sha('commit')}`,
    author: person,
    committer: person,
    added: ['weights/last-layer.bin'],
    removed: [],
    modified: ['runway_model.py', 'runway.yml', 'README.md'],
  }
  const body = {
    ref: 'refs/heads/main',
    before: sha('before'),
    after: sha('commit'),
    repository: {
      id: 5_000_000 + n,
      node_id: `R_${n}`,
      name,
      full_name: path,
      private: false,
      owner: { ...account, name: 'bench', email: null },
      html_url: web,
      description: 'A model of the bench',
      fork: false,
      url: web,
      ...Object.fromEntries(links.map((link) => [`${link}_url`, `${api}/${link}{/sha}`])),
      created_at: 1_760_000_000,
      pushed_at: 1_763_600_000,
      default_branch: 'main',
      master_branch: 'main',
      archived: false,
      visibility: 'public',
      topics: [],
    },
    pusher: { name: 'alice', email: 'alice@example.org' },
    sender: account,
    installation: { id: 42, node_id: 'MDIzOk' },
    created: false,
    deleted: false,
    forced: false,
    base_ref: null,
    compare: `${web}/compare/a...b`,
    commits: [commit],
    head_commit: commit,
    padding: '',
  }
  body.padding = 'x'.repeat(Math.max(0, 7300 - Buffer.byteLength(JSON.stringify(body))))
  return body
}
