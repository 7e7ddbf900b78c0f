import { createPublicKey, type KeyObject } from 'node:crypto'
import { resolve } from 'node:path'
import { z } from 'zod'

/** Everything the local GitHub can be told; secrets are listed last. */
export interface LocalGithubConfig {
  host: string
  port: number
  /** Where browsers, git and webhooks' readers find us; null means `http://HOST:PORT`. */
  url: string | null
  /** The folder that holds every repository, account and delivery. */
  dir: string
  appId: number
  appSlug: string
  webhookUrl: string
  clientId: string
  /** Where a sign-in may return to: exact URLs, or a folder of them as on GitHub. */
  redirectUrls: string[]
  /** Where a person is sent after choosing repositories for the app; null keeps them here. */
  setupUrl: string | null
  /** Checks the app's JWTs. */
  appKey: KeyObject
  /** PEM; given to whoever makes the app from a manifest. */
  privateKey: string
  webhookSecret: string
  clientSecret: string
}

const webUrl = z.url({ protocol: /^https?$/ })

const environment = z.object({
  LOCAL_GITHUB_HOST: z.string().min(1).default('127.0.0.1'),
  LOCAL_GITHUB_PORT: z.coerce.number().int().min(0).max(65535).default(3080),
  LOCAL_GITHUB_URL: webUrl.optional(),
  LOCAL_GITHUB_DIR: z.string().min(1),
  GITHUB_APP_ID: z.coerce.number().int().positive(),
  GITHUB_APP_SLUG: z
    .string()
    .regex(/^[a-z0-9-]+$/)
    .default('modelport'),
  GITHUB_PRIVATE_KEY: z.string().min(1),
  // An empty secret would let anyone sign a webhook.
  GITHUB_WEBHOOK_SECRET: z.string().min(8),
  WEBHOOK_URL: webUrl,
  GITHUB_CLIENT_ID: z.string().min(1),
  GITHUB_CLIENT_SECRET: z.string().min(8),
  OAUTH_REDIRECT_URL: z
    .string()
    .transform((list) => list.split(',').map((url) => url.trim()))
    .pipe(z.array(webUrl).min(1)),
  GITHUB_SETUP_URL: webUrl.optional(),
})

/** Turns the environment into settings, or throws one sentence that says what to change. */
export function readConfig(env: NodeJS.ProcessEnv): LocalGithubConfig {
  const parsed = environment.safeParse(env)
  if (!parsed.success) {
    // Only the rule is repeated, never the value: some of these are secrets.
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new Error(`The local GitHub cannot start with these settings. ${faults.join('; ')}.`)
  }
  const e = parsed.data
  return {
    host: e.LOCAL_GITHUB_HOST,
    port: e.LOCAL_GITHUB_PORT,
    url: e.LOCAL_GITHUB_URL?.replace(/\/+$/, '') ?? null,
    dir: resolve(e.LOCAL_GITHUB_DIR),
    appId: e.GITHUB_APP_ID,
    appSlug: e.GITHUB_APP_SLUG,
    webhookUrl: e.WEBHOOK_URL,
    clientId: e.GITHUB_CLIENT_ID,
    redirectUrls: e.OAUTH_REDIRECT_URL,
    setupUrl: e.GITHUB_SETUP_URL ?? null,
    appKey: publicKeyOf(e.GITHUB_PRIVATE_KEY),
    privateKey: e.GITHUB_PRIVATE_KEY.replaceAll('\\n', '\n'),
    webhookSecret: e.GITHUB_WEBHOOK_SECRET,
    clientSecret: e.GITHUB_CLIENT_SECRET,
  }
}

/** Derives the key that checks app JWTs from the app's private key in PEM form. */
export function publicKeyOf(privateKey: string): KeyObject {
  try {
    // Environment files often carry a PEM on one line with escaped line ends.
    return createPublicKey(privateKey.replaceAll('\\n', '\n'))
  } catch (cause) {
    throw new Error('GITHUB_PRIVATE_KEY is not a private key in PEM form.', { cause })
  }
}
