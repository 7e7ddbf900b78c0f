import type { Catalogue, CatalogueEntry } from '@modelport/schema/catalogue'
import { type Manifest, readManifest } from '@modelport/schema/manifest'
import type { ModelConfig } from '@modelport/schema/model-config'
import type { Problem } from '@modelport/schema/model-config/problem'
import { resolveBase } from '@modelport/schema/resolve-base'
import type { Substitution, SubstitutionPolicy, Target } from '@modelport/schema/words'
import type { BaseImage } from '../bases/make-base.ts'
import type { BuildDriver, BuildLimits, EgressPolicy } from '../engine/build-driver.ts'
import type { Inspection } from '../engine/inspect-image.ts'
import { BuildError, PlatformError, PublisherError, TimedOut } from './build-error.ts'
import type { BuildLog } from './build-log.ts'
import { renderDockerfile } from './dockerfile.ts'
import { explainPip } from './explain-pip.ts'
import { packageSubstitutions } from './package-substitutions.ts'
import type { ImagePlan } from './plan.ts'
import type { Source } from './source.ts'
import { planImage } from './steps/plan-image.ts'
import { readSnapshot, type SnapshotFile } from './steps/read-snapshot.ts'
import { type Licence, projectOf, readCitation, readConfigFile, readLicence, readReadme } from './steps/read-source.ts'

/** One build, as plain values. */
export interface BuildRequest {
  buildId: string
  epoch: number
  versionId: string
  versionNumber: number
  modelId: string
  modelPath: string
  publisherId: string
  target: Target
  commit: string
  useCache: boolean
  substitutionPolicy: SubstitutionPolicy
}

/** The steps that a build runs through the context; those of the driver come between, `publish` after them. */
export type StageName = 'fetch' | 'config' | 'base' | 'inspect' | 'push'

/** The outside of a build: each thing with the smallest interface that its step needs. */
export interface BuildContext {
  log: BuildLog
  /** Runs a named step: its start, end and failure are recorded. */
  step<T>(name: StageName, work: () => Promise<T>): Promise<T>
  /** Steps of the driver, which knows their times itself. */
  stepStarted(name: string, command: string): Promise<void>
  stepEnded(
    name: string,
    end: { exitCode: number; outOfMemory: boolean; cached: boolean; durationMs: number },
  ): Promise<void>
  fetchSource(commit: string): Promise<Source>
  parseConfig(
    bytes: Uint8Array,
    policy: SubstitutionPolicy,
  ): Promise<{ config: ModelConfig | null; problems: Problem[] }>
  catalogue: Catalogue
  ensureBase(entry: CatalogueEntry, onProgress: (line: string) => void): Promise<BaseImage>
  driver: BuildDriver
  limits: BuildLimits
  egress: EgressPolicy
  /** What the front of pip noted in an image, as it stands there; empty when it noted nothing. */
  readSubstitutionRecord(imageId: string): Promise<string>
  inspectImage(imageId: string): Promise<Inspection>
  pushImage(imageId: string): Promise<PushedImage>
  recordSource(found: {
    config: ModelConfig
    warnings: Problem[]
    readme: string | null
    licence: Licence | null
    citation: string | null
    files: SnapshotFile[]
  }): Promise<void>
  recordBase(found: {
    entry: CatalogueEntry
    imageId: string
    substitutions: Substitution[]
    dockerfile: string
  }): Promise<void>
  signal: AbortSignal
}

export interface PushedImage {
  repository: string
  tag: string | null
  digest: string
  /** Bytes that a pull transfers; null where the image was not pushed. */
  compressedBytes: number | null
  pushed: boolean
}

/** What a finished build leaves, or that the config switches its target off. */
export type BuildOutcome =
  | { kind: 'target-off' }
  | {
      kind: 'built'
      image: PushedImage
      sizeBytes: number
      manifest: Manifest
      /** Everything that took another's place: the base's and the packages'. */
      substitutions: Substitution[]
      layers: { kind: string; step: string | null; reused: boolean }[]
    }

/** From a commit to an image: the steps in order, plain values between them. Throws `BuildError`s. */
export async function runBuild(ctx: BuildContext, build: BuildRequest): Promise<BuildOutcome> {
  const source = await ctx.step('fetch', async () => {
    const fetched = await ctx.fetchSource(build.commit)
    await describeSource(ctx, fetched)
    return fetched
  })

  const read = await ctx.step('config', async () => {
    const { config, warnings } = await readModelConfig(ctx, build, source)
    if (!config.targets.includes(build.target)) return null
    const planned = planImage(config, build.target, projectOf(source))
    const plan = requirePlan(planned, source)
    await describePlan(ctx, plan, [...warnings, ...planned.problems])
    await ctx.recordSource({
      config,
      warnings: [...warnings, ...planned.problems],
      readme: readReadme(source),
      licence: readLicence(source),
      citation: readCitation(source),
      files: readSnapshot(source),
    })
    return { config, plan }
  })
  if (!read) return { kind: 'target-off' }
  const { config, plan } = read

  const base = await ctx.step('base', async () => {
    const resolved = resolveBase(config, build.target, ctx.catalogue, build.substitutionPolicy)
    if ('problem' in resolved)
      throw new PublisherError(resolved.problem.code, resolved.problem.sentence, {
        step: 'base',
        file: 'runway.yml',
        line: resolved.problem.line,
      })
    const { entry, substitutions } = resolved
    await ctx.log.note(
      'base',
      `Base image: Python ${entry.python}${entry.cuda ? `, CUDA ${entry.cuda}` : ''} (${entry.id}).`,
    )
    for (const s of substitutions)
      await ctx.log.note('base', `Substitution: ${s.kind} ${s.wanted} → ${s.got}. ${s.why}`)
    const image = await ctx.ensureBase(entry, (line) => void ctx.log.line('base', 'stdout', line))
    await ctx.recordBase({
      entry,
      imageId: image.imageId,
      substitutions,
      dockerfile: renderDockerfile(plan, `modelport-base:${entry.id}`),
    })
    return { ...image, python: entry.python, substitutions }
  })

  const tails = new StepTails()
  const built = await ctx.driver
    .buildImage(
      {
        buildId: build.buildId,
        epoch: build.epoch,
        target: build.target,
        cacheScope: build.publisherId,
        cacheSalt: build.substitutionPolicy,
        substitutionPolicy: build.substitutionPolicy,
        useCache: build.useCache,
        baseImage: base.imageId,
        plan,
        sourceDir: source.dir,
        limits: ctx.limits,
        egress: ctx.egress,
        labels: imageLabels(build),
        signal: ctx.signal,
      },
      {
        stepStarted: ctx.stepStarted,
        stepEnded: ctx.stepEnded,
        line: (step, stream, text) => {
          tails.add(step, text)
          return ctx.log.line(step, stream, text)
        },
      },
    )
    .catch((error: unknown) => {
      throw atItsLine(error, config, build, (step) =>
        explainPip(tails.of(step), { python: base.python, policy: build.substitutionPolicy }),
      )
    })

  const { manifest, packages } = await ctx.step('inspect', async () => ({
    packages: build.substitutionPolicy === 'nearest' ? await readPackages(ctx, built.imageId, config, plan) : [],
    manifest: await manifestOf(ctx, await ctx.inspectImage(built.imageId)),
  }))

  const image = await ctx.step('push', async () => {
    const reused = built.layers.filter((layer) => layer.reused).length
    await ctx.log.note(
      'push',
      `${reused} of ${built.layers.length} layers were reused; the image holds ${megabytes(built.sizeBytes)}.`,
    )
    const pushed = await ctx.pushImage(built.imageId)
    await ctx.log.note(
      'push',
      pushed.pushed
        ? `Pushed as ${pushed.repository}@${pushed.digest}.`
        : 'There is no image registry: the image stays in this machine’s engine.',
    )
    return pushed
  })

  return {
    kind: 'built',
    image,
    sizeBytes: built.sizeBytes,
    manifest,
    substitutions: [...base.substitutions, ...packages],
    layers: built.layers,
  }
}

/** Keeps the last lines of the step that prints now, to explain its failure from. */
class StepTails {
  private step = ''
  private lines: string[] = []

  add(step: string, text: string): void {
    if (step !== this.step) this.lines = []
    this.step = step
    if (this.lines.push(text) > 400) this.lines.splice(0, 200)
  }

  of(step: string): readonly string[] {
    return step === this.step ? this.lines : []
  }
}

/** What the front of pip substituted while the steps ran. */
async function readPackages(
  ctx: BuildContext,
  imageId: string,
  config: ModelConfig,
  plan: ImagePlan,
): Promise<Substitution[]> {
  const steps = config.buildSteps.filter((s) => s.condition === null || s.condition === plan.target)
  const found = packageSubstitutions(await ctx.readSubstitutionRecord(imageId), { files: plan.files, steps })
  for (const s of found)
    await ctx.log.note(
      'inspect',
      `Substitution: ${s.wanted} → ${s.got}${s.file ? ` (${s.file}:${s.line})` : ''}. ${s.why}.`,
    )
  return found
}

async function describeSource(ctx: BuildContext, source: Source): Promise<void> {
  await ctx.log.note(
    'fetch',
    `${source.files.length} files, ${megabytes(source.bytes)}, content ${source.sha256.slice(0, 12)}.`,
  )
  if (source.submodules.length > 0)
    await ctx.log.note(
      'fetch',
      `Submodules are not part of a commit’s archive; these folders are empty: ${source.submodules.join(', ')}. A build step can clone them.`,
    )
}

async function readModelConfig(
  ctx: BuildContext,
  build: BuildRequest,
  source: Source,
): Promise<{ config: ModelConfig; warnings: Problem[] }> {
  const bytes = readConfigFile(source)
  const { config, problems } = await ctx.parseConfig(bytes, build.substitutionPolicy)
  const errors = problems.filter((p) => p.severity === 'error')
  if (!config || errors.length > 0) throw configError(errors)
  return { config, warnings: problems }
}

/** All errors of a file as one: the first is the sentence, the others are listed with it. */
function configError(errors: Problem[]): PublisherError {
  const [first, ...others] = errors
  if (!first)
    return new PublisherError('model-config/unreadable', 'runway.yml cannot be read.', {
      step: 'config',
      file: 'runway.yml',
    })
  return new PublisherError(first.code, first.sentence, {
    step: 'config',
    file: 'runway.yml',
    line: first.line,
    also: others.map((p) => ({ sentence: p.sentence, file: 'runway.yml', line: p.line })),
  })
}

function requirePlan(planned: { plan: ImagePlan | null; problems: Problem[] }, source: Source): ImagePlan {
  const errors = planned.problems.filter((p) => p.severity === 'error')
  if (!planned.plan || errors.length > 0) throw configError(errors)
  const kept = new Set(planned.plan.files)
  const pointers = source.lfsPointers.filter((path) => kept.has(path))
  if (pointers.length > 0)
    throw new PublisherError(
      'source/lfs-pointer',
      `${pointers.slice(0, 3).join(', ')}${pointers.length > 3 ? ` and ${pointers.length - 3} more` : ''} ${
        pointers.length === 1 ? 'is a git-lfs pointer' : 'are git-lfs pointers'
      }, not the file itself: switch on “Include Git LFS objects in archives” in the repository’s settings, download it in a build step, or list it under files.ignore.`,
      { step: 'fetch', file: pointers[0]! },
    )
  return planned.plan
}

async function describePlan(ctx: BuildContext, plan: ImagePlan, warnings: Problem[]): Promise<void> {
  for (const w of warnings) await ctx.log.note('config', `${w.severity}: ${w.sentence}`)
  for (const { pattern, files } of plan.ignored)
    await ctx.log.note('config', `files.ignore “${pattern}” leaves out ${files} ${files === 1 ? 'file' : 'files'}.`)
  const hoisted = plan.layers.flatMap((l) => (l.kind === 'step' && l.hoisted ? [l.number] : []))
  if (hoisted.length > 0)
    await ctx.log.note(
      'config',
      `Step ${hoisted.join(', ')} needs no project files but those it names, and runs before the project is copied: a change of code alone reuses ${hoisted.length === 1 ? 'its layer' : 'their layers'}.`,
    )
}

/** A failure of a build step, with the line of `runway.yml` that holds it; the driver knows steps and no files. */
function atItsLine(
  error: unknown,
  config: ModelConfig,
  { target }: { target: Target },
  explain: (step: string) => string | null,
): unknown {
  const number = error instanceof BuildError && /^build:(\d+)$/.exec(error.place.step ?? '')?.[1]
  if (!number || error instanceof PlatformError) return error
  const step = config.buildSteps.filter((s) => s.condition === null || s.condition === target)[Number(number) - 1]
  if (!step) return error
  const place = { ...error.place, file: 'runway.yml', line: step.line }
  const sentence = `${error.sentence} The step is \`${step.text.slice(0, 200)}\`.`
  const why = error.code === 'build/step-failed' ? explain(`build:${number}`) : null
  if (why)
    return new PublisherError('build/package-unavailable', `${sentence} ${why}`.slice(0, 2000), place, { cause: error })
  if (error instanceof TimedOut) return new TimedOut(error.code, sentence, place, { cause: error })
  return error instanceof PublisherError ? new PublisherError(error.code, sentence, place, { cause: error }) : error
}

async function manifestOf(ctx: BuildContext, inspection: Inspection): Promise<Manifest> {
  for (const line of inspection.stderrTail.split('\n').filter(Boolean)) await ctx.log.line('inspect', 'stderr', line)
  const place = { step: 'inspect', exitCode: inspection.exitCode, outOfMemory: inspection.outOfMemory }
  const lastWords = inspection.stderrTail.trim().split('\n').at(-1)?.trim().slice(0, 300)
  if (inspection.outOfMemory)
    throw new PublisherError(
      'inspect/out-of-memory',
      'The model ran out of memory while it described its interface (RW_META=1).',
      place,
    )
  if (inspection.timedOut)
    throw new PublisherError(
      'inspect/timed-out',
      `The model did not end within ${inspection.limitSeconds} s under RW_META=1: it must print its interface and return, without loading weights or waiting.`,
      place,
    )
  if (inspection.stdoutTooLong)
    throw new PublisherError(
      'manifest/too-large',
      'The model printed more than 1 MB under RW_META=1; it must print its interface and little else.',
      place,
    )
  const read = readManifest(inspection.stdout)
  if ('manifest' in read) {
    const { options, commands } = read.manifest
    await ctx.log.note('inspect', `Interface: ${commands.map((c) => c.name).join(', ')}; ${options.length} options.`)
    return read.manifest
  }
  if (inspection.exitCode !== 0)
    throw new PublisherError(
      'inspect/crashed',
      `The model crashed under RW_META=1 (exit code ${inspection.exitCode})${lastWords ? `: ${lastWords}` : '.'}`,
      place,
    )
  throw new PublisherError(read.problem.code, read.problem.sentence, place)
}

/** OCI's own label names, and what identifies the build. Values are data; nothing is decided from them. */
function imageLabels(build: BuildRequest): Record<string, string> {
  return {
    'org.opencontainers.image.title': build.modelPath,
    'org.opencontainers.image.version': String(build.versionNumber),
    'org.opencontainers.image.revision': build.commit,
    'org.opencontainers.image.created': new Date().toISOString(),
    'org.modelport.model': build.modelId,
    'org.modelport.version': build.versionId,
    'org.modelport.target': build.target,
  }
}

const megabytes = (bytes: number) =>
  bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)} kB` : `${Math.round(bytes / 2 ** 20)} MB`
