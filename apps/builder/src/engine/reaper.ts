import { type Engine, labels, removing } from './engine.ts'
import { cacheRepository, stagingRepository } from './image-names.ts'

/** What the reaper must know to tell the dead from the living. */
export interface ReapOptions {
  /** Whether a build with this id and epoch may still be running somewhere. */
  isLive: (buildId: string, epoch: number) => Promise<boolean>
  /** Cached layers unused for longer than this go, then the longest unused until they weigh less than this. */
  cache: { maxAgeMs: number; maxBytes: number }
}

/** What was taken away, by name. */
export interface Reaped {
  containers: string[]
  networks: string[]
  images: string[]
}

/**
 * Removes what dead builds of this installation left in the engine, and cached layers that are old or too many.
 * What carries another installation's label, or none, is never touched.
 */
export async function reap(engine: Engine, options: ReapOptions): Promise<Reaped> {
  const { docker } = engine
  const reaped: Reaped = { containers: [], networks: [], images: [] }
  const ours = [`${labels.installation}=${engine.installation}`]
  const known = new Map<string, Promise<boolean>>()
  const isDead = async (found: Record<string, string> | undefined) => {
    const build = found?.[labels.build]
    if (!build) return false
    const epoch = Number(found[labels.epoch])
    const key = `${build} ${epoch}`
    if (!known.has(key)) known.set(key, options.isLive(build, epoch))
    return !(await known.get(key))
  }

  for (const each of await docker.listContainers({ all: true, filters: { label: ours } })) {
    // A base belongs to no build; none takes an hour to make.
    const isOldBase = each.Labels[labels.purpose] === 'base' && each.Created < Date.now() / 1000 - 3600
    if (!isOldBase && !(await isDead(each.Labels))) continue
    if (await removing(docker.getContainer(each.Id).remove({ force: true, v: true }))) {
      reaped.containers.push(each.Names[0] ?? each.Id)
    }
  }
  for (const each of await docker.listNetworks({ filters: { label: ours } })) {
    if (!(await isDead(each.Labels))) continue
    const network = docker.getNetwork(each.Id)
    const found = await network.inspect().catch(() => null)
    for (const container of Object.keys(found?.Containers ?? {})) {
      await removing(network.disconnect({ Container: container, Force: true }))
    }
    if (await removing(network.remove())) reaped.networks.push(each.Name)
  }
  const staged = await docker.listImages({ filters: JSON.stringify({ reference: [stagingRepository], label: ours }) })
  for (const each of staged) {
    if (!(await isDead(each.Labels))) continue
    for (const reference of each.RepoTags ?? []) {
      // Only the staging name: a published image without an image registry is the same image under another name.
      if (!reference.startsWith(`${stagingRepository}:`)) continue
      if (await removing(docker.getImage(reference).remove())) reaped.images.push(reference)
    }
  }
  reaped.images.push(...(await reapCache(engine, options.cache)))
  return reaped
}

async function reapCache(engine: Engine, limits: ReapOptions['cache']): Promise<string[]> {
  const label = [`${labels.installation}=${engine.installation}`]
  const listed = await engine.docker.listImages({ filters: JSON.stringify({ reference: [cacheRepository], label }) })
  const layers = []
  for (const each of listed) {
    const image = engine.docker.getImage(each.Id)
    const found = await image.inspect().catch(() => null)
    const history = found ? await image.history().catch(() => []) : []
    if (!found) continue
    const used = new Date((found as { Metadata?: { LastTagTime?: string } }).Metadata?.LastTagTime ?? found.Created)
    const references = (each.RepoTags ?? []).filter((name) => name.startsWith(`${cacheRepository}:`))
    // Its own layer alone: what lies below is counted where it was made.
    layers.push({ references, usedAt: used.getTime(), bytes: (history as { Size: number }[])[0]?.Size ?? 0 })
  }
  layers.sort((a, b) => b.usedAt - a.usedAt)
  const removed: string[] = []
  let kept = 0
  for (const layer of layers) {
    kept += layer.bytes
    if (Date.now() - layer.usedAt <= limits.maxAgeMs && kept <= limits.maxBytes) continue
    kept -= layer.bytes
    for (const reference of layer.references) {
      if (await removing(engine.docker.getImage(reference).remove())) removed.push(reference)
    }
  }
  return [...removed, ...(await reapNameless(engine, limits.maxAgeMs))]
}

/** Removes layers that lost their name to a newer one of the same key, unless something stands on them. */
async function reapNameless(engine: Engine, maxAgeMs: number): Promise<string[]> {
  const label = [`${labels.installation}=${engine.installation}`]
  const nameless = await engine.docker.listImages({ filters: JSON.stringify({ dangling: ['true'], label }) })
  // A base or layer that is being made has no name for a moment.
  const grace = Math.min(maxAgeMs, 3600_000) / 1000
  const removed: string[] = []
  for (const each of nameless) {
    if (each.Created > Date.now() / 1000 - grace) continue
    if (await removing(engine.docker.getImage(each.Id).remove())) removed.push(each.Id)
  }
  return removed
}
