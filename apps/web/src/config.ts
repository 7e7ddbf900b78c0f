import { defaultFileLimits, type FileLimits } from '@modelport/db/queries/files'
import { readStorageConfig, type StorageConfig, type StorageSecrets } from '@modelport/storage/config'
import { z } from 'zod'

const url = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/+$/, ''))

const gibibytes = (bytes: number) =>
  z.coerce
    .number()
    .positive()
    .default(bytes / 2 ** 30)
    .transform((gib) => Math.floor(gib * 2 ** 30))

const Environment = z.object({
  DATABASE_URL: z.string().min(1),
  SITE_URL: url.default('http://127.0.0.1:3000'),
  GITHUB_WEB_URL: url.default('https://github.com'),
  GITHUB_API_URL: url.default('https://api.github.com'),
  GITHUB_APP_ID: z.string().default(''),
  GITHUB_PRIVATE_KEY: z.string().default(''),
  GITHUB_CLIENT_ID: z.string().default(''),
  GITHUB_CLIENT_SECRET: z.string().default(''),
  SECRET_KEY: z.string().regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits'),
  IMAGE_REGISTRY: z.string().default(''),
  /** Where the image door listens, and the image registry that it reads from; without both there is no door. */
  IMAGE_DOOR_PORT: z
    .union([z.literal('').transform(() => undefined), z.coerce.number().int().min(1).max(65535)])
    .optional(),
  IMAGE_DOOR_HOST: z.string().default('127.0.0.1'),
  IMAGE_REGISTRY_URL: z.union([z.literal(''), url]).default(''),
  RECEIVER_URL: z.string().default(''),
  /** Where GitHub sends webhooks; by default `/hooks/github` of the site, which the proxy in front leads to the receiver. */
  WEBHOOK_URL: z.union([z.literal(''), url]).default(''),
  /** GitHub logins of the people who run this installation, with commas; `*` for everybody who signs in. */
  ADMIN_LOGINS: z.string().default(''),
  /** What a file, and all files of a publisher, may have. */
  FILE_LIMIT_GIB: gibibytes(defaultFileLimits.fileBytes),
  PUBLISHER_LIMIT_GIB: gibibytes(defaultFileLimits.publisherBytes),
})

/** The port through which images are pulled by those who may see their model. */
export interface ImageDoor {
  host: string
  port: number
  /** The image registry behind it, with a name and password where it wants them. */
  registry: URL
}

/** What may be printed. */
export interface Config {
  siteUrl: string
  secureCookies: boolean
  githubWebUrl: string
  githubApiUrl: string
  githubAppId: string
  githubClientId: string
  webhookUrl: string | null
  /** `host:port` from which images are pulled, or null: images then stay in the engine of the machine that built them. */
  imageRegistry: string | null
  /** In lower case; `*` stands for everybody who signs in. */
  adminLogins: string[]
  /** Where files are kept; null where S3_ENDPOINT is not set: there is then no Files tab to use. */
  storage: StorageConfig | null
  fileLimits: FileLimits
}

/** What must not be printed; apart from the settings so that printing those is safe. */
export interface Secrets {
  databaseUrl: string
  githubPrivateKey: string
  githubClientSecret: string
  /** 32 bytes; seals GitHub's tokens at rest. */
  key: Buffer
  storage: StorageSecrets | null
}

/** Where the image door opens, when the environment says so. Apart from the settings: its address may hold a password. */
export function readImageDoor(env: NodeJS.ProcessEnv): ImageDoor | null {
  const e = Environment.parse(env)
  if (!e.IMAGE_DOOR_PORT || !e.IMAGE_REGISTRY_URL) return null
  return { host: e.IMAGE_DOOR_HOST, port: e.IMAGE_DOOR_PORT, registry: new URL(e.IMAGE_REGISTRY_URL) }
}

/** Turns the environment into typed settings. Refuses what is missing with a sentence that names the variable, never its value. */
export function readConfig(env: NodeJS.ProcessEnv): { config: Config; secrets: Secrets } {
  const parsed = Environment.safeParse(env)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new Error(`The site cannot start with this environment. ${problems.join('; ')}.`)
  }
  const e = parsed.data
  const storage = env.S3_ENDPOINT ? readStorageConfig(env) : null
  return {
    config: {
      siteUrl: e.SITE_URL,
      secureCookies: e.SITE_URL.startsWith('https:'),
      githubWebUrl: e.GITHUB_WEB_URL,
      githubApiUrl: e.GITHUB_API_URL,
      githubAppId: e.GITHUB_APP_ID,
      githubClientId: e.GITHUB_CLIENT_ID,
      webhookUrl: e.WEBHOOK_URL || null,
      imageRegistry: e.IMAGE_REGISTRY || null,
      adminLogins: e.ADMIN_LOGINS.toLowerCase()
        .split(/[\s,]+/)
        .filter(Boolean),
      storage: storage?.config ?? null,
      fileLimits: { ...defaultFileLimits, fileBytes: e.FILE_LIMIT_GIB, publisherBytes: e.PUBLISHER_LIMIT_GIB },
    },
    secrets: {
      databaseUrl: e.DATABASE_URL,
      // Files and compose variables often carry the key on one line.
      githubPrivateKey: e.GITHUB_PRIVATE_KEY.replaceAll('\\n', '\n'),
      githubClientSecret: e.GITHUB_CLIENT_SECRET,
      key: Buffer.from(e.SECRET_KEY, 'hex'),
      storage: storage?.secrets ?? null,
    },
  }
}
