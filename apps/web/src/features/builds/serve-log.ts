import { findBuildOf, readLines } from '@modelport/db/queries/builds'
import { findLines } from '@modelport/db/queries/pages'
import { LogQuery } from '@modelport/schema/api'
import { targets } from '@modelport/schema/words'
import { type ApiRequest, list, readQuery } from '#src/api/route.ts'
import { actorOfRequest } from '#src/auth/actor.ts'
import { hidden } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { followLog, jsonLine, logFile } from '#src/features/builds/log-response.ts'
import { openVersion } from '#src/features/models/open-model.ts'
import { parseVersionNumber } from '#src/features/versions/version-json.ts'

interface Params {
  owner: string
  model: string
  n: string
  target: string
}

/** A build's log: as a file, as pages of JSON, as the numbers of the lines that contain a text, or followed. */
export async function serveLog({ request, url, actor, params }: ApiRequest<Params>): Promise<Response> {
  const query = readQuery(url, LogQuery)
  const number = parseVersionNumber(params.n)
  const target = targets.find((t) => t === params.target)
  if (!target) throw hidden()
  const { version, model, publisher } = await openVersion(actor, params.owner, params.model, number, 'see-logs')
  const { db } = context()
  const build = await findBuildOf(db, version.id, target, query.attempt)
  if (!build) throw hidden()

  if (query.follow === '1') {
    const resume = /^\d{1,9}$/.exec(request.headers.get('last-event-id') ?? '')
    return followLog(build, {
      after: resume ? Number(resume[0]) : (query.after ?? 0),
      asJson: query.format === 'json',
      signal: request.signal,
      mayStill: async () => {
        try {
          const now = await actorOfRequest(request)
          if (!now) return false
          await openVersion(now, params.owner, params.model, number, 'see-logs')
          return true
        } catch {
          return false
        }
      },
    })
  }
  if (query.find !== undefined)
    return list((await findLines(db, build.id, query.find)).map((line) => ({ number: line })))
  if (query.format === 'json') {
    const limit = query.limit ?? 1000
    const lines = await readLines(db, build.id, { after: query.after ?? 0, limit })
    return list(lines.map(jsonLine), lines.length === limit ? String(lines[lines.length - 1]!.number) : null)
  }
  const name = `${publisher.slug}-${model.slug}-v${version.number}-${target}${query.step ? `-${query.step}` : ''}.log`
  return logFile(build, name, { step: query.step, asJson: query.format === 'jsonl' })
}
