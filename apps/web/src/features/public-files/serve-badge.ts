import { describeModel } from '@modelport/db/queries/description'
import { newestReadyVersion } from '@modelport/db/queries/models'
import { newestVersion } from '@modelport/db/queries/pages'
import { type Build, currentBuilds, findVersionById, type Version } from '@modelport/db/queries/versions'
import { type Badge, badgeSvg } from '@modelport/schema/badge'
import { nobody } from '#src/auth/actor.ts'
import { context } from '#src/context.ts'
import { claimOf } from '#src/features/models/licence-claim.ts'
import { openVersion } from '#src/features/models/open-model.ts'
import { type Asked, fileAnswer, nothingHere, openFor, orNull } from '#src/features/public-files/answer.ts'

const labels = { status: 'build', version: 'version', license: 'license' }
type Kind = keyof typeof labels

const looks: Record<Build['state'] | Version['state'], Pick<Badge, 'value' | 'colour'>> = {
  queued: { value: 'queued', colour: 'info' },
  building: { value: 'building', colour: 'info' },
  running: { value: 'building', colour: 'info' },
  ready: { value: 'passing', colour: 'passing' },
  partial: { value: 'partial', colour: 'partial' },
  failed: { value: 'failing', colour: 'failing' },
  timed_out: { value: 'failing', colour: 'failing' },
  cancelled: { value: 'cancelled', colour: 'none' },
  superseded: { value: 'superseded', colour: 'none' },
  expired: { value: 'expired', colour: 'none' },
}

/**
 * A badge for READMEs. It is the same for everybody, so that caches may keep it: what an anonymous visitor may know.
 * A model that is missing or private has a grey badge and not a 404, which would show as a broken image.
 */
export async function serveBadge(request: Request, owner: string, segment: string, file: string): Promise<Response> {
  const kind = /^(status|version|license)\.svg$/.exec(file)?.[1] as Kind | undefined
  if (!kind) return nothingHere()
  const query = new URL(request.url).searchParams
  const found = await openFor(nobody, owner, segment)
  const value = (found && (await badgeValue(kind, found, query))) ?? { value: 'unknown', colour: 'none' as const }
  const svg = badgeSvg({
    label: query.get('label')?.trim().slice(0, 40) || labels[kind],
    style: query.get('style') === 'square' ? 'square' : 'flat',
    ...value,
  })
  return fileAnswer(request, svg, { type: 'image/svg+xml', seconds: 60, shared: true })
}

async function badgeValue(
  kind: Kind,
  found: Asked,
  query: URLSearchParams,
): Promise<Pick<Badge, 'value' | 'colour'> | null> {
  const version = await versionOf(kind, found, query.get('version'))
  if (!version) {
    // A version that was asked for and may not be seen is unknown; a model that has none yet has none.
    const asked = found.version.kind !== 'default' || query.has('version')
    return asked ? null : { value: 'none', colour: 'none' }
  }
  if (kind === 'version') return { value: String(version.number), colour: 'info' }
  if (kind === 'license') {
    const { name } = claimOf(version.licence, describeModel(found.model, version).licence)
    return name ? { value: name.slice(0, 60), colour: 'info' } : { value: 'not stated', colour: 'none' }
  }
  const target = query.get('target')
  if (target === null) return looks[version.state]
  const build = (await currentBuilds(context().db, version.id)).find((one) => one.target === target)
  return build ? looks[build.state] : null
}

/** The version asked for; else for the status the newest, where everybody may know of it, and else the default. */
async function versionOf(kind: Kind, { model, publisher, version }: Asked, asked: string | null) {
  const { db } = context()
  const number = version.kind === 'number' ? version.number : /^[1-9]\d{0,8}$/.test(asked ?? '') ? Number(asked) : null
  if (number !== null)
    return (await orNull(() => openVersion(nobody, publisher.slug, model.slug, number)))?.version ?? null
  if (asked !== null) return null
  if (kind === 'status' && model.viewersSeeVersions) return newestVersion(db, model.id)
  return model.defaultVersionId ? findVersionById(db, model.defaultVersionId) : newestReadyVersion(db, model.id)
}
