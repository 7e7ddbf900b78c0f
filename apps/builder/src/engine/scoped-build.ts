import type { Readable } from 'node:stream'
import { contextFolders, dockerfileLines } from '../build/dockerfile.ts'
import type { PlanLayer } from '../build/plan.ts'
import type { BuildImageRequest } from './build-driver.ts'
import type { DriverConfig } from './driver-config.ts'
import { type Engine, labels } from './engine.ts'
import { scopeKey } from './layer-keys.ts'
import { entriesOf, type TarEntry, tarOf } from './normalised-tar.ts'

/** A build as one of the engine's own builders is handed it. */
export interface ScopedBuild {
  /** Hash of all that may share layers: the publisher, the base, the policies, the week. */
  scope: string
  /** The archive of the context, with the Dockerfile in it. */
  context(): Readable
  /** The plan's layers by their number among all instructions (classic) and among those that make files (BuildKit). */
  byInstruction: Map<number, PlanLayer>
  byFileInstruction: Map<number, PlanLayer>
}

/** Puts the Dockerfile and the context of a plan together; `base` is what stands behind `FROM`. */
export async function scopedBuild(
  engine: Engine,
  request: BuildImageRequest,
  base: string,
  config: Pick<DriverConfig, 'now' | 'graceSeconds'>,
): Promise<ScopedBuild> {
  const { plan, sourceDir } = request
  const scope = scopeKey({
    installation: engine.installation,
    cacheScope: request.cacheScope,
    cacheSalt: request.cacheSalt,
    baseImage: request.baseImage,
    target: request.target,
    egress: request.egress,
    now: (config.now ?? Date.now)(),
  })
  const { before, layers, after } = dockerfileLines(plan, base, {
    scope,
    // No build's id: it would be in the key of every layer of the classic builder.
    labels: {
      [labels.installation]: engine.installation,
      [labels.scope]: scope,
      [labels.build]: '',
      [labels.epoch]: '',
      [labels.purpose]: 'cache',
    },
    substitutionPolicy: request.substitutionPolicy,
    stepSeconds: Math.ceil(request.limits.seconds) + (config.graceSeconds ?? 30),
  })
  const dockerfile = Buffer.from(`${[...before, ...layers, ...after].join('\n')}\n`)
  const hoisted = plan.layers.flatMap((layer) => (layer.kind === 'copy-files' ? layer.files : []))
  const entries: TarEntry[] = [
    { type: 'file', name: 'Dockerfile', executable: false, size: dockerfile.length, source: dockerfile },
    ...(await entriesOf(sourceDir, hoisted, [], contextFolders.hoisted)),
    ...(await entriesOf(sourceDir, plan.files, plan.emptyDirectories, contextFolders.project)),
  ]
  // The first line is a comment.
  const instructions = before.slice(1)
  const fileInstructions = instructions.filter((line) => /^(?:FROM|RUN|COPY|WORKDIR) /.test(line))
  const numbered = (from: number) => new Map(plan.layers.map((layer, index) => [from + index + 1, layer]))
  return {
    scope,
    context: () => tarOf(entries),
    byInstruction: numbered(instructions.length),
    byFileInstruction: numbered(fileInstructions.length),
  }
}
