import { randomBytes, randomUUID } from 'node:crypto'
import type { Failure, Substitution, Target } from '@modelport/schema/words'
import { eq } from 'drizzle-orm'
import type { Db } from './client.ts'
import {
  appendLines,
  endStep,
  failBuild,
  type Lease,
  publishBuild,
  recordBase,
  startStep,
  takeBuild,
} from './queries/builds.ts'
import { acceptDelivery, closeDelivery, type Decision } from './queries/deliveries.ts'
import { changeModelState, type Model, type Publisher, syncModel, syncPublisher } from './queries/models.ts'
import { recordPermission, syncUser, type User } from './queries/people.ts'
import type { SnapshotFile } from './queries/source.ts'
import { createVersion, currentBuilds, recordSource, type Version } from './queries/versions.ts'
import { deliveries } from './tables/intake.ts'
import { models } from './tables/models.ts'

/** What a push brings. */
interface SourceOptions {
  subject?: string
  ref?: string
  readme?: string
  citation?: string
  licence?: Version['licence']
  /** Keys of `runway.yml` that are not part of the format. */
  metadata?: Record<string, unknown>
  /** The files of the commit. */
  files?: (Pick<SnapshotFile, 'path' | 'text'> & Partial<SnapshotFile>)[]
}

const mit = { spdx: 'MIT', file: 'LICENSE', text: 'MIT License\n\nCopyright (c) 2026 Alice Example\n' }

/** Speaking builders for tests and screenshots. They go the ways that receiver and worker go. */
export interface Seed {
  publisher(login?: string): Promise<Publisher>
  person(login: string): Promise<User>
  model(options?: {
    owner?: string
    name?: string
    summary?: string
    private?: boolean
    topics?: string[]
  }): Promise<{ model: Model; publisher: Publisher }>
  /** A push that has its version and two queued builds. */
  queuedVersion(model: Model, options?: SourceOptions): Promise<Version>
  publishedVersion(
    model: Model,
    options?: SourceOptions & { manifest?: unknown; lines?: number; substitutions?: Substitution[] },
  ): Promise<Version>
  /** Both targets fail in `step`. */
  failedBuild(model: Model, options: { step: string; failure?: Partial<Failure>; lines?: number }): Promise<Version>
  /** The CPU build runs and has printed `lines` lines; the lease lets a test print more. */
  runningBuild(model: Model, options?: { lines?: number }): Promise<{ version: Version; lease: Lease }>
  delivery(model: Model, outcome: Decision & { event?: string; commit?: string }): Promise<string>
  permission(user: User, model: Model, permission: 'none' | 'read' | 'write' | 'admin'): Promise<void>
}

export const sampleManifest = {
  options: [
    { name: 'style', type: 'category', description: 'Which weights to load', oneOf: ['day', 'night'], default: 'day' },
  ],
  commands: [
    {
      name: 'generate',
      description: 'Makes an image from a point of the latent space.',
      inputs: [
        {
          name: 'z',
          type: 'vector',
          description: 'Latent point',
          length: 128,
          samplingMean: 0,
          samplingStd: 1,
          default: null,
        },
        { name: 'truncation', type: 'number', description: null, default: 0.8, min: 0, max: 1, step: 0.05 },
      ],
      outputs: [
        {
          name: 'image',
          type: 'image',
          description: null,
          channels: 3,
          width: 512,
          height: 512,
          defaultOutputFormat: 'JPEG',
        },
      ],
    },
  ],
}

let counter = 0
const nextId = () => Math.floor(Math.random() * 1_000_000_000) * 1000 + (counter++ % 1000)

export function makeSeed(db: Db): Seed {
  async function publisher(login = 'alice') {
    const [known] = await db.query.publishers.findMany({ where: (t) => eq(t.slug, login.toLowerCase()) })
    return known ?? syncPublisher(db, { id: nextId(), login, type: 'User' })
  }

  async function take(version: Version, target: Target): Promise<Lease> {
    const build = (await currentBuilds(db, version.id)).find((b) => b.target === target)!
    const taken = await takeBuild(db, build.id, 'seed')
    return { buildId: build.id, epoch: taken!.epoch }
  }

  async function print(lease: Lease, step: string, texts: string[], stream: 'stdout' | 'stderr' | 'note' = 'stdout') {
    for (let i = 0; i < texts.length; i += 1000)
      await appendLines(
        db,
        lease,
        texts.slice(i, i + 1000).map((text) => ({ step, stream, text, printedAt: new Date() })),
      )
  }

  async function runStep(
    lease: Lease,
    name: string,
    texts: string[],
    durationMs: number,
    command: string | null = null,
  ) {
    await startStep(db, lease, name, command)
    await print(lease, name, texts)
    await endStep(db, lease, name, { state: 'done', durationMs, exitCode: command ? 0 : null, reused: name === 'base' })
  }

  async function begin(version: Version, target: Target, lines: number): Promise<Lease> {
    const lease = await take(version, target)
    await runStep(lease, 'fetch', [`Fetching ${version.commit}`, 'Received 38 files, 412 kB'], 640)
    await runStep(lease, 'config', ['Read runway.yml: 2 build steps, python 3.6'], 12)
    await recordBase(db, lease, {
      base: {
        entry: target === 'gpu' ? 'debian-bookworm-3.11-cuda11.8' : 'debian-bookworm-3.11',
        imageId: `sha256:${'b'.repeat(64)}`,
        python: '3.11',
        cuda: target === 'gpu' ? '11.8' : null,
      },
      substitutions: [],
      dockerfile:
        'FROM debian:bookworm\nCOPY . /model\nRUN pip install -r requirements.txt\nCMD ["python", "runway_model.py"]\n',
    })
    await runStep(lease, 'base', ['Using debian-bookworm-3.11'], 2100)
    const noise = Array.from({ length: lines }, (_, i) =>
      i % 7 === 0
        ? `\u001b[32mCollecting\u001b[0m package-${i} \u001b[1m(from -r requirements.txt)\u001b[0m`
        : `  Downloading package-${i}-1.0.${i}-py3-none-any.whl (${i} kB)`,
    )
    await runStep(lease, 'build:1', noise, 65_000, 'pip install -r requirements.txt')
    return lease
  }

  async function queuedVersion(
    model: Model,
    {
      subject = 'Sharpen the edges',
      ref = 'refs/heads/main',
      readme = '# Hello\n',
      citation,
      licence = mit,
      metadata = {},
      files = [{ path: 'README.md', text: readme }],
    }: SourceOptions = {},
  ) {
    const { version } = await createVersion(db, {
      modelId: model.id,
      commit: randomBytes(20).toString('hex'),
      ref,
      commitSubject: subject,
      authorName: 'Alice Example',
      requestedBy: 'alice',
      trigger: 'push',
    })
    await recordSource(db, version.id, {
      config: { python: { text: '3.6', canonical: '3.6' }, metadata },
      warnings: [],
      readme,
      licence,
      citation: citation ?? null,
      files: files.map((file) => ({ bytes: Buffer.byteLength(file.text ?? ''), kind: 'text', ...file })),
    })
    return version
  }

  return {
    publisher,
    person: (login) => syncUser(db, { id: nextId(), login, name: login }),
    async model({
      owner = 'alice',
      name = `model-${randomBytes(3).toString('hex')}`,
      summary,
      private: hidden = false,
      topics = [],
    } = {}) {
      const by = await publisher(owner)
      const { model } = await syncModel(db, {
        repository: { id: nextId(), name, private: hidden, default_branch: 'main', description: summary, topics },
        publisher: by,
        installationId: null,
      })
      await changeModelState(db, model.id, 'active', null)
      return { model: { ...model, state: 'active' }, publisher: by }
    },
    queuedVersion,
    async publishedVersion(model, { manifest = sampleManifest, lines = 20, substitutions = [], ...source } = {}) {
      const version = await queuedVersion(model, source)
      for (const target of ['cpu', 'gpu'] as const) {
        const lease = await begin(version, target, lines)
        await runStep(lease, 'inspect', ['The model describes 1 command and 1 option'], 1800)
        await runStep(lease, 'push', ['Pushed'], 4200)
        await startStep(db, lease, 'publish')
        await publishBuild(db, lease, {
          imageRepository: `models/${model.id}`,
          imageTag: `v${version.number}-${target}`,
          imageDigest: `sha256:${randomBytes(32).toString('hex')}`,
          imagePushed: true,
          sizeBytes: target === 'gpu' ? 3_812_000_000 : 1_204_000_000,
          manifest,
          substitutions,
          layers: [
            { kind: 'base', step: null, reused: true },
            { kind: 'step', step: 'build:1', reused: false },
            { kind: 'source', step: null, reused: false },
          ],
        })
      }
      return (await db.query.versions.findFirst({ where: (t) => eq(t.id, version.id) }))!
    },
    async failedBuild(model, { step, failure, lines = 20 }) {
      const version = await queuedVersion(model, { subject: 'Ask for an older torch' })
      for (const target of ['cpu', 'gpu'] as const) {
        const lease = await begin(version, target, lines)
        await startStep(db, lease, step, step.startsWith('build:') ? 'pip install torch==1.0.0' : null)
        await print(lease, step, ['Collecting torch==1.0.0'])
        await print(
          lease,
          step,
          ['\u001b[31mERROR: No matching distribution found for torch==1.0.0\u001b[0m'],
          'stderr',
        )
        await endStep(db, lease, step, { state: 'failed', durationMs: 3100, exitCode: 1 })
        await failBuild(db, lease, 'failed', {
          code: 'build/step-failed',
          fault: 'publisher',
          sentence: '`pip install torch==1.0.0` ended with exit code 1: no torch 1.0.0 exists for Python 3.11.',
          step,
          file: 'runway.yml',
          line: 6,
          exitCode: 1,
          outOfMemory: false,
          also: [],
          ...failure,
        })
      }
      return (await db.query.versions.findFirst({ where: (t) => eq(t.id, version.id) }))!
    },
    async runningBuild(model, { lines = 20 } = {}) {
      const version = await queuedVersion(model, { subject: 'Train for longer' })
      const lease = await begin(version, 'cpu', lines)
      await startStep(db, lease, 'build:2', 'python setup.py build_ext --inplace')
      await print(lease, 'build:2', ['running build_ext'])
      return { version: (await db.query.versions.findFirst({ where: (t) => eq(t.id, version.id) }))!, lease }
    },
    async delivery(model, { event = 'push', commit = randomBytes(20).toString('hex'), ...outcome }) {
      const guid = randomUUID()
      await acceptDelivery(db, {
        guid,
        bodySha256: randomBytes(32).toString('hex'),
        event,
        action: null,
        repositoryId: model.githubRepositoryId,
        repositoryName: model.name,
        installationId: null,
        payload: { ref: 'refs/heads/main', after: commit },
      })
      const [row] = await db.select().from(deliveries).where(eq(deliveries.guid, guid))
      await closeDelivery(db, row!.id, { modelId: model.id, ...outcome })
      return row!.id
    },
    async permission(user, model, permission) {
      await recordPermission(db, user.id, model.id, permission)
    },
  }
}

/** Lets a test say "this model as it is now". */
export async function reloadModel(db: Db, id: string): Promise<Model> {
  const [row] = await db.select().from(models).where(eq(models.id, id))
  return row!
}
