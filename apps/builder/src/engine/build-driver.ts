import type { SubstitutionPolicy, Target } from '@modelport/schema/words'
import type { ImagePlan } from '../build/plan.ts'
import type { UnheldLimit } from './held-limits.ts'

/** What a build may use. A limit that a driver cannot hold makes it refuse to start, never ignore it. */
export interface BuildLimits {
  memoryBytes: number
  cpus: number
  pids: number
  /** Seconds for all steps of one target together. */
  seconds: number
  /** Bytes of output that one build may print before it is killed. */
  logBytes: number
  /** Bytes that one step may add to the container's file system. */
  diskBytes: number
}

/** `public`: any public address on ports 80 and 443. `packages`: an allow-list of package hosts. */
export type EgressPolicy = 'public' | 'packages'

/** How a driver tells of its progress; the caller stores it. A returned promise holds the step back (back-pressure). */
export interface BuildReporter {
  /** `step` is `build:1` ... `build:N`. */
  stepStarted(step: string, command: string): Promise<void>
  stepEnded(
    step: string,
    end: { exitCode: number; outOfMemory: boolean; cached: boolean; durationMs: number },
  ): Promise<void>
  /** One line of output without its newline, at most 16 KiB, control characters stripped but for SGR colours. */
  line(step: string, stream: 'stdout' | 'stderr' | 'note', text: string): Promise<void> | void
}

export interface BuildImageRequest {
  /** The build's id and fencing epoch; every container, image and network is labelled with both. */
  buildId: string
  epoch: number
  target: Target
  /** Publisher id: layers are cached per scope and never shared between scopes. */
  cacheScope: string
  /** Something that changes when old layers must not be used, for example the substitution policy. */
  cacheSalt: string
  /** What the front of pip in a step may do about a requirement that cannot be had. */
  substitutionPolicy: SubstitutionPolicy
  /** False: make every layer again (but store it for the next build). */
  useCache: boolean
  /** Image id (`sha256:...`) of the base. */
  baseImage: string
  plan: ImagePlan
  /** The extracted commit on this machine's disk. */
  sourceDir: string
  limits: BuildLimits
  egress: EgressPolicy
  /** Labels of the finished image. */
  labels: Record<string, string>
  signal: AbortSignal
}

export interface BuiltImage {
  /** Image id in the engine, `sha256:...`. */
  imageId: string
  /** Bytes of the image on the engine's disk. */
  sizeBytes: number
  layers: { kind: 'copy' | 'step'; step: string | null; reused: boolean }[]
}

/** Makes images from plans. Throws `PublisherError`, `TimedOut`, `Cancelled` or `PlatformError`. */
export interface BuildDriver {
  readonly name: 'container' | 'classic' | 'buildkit'
  buildImage(request: BuildImageRequest, reporter: BuildReporter): Promise<BuiltImage>
  /** Limits that builds run without on this engine; builds are refused unless the operator accepted that. */
  unheldLimits(): Promise<UnheldLimit[]>
}
