import { type Engine, labels, listContainers, removing } from './engine.ts'
import { baseRepository, cacheRepository, stagingRepository } from './image-names.ts'

/** What the reaper must know to tell the dead from the living. */
export interface ReapOptions {
  /** Whether a build with this id and epoch may still be running somewhere. */
  isLive: (buildId: string, epoch: number) => Promise<boolean>
  /** Cached layers unused for longer than this go, then the longest unused until they weigh less than this. */
  cache: { maxAgeMs: number; maxBytes: number }
  /** Base images that no build asked for in this time go. One that a newer recipe or SDK took the place of is such a one. */
  bases: { maxAgeMs: number }
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

  for (const each of await listContainers(engine, { all: true, filters: { label: ours } })) {
    // Somebody runs a finished image on this engine: its labels are the image's, and its build is long done.
    if (each.Labels[labels.purpose] === 'image') continue
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
  reaped.images.push(...(await reapCache(engine, options.cache)), ...(await reapBases(engine, options.bases.maxAgeMs)))
  return reaped
}

/** Takes the name of bases that nobody asked for in this time; the engine keeps what other images stand on. */
export async function reapBases(engine: Engine, maxAgeMs: number): Promise<string[]> {
  const removed: string[] = []
  for (const { references, usedAt } of await imagesByUse(engine, baseRepository)) {
    if (Date.now() - usedAt <= maxAgeMs) continue
    for (const reference of references) {
      // Without force, so that one from which a container was made stays.
      if (await removing(engine.docker.getImage(reference).remove())) removed.push(reference)
    }
  }
  return removed
}

async function reapCache(engine: Engine, limits: ReapOptions['cache']): Promise<string[]> {
  const removed: string[] = []
  let kept = 0
  for (const layer of await imagesByUse(engine, cacheRepository)) {
    kept += layer.bytes
    if (Date.now() - layer.usedAt <= limits.maxAgeMs && kept <= limits.maxBytes) continue
    kept -= layer.bytes
    for (const reference of layer.references) {
      if (await removing(engine.docker.getImage(reference).remove())) removed.push(reference)
    }
  }
  return [...removed, ...(await reapNameless(engine, limits.maxAgeMs))]
}

/** Images of this installation in one repository, the last used first. */
async function imagesByUse(engine: Engine, repository: string) {
  const label = [`${labels.installation}=${engine.installation}`]
  const listed = await engine.docker.listImages({ filters: JSON.stringify({ reference: [repository], label }) })
  const images = []
  for (const each of listed) {
    const image = engine.docker.getImage(each.Id)
    const found = await image.inspect().catch(() => null)
    if (!found) continue
    const history = (await image.history().catch(() => [])) as { Size: number; Tags: string[] | null }[]
    // Down to the next image with a name: what lies below is counted there.
    const below = history.findIndex((layer, index) => index > 0 && (layer.Tags?.length ?? 0) > 0)
    const own = below === -1 ? history : history.slice(0, below)
    const used = new Date((found as { Metadata?: { LastTagTime?: string } }).Metadata?.LastTagTime ?? found.Created)
    images.push({
      references: (each.RepoTags ?? []).filter((name) => name.startsWith(`${repository}:`)),
      usedAt: used.getTime(),
      bytes: own.reduce((sum, layer) => sum + layer.Size, 0),
    })
  }
  return images.sort((a, b) => b.usedAt - a.usedAt)
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
