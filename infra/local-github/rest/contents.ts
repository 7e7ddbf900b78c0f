import { posix } from 'node:path'
import { archivePass } from '../codeload.ts'
import { fullName, gitDir } from '../context.ts'
import { GitError, git, readBlob, readTree, resolveCommit, type TreeEntry } from '../git.ts'
import { HttpError, type Request, type Router, sendEmpty, sendJson } from '../http.ts'
import type { Repository } from '../store.ts'
import { type Api, notFound, repositoryOf } from './api.ts'

/** GitHub's contents API leaves the text out above 1 MB, and refuses above 100 MB. */
const MAX_INLINE = 1024 * 1024
const MAX_RAW = 100 * 1024 * 1024

/** Files: contents, README, and the archive of a commit. */
export function contentRoutes(router: Router<Api>): void {
  router.on('GET', '/repos/:owner/:repo/contents', (api, request) => contents(api, request, ''))
  router.on('GET', '/repos/:owner/:repo/contents/', (api, request) => contents(api, request, ''))
  router.on('GET', '/repos/:owner/:repo/contents/*path', (api, request) => contents(api, request, request.params.path!))

  router.on('GET', '/repos/:owner/:repo/readme', async (api, request) => {
    const repository = repositoryOf(api, request)
    const dir = gitDir(api.ctx, repository)
    const head = await resolveCommit(dir, refOf(request, repository))
    const readme = head ? findReadme(await readTree(dir, head)) : undefined
    if (!readme) throw notFound()
    await contents(api, request, readme.path)
  })

  for (const path of ['/repos/:owner/:repo/tarball', '/repos/:owner/:repo/tarball/*ref']) {
    router.on('GET', path, async (api, request) => {
      const repository = repositoryOf(api, request)
      const ref = request.params.ref ?? repository.defaultBranch
      const sha = await resolveCommit(gitDir(api.ctx, repository), ref)
      if (!sha) throw notFound()
      // The ref goes along unresolved, as GitHub's does; a name with slashes stays one part.
      const name = fullName(api.ctx, repository)
      sendEmpty(request, 302, {
        location: `${api.ctx.url}/codeload/${name}/legacy.tar.gz/${encodeURIComponent(ref)}${archivePass(api.ctx, repository)}`,
      })
    })
  }
}

/** Picks the README that GitHub would show. */
export function findReadme(entries: TreeEntry[]): TreeEntry | undefined {
  return entries
    .filter((entry) => entry.type === 'blob' && /^readme(?:\.(?:md|markdown|rst|txt))?$/i.test(entry.path))
    .sort((a, b) => Number(/\.md$/i.test(b.path)) - Number(/\.md$/i.test(a.path)))[0]
}

async function contents(api: Api, request: Request, rawPath: string): Promise<void> {
  const repository = repositoryOf(api, request)
  const dir = gitDir(api.ctx, repository)
  const path = cleanPath(rawPath)
  const ref = refOf(request, repository)
  const sha = await resolveCommit(dir, ref)
  if (!sha)
    throw ref === repository.defaultBranch ? notFound() : new HttpError(404, `No commit found for the ref ${ref}`)
  const entry = path === '' ? null : (await readTree(dir, sha, { path }))[0]
  if (path !== '' && !entry) throw notFound()

  if (!entry || entry.type === 'tree') {
    const entries = await readTree(dir, sha, path === '' ? {} : { path: `${path}/` })
    sendJson(
      request,
      200,
      entries.map((child) => entryShape(api, repository, ref, child)),
    )
    return
  }
  if (entry.type === 'commit') {
    sendJson(request, 200, {
      ...entryShape(api, repository, ref, entry),
      submodule_git_url: await submoduleUrl(dir, sha, path),
    })
    return
  }
  const size = entry.size ?? 0
  if (/application\/vnd\.github(?:\.v3)?(?:\.|\+)raw/.test(request.req.headers.accept ?? '')) {
    if (size > MAX_RAW) throw new HttpError(403, 'This API returns blobs up to 100 MB in size.')
    const bytes = await readBlob(dir, entry.sha)
    request.res.writeHead(200, {
      'content-type': 'application/vnd.github.raw; charset=utf-8',
      'content-length': bytes.length,
      'x-content-type-options': 'nosniff',
    })
    request.res.end(bytes)
    return
  }
  const bytes = size > MAX_INLINE ? null : await readBlob(dir, entry.sha)
  if (entry.mode === '120000' && bytes) {
    sendJson(request, 200, { ...entryShape(api, repository, ref, entry), target: bytes.toString('utf8') })
    return
  }
  sendJson(request, 200, contentFile(api, repository, ref, entry, bytes))
}

/** A file as the contents API prints it; without bytes (too large) the encoding says `none`. */
export function contentFile(api: Api, repository: Repository, ref: string, entry: TreeEntry, bytes: Buffer | null) {
  return {
    ...entryShape(api, repository, ref, entry),
    type: 'file',
    // GitHub breaks base64 after sixty characters.
    content: bytes ? bytes.toString('base64').replace(/.{1,60}/g, '$&\n') : '',
    encoding: bytes ? 'base64' : 'none',
  }
}

function entryShape(api: Api, repository: Repository, ref: string, entry: TreeEntry) {
  const name = fullName(api.ctx, repository)
  const path = entry.path.split('/').map(encodeURIComponent).join('/')
  const base = `${api.ctx.url}/api/v3/repos/${name}`
  const query = `?ref=${encodeURIComponent(ref)}`
  const kind = entry.type === 'tree' ? 'trees' : 'blobs'
  const type =
    entry.type === 'tree' ? 'dir' : entry.type === 'commit' ? 'submodule' : entry.mode === '120000' ? 'symlink' : 'file'
  const url = `${base}/contents/${path}${query}`
  const gitUrl = type === 'submodule' ? null : `${base}/git/${kind}/${entry.sha}`
  const html = `${api.ctx.url}/${name}/${entry.type === 'tree' ? 'tree' : 'blob'}/${encodeRef(ref)}/${path}`
  return {
    name: posix.basename(entry.path),
    path: entry.path,
    sha: entry.sha,
    size: entry.size ?? 0,
    url,
    html_url: html,
    git_url: gitUrl,
    download_url: type === 'file' || type === 'symlink' ? `${api.ctx.url}/${name}/raw/${encodeRef(ref)}/${path}` : null,
    type,
    _links: { self: url, git: gitUrl, html },
  }
}

function encodeRef(ref: string): string {
  return ref.split('/').map(encodeURIComponent).join('/')
}

function refOf(request: Request, repository: Repository): string {
  return request.url.searchParams.get('ref') || repository.defaultBranch
}

// Git would take `..` and pathspec magic; a path in a tree has neither.
function cleanPath(path: string): string {
  const clean = path.replace(/\/+$/, '')
  if (
    clean.length > 4096 ||
    clean.includes('\0') ||
    clean.split('/').some((part) => (part === '' ? clean !== '' : part === '.' || part === '..'))
  ) {
    throw notFound()
  }
  return clean
}

async function submoduleUrl(dir: string, commit: string, path: string): Promise<string | null> {
  try {
    const entries = await git(dir, [
      'config',
      '--blob',
      `${commit}:.gitmodules`,
      '--get-regexp',
      '^submodule\\..*\\.(path|url)$',
    ])
    const lines = entries.split('\n').map((line) => /^submodule\.(.*)\.(path|url) (.*)$/.exec(line))
    const name = lines.find((line) => line?.[2] === 'path' && line[3] === path)?.[1]
    return lines.find((line) => line?.[2] === 'url' && line[1] === name)?.[3] ?? null
  } catch (error) {
    if (error instanceof GitError) return null
    throw error
  }
}
