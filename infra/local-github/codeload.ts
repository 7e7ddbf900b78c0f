import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { findRepository } from './accounts.ts'
import { callerOf, sameSecret, sign } from './auth.ts'
import { type Context, gitDir, ownerOf } from './context.ts'
import { gitStream, resolveCommit } from './git.ts'
import { canRead } from './git-http.ts'
import { HttpError, type Request } from './http.ts'
import type { Repository } from './store.ts'

const VALID_MS = 5 * 60_000

/**
 * What to add to an archive's address, so that it can be fetched for five minutes without a header.
 *
 * Clients drop the Authorization header when a redirect leads to another origin, so GitHub puts a pass into the address.
 */
export function archivePass(ctx: Context, repository: Repository): string {
  if (!repository.private) return ''
  const until = Date.now() + VALID_MS
  return `?token=${until}.${sign(ctx, `archive:${repository.id}:${until}`)}`
}

/** Streams the archive of a commit: a gzipped tar with one top folder, `OWNER-REPO-SHA7`. */
export async function sendArchive(
  ctx: Context,
  request: Request,
  owner: string,
  name: string,
  ref: string,
): Promise<void> {
  const repository = findRepository(ctx, owner, name)
  if (!repository || !mayRead(ctx, request, repository)) throw new HttpError(404, 'Not Found')
  const dir = gitDir(ctx, repository)
  const sha = await resolveCommit(dir, ref)
  if (!sha) throw new HttpError(404, 'Not Found')
  const folder = `${ownerOf(ctx, repository).login}-${repository.name}-${sha.slice(0, 7)}`
  const { res } = request
  res.writeHead(200, {
    'content-type': 'application/x-gzip',
    'content-disposition': `attachment; filename=${folder}.tar.gz`,
    'x-content-type-options': 'nosniff',
  })
  if (request.method === 'HEAD') {
    res.end()
    return
  }
  const archive = gitStream(dir, ['archive', '--format=tar.gz', `--prefix=${folder}/`, sha])
  archive.stderr!.resume()
  const ended = once(archive, 'close') as Promise<[number | null]>
  // When the reader hangs up, nobody waits for this any more.
  ended.catch(() => {})
  try {
    await pipeline(archive.stdout!, res, { end: false })
    const [code] = await ended
    // An archive cut short must not look like a whole one.
    if (code !== 0) res.destroy()
    else res.end()
  } catch {
    // The reader hung up.
    archive.kill()
  }
}

function mayRead(ctx: Context, request: Request, repository: Repository): boolean {
  const [until, signature] = (request.url.searchParams.get('token') ?? '').split('.')
  if (until && signature && Number(until) > Date.now()) {
    if (sameSecret(signature, sign(ctx, `archive:${repository.id}:${until}`))) return true
  }
  return canRead(ctx, callerOf(ctx, request.req), repository)
}
