import { createHash } from 'node:crypto'
import type { PlanLayer } from '../build/plan.ts'

const weekMs = 7 * 24 * 3600 * 1000
/** Raised when this code makes other layers of the same plan. */
const version = 1

/** What, beside the layers themselves, decides whether an old layer may be used. */
export interface LayerScope {
  installation: string
  cacheScope: string
  cacheSalt: string
  baseImage: string
  target: string
  egress: string
  /** Milliseconds since 1970. */
  now: number
}

/**
 * The key below all layers, 64 hexadecimal digits. The week is in it because any step may read the network, where what it
 * gets grows old.
 */
export function scopeKey(scope: LayerScope): string {
  const { now, ...rest } = scope
  return hash(['start', version, Math.floor(now / weekMs), Object.entries(rest).sort()])
}

/** The cache key of each layer, 64 hexadecimal digits. Each key holds all keys before it. */
export function layerKeys(scope: LayerScope, layers: PlanLayer[], copiedHash: (layer: PlanLayer) => string): string[] {
  let key = scopeKey(scope)
  return layers.map((layer) => {
    const content = layer.kind === 'step' ? ['run', layer.text] : ['copy', copiedHash(layer)]
    key = hash([key, ...content])
    return key
  })
}

function hash(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
