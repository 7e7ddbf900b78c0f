import { readFileSync } from 'node:fs'
import { Catalogue } from '../catalogue.ts'

/** A catalogue by name (`debian`, `upstream`) or by the path of a JSON file of an operator's own. Throws a sentence. */
export async function readCatalogue(name: string): Promise<Catalogue> {
  if (name === 'upstream') return (await import('./upstream.ts')).upstreamCatalogue
  if (name === 'debian') return (await import('./debian.ts')).debianCatalogue
  const read = Catalogue.safeParse(JSON.parse(readFileSync(name, 'utf8')))
  if (read.success) return read.data
  const issue = read.error.issues[0]!
  throw new Error(`${name} is not a catalogue: ${issue.path.join('.')}: ${issue.message}.`)
}
