import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { Db } from './client.ts'
import { indexMissingModels } from './queries/search-index.ts'
import { models, publishers } from './tables/models.ts'
import { builds, versions } from './tables/versions.ts'

const types = ['text', 'number', 'boolean', 'category', 'image', 'segmentation', 'vector', 'array', 'file', 'any']
const licences = ['MIT', 'Apache-2.0', 'GPL-3.0', 'BSD-3-Clause', 'CC-BY-4.0', 'CC-BY-NC-4.0', 'CC0-1.0', null]
const frameworks = ['pytorch', 'tensorflow', null]
const syllables = 'ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu bra cle dri flo gru sta tre spi'.split(
  ' ',
)
const start = Date.UTC(2024, 0, 1)
const batch = 500

export interface GeneratedModel {
  id: string
  owner: string
  name: string
  summary: string
  readme: string
  topics: string[]
  input: string
  output: string
  spdx: string | null
  framework: string | null
  targets: string[]
  bytes: number
  createdAt: Date
  updatedAt: Date
  hidden: 'private' | 'unlisted' | 'deleted' | 'unready' | null
}

/** The same models for the same seed: few words, licences and owners are common and many are rare, one in 25 is not public. */
export function* generateModels(count: number, seed = 1): Generator<GeneratedModel> {
  const random = randomFrom(seed)
  const below = (n: number) => Math.floor(random() * n)
  /** Zipf's law in one line: half of all draws fall on the first few. */
  const common = (n: number) => Math.min(n - 1, Math.floor(n ** random()) - 1)
  const wordOf = (n: number) => {
    let word = ''
    for (let rest = n + 28; rest > 0; rest = Math.floor(rest / 28)) word += syllables[rest % 28]
    return word
  }
  const words = (n: number, vocabulary: number) => Array.from({ length: n }, () => wordOf(common(vocabulary)))
  for (let i = 0; i < count; i++) {
    const kind = below(100)
    yield {
      id: randomUUID(),
      owner: `${wordOf(common(Math.max(3, count / 12)))}-lab`,
      name: `${wordOf(common(2000))}-${wordOf(common(2000))}-${i}`,
      summary: words(8, 5000).join(' '),
      readme: `# ${words(3, 500).join(' ')}\n\n${words(40 + below(160), 50_000).join(' ')}\n`,
      topics: [...new Set(words(1 + below(5), 600))],
      input: types[common(types.length)]!,
      output: types[common(types.length)]!,
      spdx: licences[common(licences.length)]!,
      framework: frameworks[below(3)]!,
      targets: [['cpu'], ['gpu'], ['cpu', 'gpu']][below(3)]!,
      bytes: 50_000_000 + below(12_000_000_000),
      // Several models share a second, so that only the id keeps pages apart.
      createdAt: new Date(start + below(count) * 1000),
      updatedAt: new Date(start + 40_000_000_000 + below(Math.max(1, count / 4)) * 1000),
      hidden: kind < 4 ? (['private', 'unlisted', 'deleted', 'unready'] as const)[kind]! : null,
    }
  }
}

/** Writes models with a ready version each, and their rows of the directory. For tests and measurements. */
export async function insertModels(db: Db, generated: Iterable<GeneratedModel>, firstGithubId = 1): Promise<void> {
  const owners = new Map<string, string>()
  let githubId = firstGithubId
  let waiting: GeneratedModel[] = []
  const flush = async () => {
    if (waiting.length > 0) await insertBatch(db, waiting, owners, () => githubId++)
    waiting = []
  }
  for (const model of generated) {
    waiting.push(model)
    if (waiting.length === batch) await flush()
  }
  await flush()
  await indexMissingModels(db)
  await db.execute(sql`analyze`)
}

async function insertBatch(
  db: Db,
  batch: readonly GeneratedModel[],
  owners: Map<string, string>,
  nextId: () => number,
): Promise<void> {
  const fresh = [...new Set(batch.map(({ owner }) => owner))].filter((owner) => !owners.has(owner))
  if (fresh.length > 0) {
    const made = await db
      .insert(publishers)
      .values(fresh.map((slug) => ({ githubId: nextId(), login: slug, slug, kind: 'user' as const })))
      .returning({ id: publishers.id, slug: publishers.slug })
    for (const { id, slug } of made) owners.set(slug, id)
  }
  const rows = batch.map((model) => ({ model, versionId: randomUUID() }))
  await db.transaction(async (tx) => {
    await tx.insert(models).values(
      rows.map(({ model }) => ({
        id: model.id,
        githubRepositoryId: nextId(),
        publisherId: owners.get(model.owner)!,
        name: model.name,
        slug: model.name,
        state: 'active' as const,
        branch: 'main',
        repositoryPrivate: model.hidden === 'private',
        visibility: model.hidden === 'unlisted' ? ('unlisted' as const) : ('public' as const),
        deletedAt: model.hidden === 'deleted' ? model.updatedAt : null,
        summary: model.summary,
        readme: model.readme,
        licence: model.spdx ? { spdx: model.spdx, file: 'LICENSE', text: '' } : null,
        topics: model.topics,
        createdAt: model.createdAt,
        updatedAt: model.updatedAt,
      })),
    )
    await tx.insert(versions).values(
      rows.map(({ model, versionId }) => ({
        id: versionId,
        modelId: model.id,
        number: 1,
        commit: versionId.replaceAll('-', '').padEnd(40, '0'),
        trigger: 'push' as const,
        state: 'ready' as const,
        config: { framework: model.framework },
        manifest: {
          options: [],
          commands: [
            {
              name: 'run',
              description: null,
              inputs: [{ name: 'in', type: model.input }],
              outputs: [{ name: 'out', type: model.output }],
            },
          ],
        },
        readme: model.readme,
        licence: model.spdx ? { spdx: model.spdx, file: 'LICENSE', text: '' } : null,
        finishedAt: model.updatedAt,
      })),
    )
    await tx.insert(builds).values(
      rows.flatMap(({ model, versionId }) =>
        model.targets.map((target, i) => ({
          versionId,
          target: target as 'cpu' | 'gpu',
          state: 'ready' as const,
          sizeBytes: model.bytes + i * 1_000_000_000,
        })),
      ),
    )
    const ready = rows.filter(({ model }) => model.hidden !== 'unready')
    await tx.execute(sql`update models m set default_version_id = v.id from versions v
      where v.model_id = m.id and m.id = any(${sql.param(ready.map(({ model }) => model.id))}::uuid[])`)
  })
}

/** Mulberry32: small, and the same on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
