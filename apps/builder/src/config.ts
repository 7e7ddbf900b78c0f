import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SubstitutionPolicy } from '@modelport/schema/words'
import { readStorageConfig, type StorageConfig, type StorageSecrets } from '@modelport/storage/config'
import { z } from 'zod'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const url = z.url({ protocol: /^https?$/ }).transform((u) => u.replace(/\/$/, ''))
const port = z.coerce.number().int().min(0).max(65535)
/** An empty variable means the same as none. */
const optional = <T extends z.ZodType>(type: T) => z.preprocess((v) => (v === '' ? undefined : v), type.optional())

const Shared = {
  DATABASE_URL: z.string().min(1),
  GITHUB_WEB_URL: url,
  GITHUB_API_URL: url,
  GITHUB_APP_ID: z.coerce.number().int().positive(),
  // Files and compose variables often carry the key on one line.
  GITHUB_PRIVATE_KEY: z
    .string()
    .includes('PRIVATE KEY')
    .transform((pem) => pem.replaceAll('\\n', '\n')),
  /** Milliseconds between two writes of one installation: GitHub asks for 1000. */
  GITHUB_WRITE_GAP_MS: optional(z.coerce.number().int().min(0)),
  SITE_URL: url,
}

const ReceiverEnvironment = z.object({
  ...Shared,
  GITHUB_WEBHOOK_SECRET: z.string().min(16),
  RECEIVER_PORT: port,
  RECEIVER_HOST: z.string().default('127.0.0.1'),
  /** `all`: a push to a repository without `runway.yml` makes a model that says what to add. */
  IMPORT_ON_PUSH: z.enum(['configured', 'all']).default('configured'),
  /** Seconds between two looks for deliveries that GitHub could not hand over. */
  RECOVERY_SECONDS: z.coerce.number().int().positive().default(300),
  /** Seconds between two looks at the heads of all models' branches, a call to GitHub for each; 0 for none. */
  RECONCILE_SECONDS: z.coerce.number().int().min(0).default(900),
})

const WorkerEnvironment = z.object({
  ...Shared,
  REDIS_URL: optional(z.string()),
  WORKER_PORT: port,
  WORKER_CONCURRENCY: optional(z.coerce.number().int().min(1).max(64)),
  IMAGE_REGISTRY: optional(z.string().regex(/^[A-Za-z0-9.-]+(:\d+)?$/)),
  DOCKER_SOCKET: z.string().default('/var/run/docker.sock'),
  MODELPORT_HOME: z.string().default(join(root, '.modelport')),
  /** Names this installation on an engine that others may use too. */
  INSTALLATION_ID: z.string().regex(/^[a-z0-9-]{1,40}$/),
  SUBSTITUTION_POLICY: SubstitutionPolicy.default('exact'),
  /** `debian`, or the path of a catalogue of the operator's own in JSON. */
  CATALOGUE: z.string().default('debian'),
  EGRESS_POLICY: z.enum(['public', 'packages']).default('public'),
  /** What makes images: a container for each step, or one of the engine's own builders, which hold fewer limits. */
  BUILD_ENGINE: z.enum(['container', 'classic', 'buildkit']).default('container'),
  /** `accept` runs builds without the limits that the chosen engine cannot hold; they are logged at start. */
  BUILD_UNHELD_LIMITS: z.enum(['refuse', 'accept']).default('refuse'),
  BUILD_MEMORY_MB: z.coerce.number().int().min(64).default(8192),
  BUILD_CPUS: z.coerce.number().positive().default(2),
  BUILD_PIDS: z.coerce.number().int().min(16).default(512),
  BUILD_MINUTES_CPU: z.coerce.number().positive().default(30),
  BUILD_MINUTES_GPU: z.coerce.number().positive().default(60),
  BUILD_DISK_MB: z.coerce
    .number()
    .int()
    .min(16)
    .default(20 * 1024),
  BUILD_LOG_MB: z.coerce.number().positive().default(200),
  INSPECT_SECONDS: z.coerce.number().positive().default(60),
  INSPECT_MEMORY_MB: z.coerce.number().int().min(64).default(4096),
  /** Seconds, in the database's time, after which a silent worker's build is given to another. */
  LEASE_SECONDS: z.coerce.number().int().min(3).default(15),
  /** Seconds after which the queue gives a silent worker's message to another. */
  JOB_LOCK_SECONDS: z.coerce.number().int().min(2).default(10),
  /** Seconds between two looks for builds that nobody works on. */
  SWEEP_SECONDS: z.coerce.number().int().min(1).default(5),
  /** Seconds between two looks for what dead builds left on the disk and in the engine. */
  LEFTOVERS_SECONDS: z.coerce.number().int().min(1).default(30),
})

export interface GithubConfig {
  webUrl: string
  apiUrl: string
  appId: number
  writeGapMs: number
}
export interface ReceiverConfig {
  github: GithubConfig
  siteUrl: string
  host: string
  port: number
  importOnPush: 'configured' | 'all'
  recoverySeconds: number
  reconcileSeconds: number
}
export interface WorkerConfig {
  github: GithubConfig
  siteUrl: string
  port: number
  concurrency: number
  imageRegistry: string | null
  dockerSocket: string
  installationId: string
  home: string
  basesDir: string
  sdkDir: string
  substitutionPolicy: SubstitutionPolicy
  catalogue: string
  egress: 'public' | 'packages'
  buildEngine: 'container' | 'classic' | 'buildkit'
  unheldLimits: 'refuse' | 'accept'
  limits: {
    memoryBytes: number
    cpus: number
    pids: number
    diskBytes: number
    logBytes: number
    seconds: { cpu: number; gpu: number }
  }
  inspect: { seconds: number; memoryBytes: number }
  /** Where files are kept; null where S3_ENDPOINT is not set. */
  storage: StorageConfig | null
  /** How soon a dead worker is noticed and cleaned up after. */
  recovery: {
    leaseSeconds: number
    /** After so long in a transaction without a word a worker is taken for stopped: it must hold no rows any more. */
    silentSeconds: number
    jobLockSeconds: number
    sweepSeconds: number
    leftoversSeconds: number
  }
}
/** Kept apart from the settings, so that printing those is safe. */
export interface Secrets {
  databaseUrl: string
  redisUrl: string | null
  githubPrivateKey: string
  githubWebhookSecret: string
  storage: StorageSecrets | null
}

/** The environment cannot be used; the message names each variable and what is wrong with it. */
export class ConfigError extends Error {}

function read<T extends z.ZodType>(schema: T, env: NodeJS.ProcessEnv): z.output<T> {
  const parsed = schema.safeParse(env)
  if (parsed.success) return parsed.data
  const lines = parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`)
  throw new ConfigError(`These environment variables need another value:\n  ${lines.join('\n  ')}`)
}

function readStorage(env: NodeJS.ProcessEnv) {
  if (!env.S3_ENDPOINT) return null
  try {
    return readStorageConfig(env)
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error))
  }
}

const sharedEnvironment = z.object(Shared)

const github = (env: z.output<typeof sharedEnvironment>): GithubConfig => ({
  webUrl: env.GITHUB_WEB_URL,
  apiUrl: env.GITHUB_API_URL,
  appId: env.GITHUB_APP_ID,
  writeGapMs: env.GITHUB_WRITE_GAP_MS ?? (env.GITHUB_API_URL.startsWith('http://127.') ? 20 : 1000),
})

/** Throws `ConfigError`. An empty webhook secret is refused: Probot would fall back to a well-known one. */
export function receiverConfig(env: NodeJS.ProcessEnv): { config: ReceiverConfig; secrets: Secrets } {
  const e = read(ReceiverEnvironment, env)
  return {
    config: {
      github: github(e),
      siteUrl: e.SITE_URL,
      host: e.RECEIVER_HOST,
      port: e.RECEIVER_PORT,
      importOnPush: e.IMPORT_ON_PUSH,
      recoverySeconds: e.RECOVERY_SECONDS,
      reconcileSeconds: e.RECONCILE_SECONDS,
    },
    secrets: {
      databaseUrl: e.DATABASE_URL,
      redisUrl: null,
      githubPrivateKey: e.GITHUB_PRIVATE_KEY,
      githubWebhookSecret: e.GITHUB_WEBHOOK_SECRET,
      storage: null,
    },
  }
}

/** Throws `ConfigError`. */
export function workerConfig(env: NodeJS.ProcessEnv): { config: WorkerConfig; secrets: Secrets } {
  const e = read(WorkerEnvironment, env)
  const storage = readStorage(env)
  const mb = 2 ** 20
  return {
    config: {
      github: github(e),
      siteUrl: e.SITE_URL,
      port: e.WORKER_PORT,
      // Builds mostly wait for the disk and the network, so more than one a core pays; never fewer than a version's two targets.
      concurrency: e.WORKER_CONCURRENCY ?? Math.max(2, availableParallelism() * 2),
      imageRegistry: e.IMAGE_REGISTRY ?? null,
      dockerSocket: e.DOCKER_SOCKET,
      installationId: e.INSTALLATION_ID,
      home: resolve(e.MODELPORT_HOME),
      basesDir: join(root, 'infra/bases'),
      sdkDir: join(root, 'packages/sdk-python'),
      substitutionPolicy: e.SUBSTITUTION_POLICY,
      catalogue: e.CATALOGUE,
      egress: e.EGRESS_POLICY,
      buildEngine: e.BUILD_ENGINE,
      unheldLimits: e.BUILD_UNHELD_LIMITS,
      limits: {
        memoryBytes: e.BUILD_MEMORY_MB * mb,
        cpus: e.BUILD_CPUS,
        pids: e.BUILD_PIDS,
        diskBytes: e.BUILD_DISK_MB * mb,
        logBytes: e.BUILD_LOG_MB * mb,
        seconds: { cpu: e.BUILD_MINUTES_CPU * 60, gpu: e.BUILD_MINUTES_GPU * 60 },
      },
      inspect: { seconds: e.INSPECT_SECONDS, memoryBytes: e.INSPECT_MEMORY_MB * mb },
      storage: storage?.config ?? null,
      recovery: {
        leaseSeconds: e.LEASE_SECONDS,
        // As long as its leases: a worker that is silent for longer holds no builds either.
        silentSeconds: Math.max(10, e.LEASE_SECONDS),
        jobLockSeconds: e.JOB_LOCK_SECONDS,
        sweepSeconds: e.SWEEP_SECONDS,
        leftoversSeconds: e.LEFTOVERS_SECONDS,
      },
    },
    secrets: {
      databaseUrl: e.DATABASE_URL,
      redisUrl: e.REDIS_URL ?? null,
      githubPrivateKey: e.GITHUB_PRIVATE_KEY,
      githubWebhookSecret: '',
      storage: storage?.secrets ?? null,
    },
  }
}
