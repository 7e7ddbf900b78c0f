import { createHash } from 'node:crypto'

/** The repository of cached layers (`modelport-cache:<key>`) and of finished images that nobody has named yet. */
export const cacheRepository = 'modelport-cache'
export const stagingRepository = 'modelport-staging'

/** The repository of base images and of the layers below them (`modelport-base:<hash of all that went into it>`). */
export const baseRepository = 'modelport-base'

/** The name that a finished image carries in the engine until its caller has pushed or named it. */
export function stagingReference(build: { buildId: string; epoch: number; target: string }): string {
  const id = createHash('sha256').update(build.buildId).digest('hex').slice(0, 24)
  return `${stagingRepository}:${id}-${build.epoch}-${build.target}`
}
