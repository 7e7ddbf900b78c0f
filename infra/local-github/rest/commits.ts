import { fullName, gitDir } from '../context.ts'
import {
  git,
  isRefLike,
  readBlob,
  readChanges,
  readCommit,
  readCommits,
  readRefs,
  readTree,
  resolveCommit,
} from '../git.ts'
import { HttpError, page, pageOf, type Request, type Router, sendJson } from '../http.ts'
import { changeShape, commitShape, nodeId } from '../shapes.ts'
import type { Repository } from '../store.ts'
import { type Api, commitOf, notFound, repositoryOf } from './api.ts'

const MAX_TREE = 100_000
const MAX_FILES = 300

/** Commits, branches, tags, refs, trees, blobs and comparisons. */
export function commitRoutes(router: Router<Api>): void {
  router.on('GET', '/repos/:owner/:repo/commits', async (api, request) => {
    const repository = repositoryOf(api, request)
    const dir = gitDir(api.ctx, repository)
    const ref = request.url.searchParams.get('sha') || repository.defaultBranch
    const sha = await resolveCommit(dir, ref)
    if (!sha && !(await resolveCommit(dir, 'HEAD'))) throw new HttpError(409, 'Git Repository is empty.')
    if (!sha) throw notFound()
    const { perPage, number } = pageOf(request)
    // One commit more than the page tells whether there is a next one, without counting the whole history.
    const commits = await readCommits(dir, [`--max-count=${perPage + 1}`, `--skip=${(number - 1) * perPage}`, sha])
    if (commits.length > perPage) {
      const next = new URL(request.url)
      next.searchParams.set('page', String(number + 1))
      request.res.setHeader('link', `<${next.href}>; rel="next"`)
    }
    sendJson(
      request,
      200,
      commits.slice(0, perPage).map((commit) => commitShape(api.ctx, repository, commit)),
    )
  })

  router.on('GET', '/repos/:owner/:repo/commits/*ref', async (api, request) => {
    const repository = repositoryOf(api, request)
    const dir = gitDir(api.ctx, repository)
    const sha = await commitOf(api, repository, request.params.ref!)
    if (/application\/vnd\.github(?:\.v3)?\.sha/.test(request.req.headers.accept ?? '')) {
      request.res.writeHead(200, { 'content-type': 'application/vnd.github.sha' })
      request.res.end(sha)
      return
    }
    const commit = (await readCommit(dir, sha))!
    const changes = await readChanges(dir, commit.parents[0] ?? null, sha)
    const additions = changes.reduce((sum, change) => sum + change.additions, 0)
    const deletions = changes.reduce((sum, change) => sum + change.deletions, 0)
    sendJson(request, 200, {
      ...commitShape(api.ctx, repository, commit),
      stats: { total: additions + deletions, additions, deletions },
      files: changes.slice(0, MAX_FILES).map((change) => changeShape(api.ctx, repository, sha, change)),
    })
  })

  router.on('GET', '/repos/:owner/:repo/branches', async (api, request) => {
    const repository = repositoryOf(api, request)
    const branches = await readRefs(gitDir(api.ctx, repository), 'refs/heads/')
    sendJson(
      request,
      200,
      page(request, branches).map((branch) => ({
        name: branch.name.slice('refs/heads/'.length),
        commit: {
          sha: branch.sha,
          url: `${api.ctx.url}/api/v3/repos/${fullName(api.ctx, repository)}/commits/${branch.sha}`,
        },
        protected: false,
      })),
    )
  })

  router.on('GET', '/repos/:owner/:repo/branches/*branch', async (api, request) => {
    const repository = repositoryOf(api, request)
    const dir = gitDir(api.ctx, repository)
    const name = request.params.branch!
    const found = isRefLike(name)
      ? (await readRefs(dir, `refs/heads/${name}`)).find((ref) => ref.name === `refs/heads/${name}`)
      : null
    if (!found) throw new HttpError(404, 'Branch not found')
    const url = `${api.ctx.url}/api/v3/repos/${fullName(api.ctx, repository)}/branches/${encodeURIComponent(name)}`
    sendJson(request, 200, {
      name,
      commit: commitShape(api.ctx, repository, (await readCommit(dir, found.sha))!),
      _links: { self: url, html: `${api.ctx.url}/${fullName(api.ctx, repository)}/tree/${name}` },
      protected: false,
      protection: { enabled: false, required_status_checks: { enforcement_level: 'off', contexts: [], checks: [] } },
      protection_url: `${url}/protection`,
    })
  })

  router.on('GET', '/repos/:owner/:repo/tags', async (api, request) => {
    const repository = repositoryOf(api, request)
    const dir = gitDir(api.ctx, repository)
    const base = `${api.ctx.url}/api/v3/repos/${fullName(api.ctx, repository)}`
    const shown = page(request, await readRefs(dir, 'refs/tags/'))
    const tags = await Promise.all(
      shown.map(async (tag) => {
        const sha = (await resolveCommit(dir, tag.name)) ?? tag.sha
        const name = tag.name.slice('refs/tags/'.length)
        return {
          name,
          commit: { sha, url: `${base}/commits/${sha}` },
          zipball_url: `${base}/zipball/${tag.name}`,
          tarball_url: `${base}/tarball/${tag.name}`,
          node_id: nodeId('REF', `${repository.id}:${tag.name}`),
        }
      }),
    )
    sendJson(request, 200, tags)
  })

  router.on('GET', '/repos/:owner/:repo/git/ref/*ref', async (api, request) => {
    const repository = repositoryOf(api, request)
    const name = `refs/${request.params.ref!}`
    const found = isRefLike(name)
      ? (await readRefs(gitDir(api.ctx, repository), name)).find((ref) => ref.name === name)
      : null
    if (!found) throw notFound()
    sendJson(request, 200, refShape(api, repository, found))
  })

  router.on('GET', '/repos/:owner/:repo/git/matching-refs/*ref', async (api, request) => {
    const repository = repositoryOf(api, request)
    const prefix = `refs/${request.params.ref!}`
    const group = /^refs\/[^/]+\//.exec(prefix)?.[0] ?? 'refs/'
    if (!isRefLike(group.replace(/\/$/, ''))) throw notFound()
    const refs = await readRefs(gitDir(api.ctx, repository), group)
    const matching = refs.filter((ref) => ref.name.startsWith(prefix))
    sendJson(
      request,
      200,
      page(request, matching).map((ref) => refShape(api, repository, ref)),
    )
  })

  router.on('GET', '/repos/:owner/:repo/git/trees/*sha', async (api, request) => {
    const repository = repositoryOf(api, request)
    const dir = gitDir(api.ctx, repository)
    const wanted = request.params.sha!
    const tree = await treeOf(dir, wanted)
    if (!tree) throw notFound()
    const recursive = request.url.searchParams.has('recursive')
    const entries = await readTree(dir, tree, { recursive })
    const base = `${api.ctx.url}/api/v3/repos/${fullName(api.ctx, repository)}/git`
    sendJson(request, 200, {
      sha: tree,
      url: `${base}/trees/${tree}`,
      tree: entries.slice(0, MAX_TREE).map((entry) => ({
        path: entry.path,
        mode: entry.mode,
        type: entry.type,
        sha: entry.sha,
        ...(entry.size === null ? {} : { size: entry.size }),
        ...(entry.type === 'commit'
          ? {}
          : { url: `${base}/${entry.type === 'tree' ? 'trees' : 'blobs'}/${entry.sha}` }),
      })),
      truncated: entries.length > MAX_TREE,
    })
  })

  router.on('GET', '/repos/:owner/:repo/git/blobs/:sha', async (api, request) => {
    const repository = repositoryOf(api, request)
    const sha = request.params.sha!
    const dir = gitDir(api.ctx, repository)
    if ((await typeOf(dir, sha)) !== 'blob') throw notFound()
    const bytes = await readBlob(dir, sha)
    sendJson(request, 200, {
      sha,
      node_id: nodeId('B', `${repository.id}:${sha}`),
      size: bytes.length,
      url: `${api.ctx.url}/api/v3/repos/${fullName(api.ctx, repository)}/git/blobs/${sha}`,
      content: bytes.toString('base64').replace(/.{1,60}/g, '$&\n'),
      encoding: 'base64',
    })
  })

  router.on('GET', '/repos/:owner/:repo/git/tags/:sha', async (api, request) => {
    const repository = repositoryOf(api, request)
    const sha = request.params.sha!
    const dir = gitDir(api.ctx, repository)
    if ((await typeOf(dir, sha)) !== 'tag') throw notFound()
    const text = await git(dir, ['cat-file', 'tag', sha])
    const split = text.indexOf('\n\n')
    const head = Object.fromEntries(
      text
        .slice(0, split)
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
    )
    const tagger = /^(.*) <(.*)> (\d+) [+-]\d{4}$/.exec(head.tagger ?? '')
    const base = `${api.ctx.url}/api/v3/repos/${fullName(api.ctx, repository)}/git`
    sendJson(request, 200, {
      node_id: nodeId('TA', `${repository.id}:${sha}`),
      sha,
      url: `${base}/tags/${sha}`,
      tag: head.tag,
      message: text.slice(split + 2).replace(/\n$/, ''),
      tagger: {
        name: tagger?.[1] ?? '',
        email: tagger?.[2] ?? '',
        date: new Date(Number(tagger?.[3] ?? 0) * 1000).toISOString().replace(/\.\d+Z$/, 'Z'),
      },
      object: { sha: head.object, type: head.type, url: `${base}/${head.type}s/${head.object}` },
      verification: { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null },
    })
  })

  router.on('GET', '/repos/:owner/:repo/compare/*basehead', compare)
}

async function compare(api: Api, request: Request): Promise<void> {
  const repository = repositoryOf(api, request)
  const dir = gitDir(api.ctx, repository)
  const parts = request.params.basehead!.split('...')
  const [base, head] = await Promise.all(parts.map((part) => resolveCommit(dir, part)))
  if (parts.length !== 2 || !base || !head) throw notFound()
  const mergeBase = (await git(dir, ['merge-base', base, head]).catch(() => '')).trim()
  if (!mergeBase) throw new HttpError(404, `No common ancestor between ${parts[0]} and ${parts[1]}.`)

  const counts = (await git(dir, ['rev-list', '--left-right', '--count', `${base}...${head}`])).trim().split(/\s+/)
  const [behind, ahead] = counts.map(Number) as [number, number]
  const commits = await readCommits(dir, ['--max-count=250', head, `^${base}`])
  const changes = await readChanges(dir, mergeBase, head)
  const name = fullName(api.ctx, repository)
  const html = `${api.ctx.url}/${name}/compare/${parts[0]}...${parts[1]}`
  sendJson(request, 200, {
    url: `${api.ctx.url}/api/v3/repos/${name}/compare/${parts[0]}...${parts[1]}`,
    html_url: html,
    permalink_url: `${api.ctx.url}/${name}/compare/${base.slice(0, 7)}...${head.slice(0, 7)}`,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    base_commit: commitShape(api.ctx, repository, (await readCommit(dir, base))!),
    merge_base_commit: commitShape(api.ctx, repository, (await readCommit(dir, mergeBase))!),
    status: ahead && behind ? 'diverged' : ahead ? 'ahead' : behind ? 'behind' : 'identical',
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    commits: commits.reverse().map((commit) => commitShape(api.ctx, repository, commit)),
    files: changes.slice(0, MAX_FILES).map((change) => changeShape(api.ctx, repository, head, change)),
  })
}

function refShape(api: Api, repository: Repository, ref: { name: string; sha: string; type: string }) {
  const base = `${api.ctx.url}/api/v3/repos/${fullName(api.ctx, repository)}/git`
  return {
    ref: ref.name,
    node_id: nodeId('REF', `${repository.id}:${ref.name}`),
    url: `${base}/${ref.name}`,
    object: { sha: ref.sha, type: ref.type, url: `${base}/${ref.type}s/${ref.sha}` },
  }
}

async function treeOf(dir: string, wanted: string): Promise<string | null> {
  if (/^[0-9a-f]{40}$/.test(wanted) && (await typeOf(dir, wanted)) === 'tree') return wanted
  const commit = await resolveCommit(dir, wanted)
  return commit ? ((await readCommit(dir, commit))?.tree ?? null) : null
}

async function typeOf(dir: string, sha: string): Promise<string | null> {
  if (!/^[0-9a-f]{40}$/.test(sha)) return null
  return git(dir, ['cat-file', '-t', sha]).then(
    (type) => type.trim(),
    () => null,
  )
}
