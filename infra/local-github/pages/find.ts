import { findMoved, findRepository, levelOf } from '../accounts.ts'
import { type Context, fullName } from '../context.ts'
import { HttpError, type Request } from '../http.ts'
import type { Repository } from '../store.ts'
import type { Session } from './layout.ts'

/** The repository of a page's path, if the visitor may see it; an old name leads to the new one. */
export function repositoryOfPage(ctx: Context, request: Request, session: Session): Repository {
  const { owner = '', repo = '' } = request.params
  const found = findRepository(ctx, owner, repo)
  if (found && levelOf(ctx, session.account, found) !== 'none') return found
  const moved = found ? undefined : findMoved(ctx, owner, repo)
  if (moved && levelOf(ctx, session.account, moved) !== 'none') {
    const rest = request.url.pathname.replace(/^\/[^/]+\/[^/]+/, '')
    throw new HttpError(301, 'Moved Permanently', {}, { location: `/${fullName(ctx, moved)}${rest}` })
  }
  throw new HttpError(
    404,
    session.account ? 'There is no such page.' : 'There is no such page, or you have to sign in to see it.',
  )
}
