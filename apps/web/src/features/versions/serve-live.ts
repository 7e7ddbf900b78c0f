import { modelMark } from '@modelport/db/queries/pages'
import { actorOfRequest, nobody } from '#src/auth/actor.ts'
import { Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { eventStream, newsBell } from '#src/features/builds/log-response.ts'
import { parseModelPath } from '#src/features/models/model-path.ts'
import { openModel } from '#src/features/models/open-model.ts'

/** Tells an open page that something about its model changed; the page then asks for itself again. */
export async function serveLive(request: Request, owner: string, segment: string): Promise<Response> {
  const slug = parseModelPath(segment)?.slug
  const open = async () => {
    if (!slug) return null
    const actor = (await actorOfRequest(request)) ?? nobody
    try {
      return await openModel(actor, owner, slug, 'see-versions')
    } catch (error) {
      if (error instanceof Refusal) return null
      throw error
    }
  }
  const found = await open()
  if (!found) return new Response('Not found\n', { status: 404, headers: { 'cache-control': 'no-store' } })
  return eventStream(request.signal, async function* (signal) {
    // Log lines are told for every batch and have a stream of their own.
    using bell = newsBell(
      (news) => news === null || news.version !== undefined || (news.build !== undefined && !('lines' in news)),
    )
    let last = await modelMark(context().db, found.model.id)
    let checked = Date.now()
    yield 'retry: 3000\n\n'
    while (!signal.aborted) {
      const rung = await bell.ring(15_000, signal)
      if (signal.aborted) return
      if (Date.now() - checked > 30_000) {
        checked = Date.now()
        if (!(await open())) return
      }
      const now = rung ? await modelMark(context().db, found.model.id) : last
      yield now === last ? ': still here\n\n' : 'event: change\ndata: {}\n\n'
      last = now
    }
  })
}
