import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { CatalogueEntry } from '@modelport/schema/catalogue'
import { readCatalogue } from '@modelport/schema/catalogues/read-catalogue'
import Docker from 'dockerode'
import { engineSocket, probeEngine } from '../local/engine.ts'
import { findProgram } from '../local/programs.ts'

const usage = 'Usage: npm run --silent admin -- catalogue check [--catalogue debian|upstream|PATH] [--json]'

/** Whether this installation can make an entry's image, and the sentence that says why or how. */
export interface EntryVerdict {
  id: string
  state: CatalogueEntry['state']
  canBuild: boolean
  why: string
}

/** What of this machine decides it, asked once. */
export interface Means {
  engine: string | null
  mmdebstrap: boolean
  root: boolean
  /** References of the images that lie in the engine. */
  images: ReadonlySet<string>
  /** Asks the image's own registry for it; false when it is not there or not reached. */
  canPull(reference: string): Promise<boolean>
}

/** `admin -- catalogue check` says of each entry of a catalogue whether this installation can build it. Exits 0 when it can build any. */
export async function catalogue(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { catalogue: { type: 'string', default: 'debian' }, json: { type: 'boolean', default: false } },
  })
  if (positionals[0] !== 'check') {
    console.error(usage)
    return 2
  }
  const { entries } = await readCatalogue(values.catalogue)
  const means = await findMeans(process.env.DOCKER_HOST)
  const verdicts: EntryVerdict[] = []
  for (const entry of entries) verdicts.push(await judgeEntry(entry, means))
  if (values.json) console.log(JSON.stringify({ items: verdicts }))
  else for (const v of verdicts) console.log(`${v.canBuild ? 'yes' : 'no '}  ${v.state.padEnd(15)}  ${v.id}: ${v.why}`)
  return verdicts.some((v) => v.canBuild) ? 0 : 1
}

/** Judges one entry by what this machine has. */
export async function judgeEntry(entry: CatalogueEntry, means: Means): Promise<EntryVerdict> {
  const verdict = (canBuild: boolean, why: string) => ({ id: entry.id, state: entry.state, canBuild, why })
  if (entry.state === 'gone') return verdict(false, 'its image was deleted upstream')
  if (!means.engine) return verdict(false, 'no container engine answers')
  if (entry.source.kind === 'debian') {
    if (!means.mmdebstrap) return verdict(false, 'mmdebstrap is not installed (apt-get install mmdebstrap)')
    if (!means.root) return verdict(false, 'making a Debian base needs root')
    return verdict(true, `made from Debian ${entry.source.suite}`)
  }
  const { reference } = entry.source
  if (means.images.has(reference)) return verdict(true, `${reference} lies in the engine`)
  if (entry.state === 'operator-mirror')
    return verdict(false, `${reference} was deleted upstream; name a mirror in a catalogue of your own`)
  return (await means.canPull(reference))
    ? verdict(true, `${reference} can be pulled`)
    : verdict(false, `${reference} is not in the engine, and its registry does not give it`)
}

async function findMeans(dockerHost: string | undefined): Promise<Means> {
  const place = engineSocket(dockerHost)
  const version = 'socket' in place && existsSync(place.socket) ? (await probeEngine(place.socket)).version : null
  const docker = 'socket' in place && version ? new Docker({ socketPath: place.socket, timeout: 15_000 }) : null
  const images = docker ? await docker.listImages() : []
  // A registry that is not reached answers the same for all its images; asking it hundreds of times would take minutes.
  const unreached = new Set<string>()
  return {
    engine: version,
    mmdebstrap: findProgram('mmdebstrap') !== null,
    root: process.getuid?.() === 0,
    images: new Set(images.flatMap((image) => image.RepoTags ?? [])),
    async canPull(reference) {
      const registry = /^[^/]*[.:][^/]*(?=\/)/.exec(reference)?.[0] ?? ''
      if (!docker || unreached.has(registry)) return false
      try {
        await docker.getImage(reference).distribution()
        return true
      } catch (error) {
        const status = (error as { statusCode?: number }).statusCode
        if (status !== 404 && status !== 401 && status !== 403) unreached.add(registry)
        return false
      }
    },
  }
}
