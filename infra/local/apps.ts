import { createRequire } from 'node:module'
import { join } from 'node:path'
import { answers } from './child.ts'
import type { LocalState } from './local-state.ts'
import type { PortName } from './ports.ts'

/** What an app is given to find its place in the stack. */
export interface AppPlace {
  repository: string
  state: LocalState
}

/** An app of ours, as data: how it is run, what it is told, and how one sees that it is ready. */
export interface App {
  name: string
  /** In the words of the person who starts the stack. */
  title: string
  port: PortName
  /** Arguments for this Node. */
  args(place: AppPlace): string[]
  /** Its whole configuration; a value that is undefined is not set. */
  env(place: AppPlace): Record<string, string | undefined>
  /** The path that answers 200 when it is ready. */
  readyPath: string
  /** Whether it is of no use without an engine; it is then left out. */
  needsEngine?: boolean
  /** Whether its sources have to be built before it runs. */
  builtFirst?: boolean
}

const typescript = (repository: string, file: string) => ['--import', 'tsx', join(repository, file)]

/** Receiver and worker read the same settings; only the worker may reach the engine. */
function builderEnv({ state }: AppPlace): Record<string, string | undefined> {
  return {
    DATABASE_URL: state.database.url,
    REDIS_URL: state.queue.redisUrl ?? undefined,
    GITHUB_WEB_URL: state.localGithub.url,
    GITHUB_API_URL: state.localGithub.apiUrl,
    GITHUB_APP_ID: state.secrets.githubAppId,
    GITHUB_PRIVATE_KEY: state.secrets.githubPrivateKey,
    GITHUB_WEBHOOK_SECRET: state.secrets.githubWebhookSecret,
    SITE_URL: state.site.url,
    RECEIVER_PORT: String(state.ports.receiver),
    WORKER_PORT: String(state.ports.worker),
    IMAGE_REGISTRY: state.imageRegistry.pushHost ?? '',
    MODELPORT_HOME: state.home,
    INSTALLATION_ID: state.installationId,
    SUBSTITUTION_POLICY: state.policy,
  }
}

/** How the object store is reached, for those who sign, read and write its objects. */
function storageEnv({ state: { objectStore: store } }: AppPlace): Record<string, string | undefined> {
  if (!store) return {}
  return {
    S3_ENDPOINT: store.endpoint,
    S3_PUBLIC_ENDPOINT: store.publicEndpoint,
    S3_REGION: store.region,
    S3_BUCKET: store.bucket,
    S3_ACCESS_KEY_ID: store.accessKeyId,
    S3_SECRET_ACCESS_KEY: store.secretAccessKey,
  }
}

const localGithub: App = {
  name: 'local-github',
  title: 'local GitHub',
  port: 'localGithub',
  args: ({ repository }) => typescript(repository, 'infra/local-github/index.ts'),
  env: ({ state }) => ({
    LOCAL_GITHUB_PORT: String(state.ports.localGithub),
    LOCAL_GITHUB_DIR: state.localGithub.directory,
    GITHUB_APP_ID: state.secrets.githubAppId,
    GITHUB_PRIVATE_KEY: state.secrets.githubPrivateKey,
    GITHUB_WEBHOOK_SECRET: state.secrets.githubWebhookSecret,
    WEBHOOK_URL: state.localGithub.webhookUrl,
    GITHUB_CLIENT_ID: state.secrets.githubClientId,
    GITHUB_CLIENT_SECRET: state.secrets.githubClientSecret,
    OAUTH_REDIRECT_URL: `${state.site.url}/login/callback`,
  }),
  readyPath: '/healthz',
}

const receiver: App = {
  name: 'receiver',
  title: 'receiver',
  port: 'receiver',
  args: ({ repository }) => typescript(repository, 'apps/builder/src/receiver.ts'),
  env: (place) => ({ ...builderEnv(place), IMPORT_ON_PUSH: 'all', RECOVERY_SECONDS: '30', RECONCILE_SECONDS: '60' }),
  readyPath: '/readyz',
}

const worker: App = {
  name: 'worker',
  title: 'build worker',
  port: 'worker',
  args: ({ repository }) => typescript(repository, 'apps/builder/src/worker.ts'),
  env: (place) => ({
    ...builderEnv(place),
    ...storageEnv(place),
    DOCKER_SOCKET: place.state.engine.socket ?? undefined,
  }),
  readyPath: '/readyz',
  needsEngine: true,
}

const web: App = {
  name: 'web',
  title: 'site',
  port: 'web',
  args: ({ repository, state }) => {
    const folder = join(repository, 'apps/web')
    return [nextProgram(repository), 'start', folder, '-p', String(state.ports.web), '-H', '127.0.0.1']
  },
  env: ({ repository, state }) => ({
    ...storageEnv({ repository, state }),
    NODE_ENV: 'production',
    NEXT_TELEMETRY_DISABLED: '1',
    DATABASE_URL: state.database.url,
    SITE_URL: state.site.url,
    GITHUB_WEB_URL: state.localGithub.url,
    GITHUB_API_URL: state.localGithub.apiUrl,
    GITHUB_APP_ID: state.secrets.githubAppId,
    GITHUB_PRIVATE_KEY: state.secrets.githubPrivateKey,
    GITHUB_CLIENT_ID: state.secrets.githubClientId,
    GITHUB_CLIENT_SECRET: state.secrets.githubClientSecret,
    SECRET_KEY: state.secrets.secretKey,
    IMAGE_REGISTRY: state.imageRegistry.host ?? '',
    IMAGE_DOOR_PORT: String(state.ports.imageRegistry),
    IMAGE_REGISTRY_URL: state.imageRegistry.pushHost ? `http://${state.imageRegistry.pushHost}` : undefined,
    // The site says why nothing is built.
    ENGINE_PROBLEM: state.engine.problem ?? undefined,
    WEBHOOK_URL: state.localGithub.webhookUrl,
    RECEIVER_URL: `http://127.0.0.1:${state.ports.receiver}`,
    // Whoever is on this machine runs it.
    ADMIN_LOGINS: '*',
  }),
  readyPath: '/readyz',
  builtFirst: true,
}

/** The apps in the order in which they start. */
export const allApps: readonly App[] = [localGithub, receiver, worker, web]

/** The JavaScript file behind `next`, so that no shell script stands between us and the process. */
export function nextProgram(repository: string): string {
  return createRequire(join(repository, 'apps/web/package.json')).resolve('next/dist/bin/next')
}

// What an app learns from us alone. These names never leak in from the shell that started the stack: the site, for
// one, must not get the webhook secret or the engine because someone exported them.
const ours = new Set([
  'DATABASE_URL',
  'REDIS_URL',
  'SITE_URL',
  'RECEIVER_URL',
  'RECEIVER_PORT',
  'WORKER_PORT',
  'WEB_PORT',
  'PORT',
  'POSTGRES_PORT',
  'IMAGE_REGISTRY',
  'IMAGE_REGISTRY_PORT',
  'IMAGE_REGISTRY_URL',
  'IMAGE_PUSH_PORT',
  'IMAGE_DOOR_PORT',
  'IMAGE_DOOR_HOST',
  'S3_ENDPOINT',
  'S3_PUBLIC_ENDPOINT',
  'S3_REGION',
  'S3_BUCKET',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
  'LOCAL_S3_HOST',
  'LOCAL_S3_PORT',
  'LOCAL_S3_DIR',
  'LOCAL_S3_BUCKET',
  'LOCAL_S3_CORS_ORIGINS',
  'LOCAL_S3_UPLOAD_DAYS',
  'DOCKER_SOCKET',
  'DOCKER_HOST',
  'ENGINE_PROBLEM',
  'MODELPORT_HOME',
  'INSTALLATION_ID',
  'SUBSTITUTION_POLICY',
  'SECRET_KEY',
  'WEBHOOK_URL',
  'OAUTH_REDIRECT_URL',
  'LOCAL_GITHUB_PORT',
  'LOCAL_GITHUB_DIR',
  'GITHUB_WEB_URL',
  'GITHUB_API_URL',
  'GITHUB_APP_ID',
  'GITHUB_PRIVATE_KEY',
  'GITHUB_WEBHOOK_SECRET',
  'GITHUB_CLIENT_ID',
  'GITHUB_CLIENT_SECRET',
  'NODE_ENV',
  'NODE_OPTIONS',
  'INIT_CWD',
])

/** The environment of a child: that of the caller without npm's, vitest's and our own names, and then `own`. */
export function childEnv(
  own: Record<string, string | undefined>,
  inherited: NodeJS.ProcessEnv = process.env,
): Record<string, string | undefined> {
  const kept = Object.entries(inherited).filter(([name]) => !ours.has(name) && !/^(npm_|VITEST)/.test(name))
  return { ...Object.fromEntries(kept), ...own }
}

/** Whether the app says that it is ready. */
export function appIsReady(app: App, state: LocalState): Promise<boolean> {
  return answers(`http://127.0.0.1:${state.ports[app.port]}${app.readyPath}`)
}
