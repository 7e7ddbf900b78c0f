import { listSteps } from '@modelport/db/queries/builds'
import type { Model } from '@modelport/db/queries/models'
import { versionNumbers } from '@modelport/db/queries/pages'
import { type Build, currentBuilds, listVersions, type Version } from '@modelport/db/queries/versions'
import type { RequestActor } from '#src/auth/actor.ts'
import { can } from '#src/auth/can.ts'
import { hidden } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'
import { imageReference } from '#src/features/models/snippets.ts'

/** A version number out of an address; whatever is none names nothing. */
export function parseVersionNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw hidden()
  return Number(text)
}

export interface JsonOptions {
  /** Whether the reader may know of failures, warnings and people: product decision 8. */
  inside: boolean
  defaultVersionId: string | null
}

/** A version as lists show it. */
export function versionSummary(version: Version, builds: Build[], options: JsonOptions) {
  return {
    number: version.number,
    status: version.state,
    reason: version.stateReason,
    default: version.id === options.defaultVersionId,
    commit: version.commit,
    ref: version.ref,
    subject: version.commitSubject,
    author: version.authorName,
    trigger: version.trigger,
    requestedBy: options.inside ? version.requestedBy : null,
    yanked: version.yankedAt
      ? { at: version.yankedAt.toISOString(), by: version.yankedBy, reason: version.yankReason }
      : null,
    createdAt: version.createdAt.toISOString(),
    finishedAt: version.finishedAt?.toISOString() ?? null,
    builds: builds.map((build) => buildSummary(build, options)),
  }
}

/** A version with everything that is known of it. */
export async function versionJson(version: Version, options: JsonOptions & { rebuildOf: number | null }) {
  const { db } = context()
  const builds = await currentBuilds(db, version.id)
  const withSteps = await Promise.all(
    builds.map(async (build) => ({
      ...buildSummary(build, options),
      ...(options.inside
        ? {
            layers: build.layers,
            dockerfile: build.dockerfile,
            steps: (await listSteps(db, build.id))
              .filter((step) => step.epoch === build.epoch)
              .map((step) => ({
                name: step.name,
                command: step.command,
                status: step.state,
                startedAt: step.startedAt.toISOString(),
                durationMs: step.durationMs,
                exitCode: step.exitCode,
                outOfMemory: step.outOfMemory,
                reused: step.reused,
              })),
          }
        : {}),
    })),
  )
  const substitutions = new Map(
    builds.flatMap((build) => build.substitutions).map((s) => [JSON.stringify(s), s] as const),
  )
  return {
    ...versionSummary(version, builds, options),
    rebuildOf: options.rebuildOf,
    manifest: version.manifest ?? null,
    warnings: options.inside ? version.warnings : [],
    substitutions: [...substitutions.values()],
    licence: version.licence ? { spdx: version.licence.spdx, file: version.licence.file } : null,
    builds: withSteps,
  }
}

export function buildSummary(build: Build, { inside }: JsonOptions) {
  return {
    target: build.target,
    attempt: build.attempt,
    status: build.state,
    step: build.currentStep ?? build.failure?.step ?? null,
    image: imageReference(build, context().config.imageRegistry),
    repository: build.imageRepository,
    tag: build.imageTag,
    digest: build.imageDigest,
    pushed: build.imagePushed,
    size: build.sizeBytes,
    durationMs: build.startedAt ? (build.finishedAt ?? new Date()).getTime() - build.startedAt.getTime() : null,
    createdAt: build.createdAt.toISOString(),
    startedAt: build.startedAt?.toISOString() ?? null,
    finishedAt: build.finishedAt?.toISOString() ?? null,
    base: build.base,
    substitutions: build.substitutions,
    lines: inside ? build.lineCount : null,
    failure: inside ? build.failure : null,
  }
}

/** A version as this person may see it. */
export async function answerVersion(actor: RequestActor, model: Model, version: Version) {
  const inside = (await can(actor, 'see-versions', model)) === 'allow'
  const original = version.rebuildOf ? await versionNumbers(context().db, [version.rebuildOf]) : null
  return versionJson(version, {
    inside,
    defaultVersionId: model.defaultVersionId,
    rebuildOf: (version.rebuildOf && original?.get(version.rebuildOf)) || null,
  })
}

/** A page of a model's versions: all for people who may see them, the ready ones for others. */
export async function pageOfVersions(actor: RequestActor, model: Model, cursor: string | undefined, limit = 30) {
  const inside = (await can(actor, 'see-versions', model)) === 'allow'
  const before = /^[1-9]\d{0,8}$/.test(cursor ?? '') ? Number(cursor) : null
  const rows = await listVersions(context().db, model.id, { before, limit: limit + 1, readyOnly: !inside })
  const page = rows.slice(0, limit)
  const options = { inside, defaultVersionId: model.defaultVersionId }
  return {
    items: page.map(({ version, builds }) => versionSummary(version, builds, options)),
    nextCursor: rows.length > limit ? String(page[page.length - 1]!.version.number) : null,
  }
}
