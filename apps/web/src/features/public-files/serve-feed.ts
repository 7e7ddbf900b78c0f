import { findPublisher, type ListedModel, listPublicModels } from '@modelport/db/queries/models'
import { SearchTimeout, searchModels } from '@modelport/db/queries/search'
import { listVersions } from '@modelport/db/queries/versions'
import { readDirectoryFilter } from '@modelport/schema/directory'
import { context } from '#src/context.ts'
import { directoryAddress, feedAddress } from '#src/features/directory/filter-words.ts'
import { parseOwner } from '#src/features/models/model-path.ts'
import { fileAnswer, isShared, nothingHere, openForRequest } from '#src/features/public-files/answer.ts'
import { atom, type Entry, type Feed } from '#src/features/public-files/atom.ts'
import { formatBytes } from '#src/ui/format.ts'

const length = 30

/** The default versions of the public models that changed last: of all, or of those that a search of the directory finds. */
export async function serveSiteFeed(request: Request): Promise<Response> {
  const { db, config } = context()
  // Whatever the search is sorted by, a feed tells the news.
  const filter = { ...readDirectoryFilter(new URL(request.url).searchParams), sort: 'updated' as const }
  const found = await searchModels(db, filter, { limit: length }).catch((error: unknown) => {
    if (error instanceof SearchTimeout) return null
    throw error
  })
  if (!found)
    return new Response('This search took too long; ask for less.\n', { status: 503, headers: { 'retry-after': '60' } })
  const page = directoryAddress(filter)
  return answer(request, {
    id: tag('2026-01-01', page.slice(1)),
    title: filter.q.trim() === '' ? 'Models' : `Models for ${filter.q.trim()}`,
    page: `${config.siteUrl}${page}`,
    self: `${config.siteUrl}${feedAddress(filter)}`,
    entries: found.models.flatMap(entryOf),
  })
}

/** The same for one publisher. One without public models is told apart from nobody by nothing. */
export async function serveOwnerFeed(request: Request, segment: string): Promise<Response> {
  const { db, config } = context()
  const owner = parseOwner(segment)
  const publisher = owner ? await findPublisher(db, owner) : null
  const listed = publisher ? await listPublicModels(db, { publisherId: publisher.id, limit: length }) : []
  if (!publisher || listed.length === 0) return nothingHere()
  const page = `${config.siteUrl}/${publisher.slug}`
  return answer(request, {
    id: tag('2026-01-01', `publisher/${publisher.id}`),
    title: `Models of ${publisher.login}`,
    page,
    self: `${page}/feed.atom`,
    entries: listed.flatMap(entryOf),
  })
}

/** Every ready version of a model, the newest first. */
export async function serveModelFeed(request: Request, owner: string, segment: string): Promise<Response> {
  const found = await openForRequest(request, owner, segment)
  if (found?.version.kind !== 'default') return nothingHere()
  const { model, publisher } = found
  const name = `${publisher.slug}/${model.slug}`
  const page = `${context().config.siteUrl}/${name}`
  const rows = await listVersions(context().db, model.id, { readyOnly: true, limit: length })
  return answer(
    request,
    {
      id: tag(day(model.createdAt), `model/${model.id}`),
      title: name,
      page,
      self: `${page}/feed.atom`,
      entries: rows.map(({ version, builds }) => ({
        id: tag(day(model.createdAt), `model/${model.id}/${version.number}`),
        title: `${name}, version ${version.number}`,
        author: version.authorName ?? publisher.login,
        page: `${page}@${version.number}`,
        updatedAt: version.finishedAt ?? version.createdAt,
        summary: sentences([version.commitSubject, ...builds.map((b) => size(b.target, b.sizeBytes))]),
      })),
    },
    isShared(found),
  )
}

function entryOf({ model, publisher, version, sizes }: ListedModel): Entry[] {
  if (!version) return []
  const name = `${publisher.slug}/${model.slug}`
  return [
    {
      id: tag(day(model.createdAt), `model/${model.id}/${version.number}`),
      title: `${name}, version ${version.number}`,
      author: publisher.login,
      page: `${context().config.siteUrl}/${name}@${version.number}`,
      updatedAt: version.finishedAt ?? model.updatedAt,
      summary: sentences([model.summary ?? '', ...sizes.map((s) => size(s.target, s.sizeBytes))]),
    },
  ]
}

const size = (target: string, bytes: number | null) =>
  bytes === null ? '' : `${target.toUpperCase()} image ${formatBytes(bytes)}`
const sentences = (parts: string[]) =>
  parts
    .filter(Boolean)
    .map((part) => part.replace(/\.?$/, '.'))
    .join(' ')
const day = (date: Date) => date.toISOString().slice(0, 10)

/** RFC 4151: an id that no later owner of the address can give again. */
const tag = (date: string, name: string) => `tag:${new URL(context().config.siteUrl).hostname},${date}:${name}`

const answer = (request: Request, feed: Feed, shared = true) =>
  fileAnswer(request, atom(feed), { type: 'application/atom+xml', seconds: 300, shared })
