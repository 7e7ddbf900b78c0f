import type { RequestActor } from '#src/auth/actor.ts'
import { compareVersions, parseRange } from '#src/features/compare/compare-versions.ts'
import { openVersion } from '#src/features/models/open-model.ts'

/** A comparison for programs, for people who may see both versions. */
export async function compareJson(actor: RequestActor, owner: string, slug: string, range: string) {
  const { a, b } = parseRange(range)
  const { model } = await openVersion(actor, owner, slug, a)
  await openVersion(actor, owner, slug, b)
  const found = await compareVersions(model, { a, b })
  return {
    older: found.older.number,
    newer: found.newer.number,
    interface: found.interface,
    sizes: found.sizes,
    substitutions: found.substitutions,
    license: { older: found.licence.older, newer: found.licence.newer, changed: found.licence.changed },
    files: found.source?.files.map(({ lines: _lines, ...file }) => file) ?? null,
    dependencies: found.source?.dependencies ?? null,
    config: found.config.length > 0,
    readme: found.readme.length > 0,
  }
}
