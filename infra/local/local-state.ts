import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SubstitutionPolicy } from '@modelport/schema/words'
import { z } from 'zod'
import { StackError } from './stack-error.ts'

const Port = z.number().int().min(1).max(65535)

/** `MODELPORT_HOME/local.json`: every address, credential and place of the local stack. Mode 0600, since it holds secrets. */
export const LocalState = z.object({
  /** Changes when this shape changes in a way that a reader must know. */
  format: z.literal(1),
  home: z.string(),
  /** Names this home for good; resources in the engine carry it as a label. */
  installationId: z.string(),
  site: z.object({ url: z.string() }),
  localGithub: z.object({
    url: z.string(),
    apiUrl: z.string(),
    /** Where the bare repositories and its own records lie. */
    directory: z.string(),
    webhookUrl: z.string(),
  }),
  ports: z.object({
    web: Port,
    imageRegistry: Port,
    imagePush: Port,
    postgres: Port,
    localS3: Port,
    receiver: Port,
    worker: Port,
    localGithub: Port,
  }),
  database: z.object({
    /** With the password. */
    url: z.string(),
    /** `embedded`: our own server. `given`: the operator's, named by DATABASE_URL. */
    kind: z.enum(['embedded', 'given']),
    /** Where the data of an embedded server lie. */
    directory: z.string().nullable(),
  }),
  queue: z.object({
    kind: z.enum(['redis', 'postgres']),
    /** A `redis:` URL or the path of a unix socket; null for the PostgreSQL queue. */
    redisUrl: z.string().nullable(),
  }),
  /** Where files are kept; null when the stack runs without. */
  objectStore: z
    .object({
      /** `local`: our own server. `given`: the operator's, named by S3_ENDPOINT. */
      kind: z.enum(['local', 'given']),
      endpoint: z.string(),
      publicEndpoint: z.string(),
      region: z.string(),
      bucket: z.string(),
      accessKeyId: z.string(),
      secretAccessKey: z.string(),
      /** Where the data of our own server lie. */
      directory: z.string().nullable(),
    })
    .nullable(),
  /** `host` is `host:port` from which images are pulled, `pushHost` where builds push them; null when images stay in the engine. */
  imageRegistry: z.object({
    host: z.string().nullable(),
    pushHost: z.string().nullable(),
    directory: z.string().nullable(),
  }),
  /** `socket` is null when there is no engine; `problem` then says why. */
  engine: z.object({ socket: z.string().nullable(), version: z.string().nullable(), problem: z.string().nullable() }),
  logs: z.string(),
  policy: SubstitutionPolicy,
  secrets: z.object({
    githubAppId: z.string(),
    githubPrivateKey: z.string(),
    githubWebhookSecret: z.string(),
    githubClientId: z.string(),
    githubClientSecret: z.string(),
    /** Seals tokens at rest: 32 random bytes, hex. */
    secretKey: z.string().regex(/^[0-9a-f]{64}$/),
    postgresPassword: z.string(),
    imageRegistrySecret: z.string(),
    // A home from before there were files gets its keys when it is read.
    s3AccessKeyId: z.string().default(newS3AccessKeyId),
    s3SecretAccessKey: z.string().default(newS3SecretAccessKey),
  }),
  /** When the example models were pushed; null until then. */
  examplesPublishedAt: z.iso.datetime().nullable(),
  /** What runs now: name -> pid. */
  processes: z.record(z.string(), z.number().int().positive()),
  /** Tells a process in `processes` from a stranger that got its pid later. */
  processIdentities: z.record(z.string(), z.string()),
})
export type LocalState = z.infer<typeof LocalState>
export type Secrets = LocalState['secrets']

/** What outlives a start: the rest of the state is written anew each time. */
export const KeptState = LocalState.pick({
  installationId: true,
  secrets: true,
  examplesPublishedAt: true,
  processes: true,
  processIdentities: true,
})
export type KeptState = z.infer<typeof KeptState>

export function localStateFile(home: string): string {
  return join(home, 'local.json')
}

/** Reads what the last start left in this home, or makes new secrets for a new home. */
export function readKeptState(home: string): KeptState {
  const file = localStateFile(home)
  if (!existsSync(file)) return newKeptState()
  try {
    return KeptState.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (cause) {
    throw new StackError(
      `${file} cannot be read as the state of a local stack. It holds the keys of this home, so it is left as it is: restore it, or move ${home} away to start anew.`,
      { cause },
    )
  }
}

/** Reads the state of a local stack, for tools that talk to it. */
export function readLocalState(home: string): LocalState {
  const file = localStateFile(home)
  if (!existsSync(file)) throw new StackError(`There is no local stack in ${home} yet. Start it with: npm start`)
  return LocalState.parse(JSON.parse(readFileSync(file, 'utf8')))
}

/** Replaces `local.json` in one move, so that a reader never sees half of it. */
export function writeLocalState(state: LocalState | (KeptState & { format: 1; home: string })): void {
  mkdirSync(state.home, { recursive: true })
  const draft = `${localStateFile(state.home)}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, localStateFile(state.home))
}

function newKeptState(): KeptState {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const random = (bytes: number) => randomBytes(bytes).toString('hex')
  return {
    installationId: random(8),
    secrets: {
      githubAppId: '1',
      githubPrivateKey: privateKey,
      githubWebhookSecret: random(32),
      githubClientId: `Iv1.${random(8)}`,
      githubClientSecret: random(20),
      secretKey: random(32),
      postgresPassword: random(24),
      imageRegistrySecret: random(24),
      s3AccessKeyId: newS3AccessKeyId(),
      s3SecretAccessKey: newS3SecretAccessKey(),
    },
    examplesPublishedAt: null,
    processes: {},
    processIdentities: {},
  }
}

function newS3AccessKeyId(): string {
  return randomBytes(10).toString('hex').toUpperCase()
}

function newS3SecretAccessKey(): string {
  return randomBytes(24).toString('hex')
}
