import { existsSync } from 'node:fs'
import { readStorageConfig, type StorageConfig, type StorageSecrets } from '@modelport/storage/config'
import { readLocalState } from '../local/local-state.ts'
import { localHome } from './home.ts'

/** What an operator's command is told of an installation; null where it is not told. Each command asks for what it needs. */
export interface Installation {
  databaseUrl: string
  redisUrl: string | null
  siteUrl: string
  webhookUrl: string
  storage: { config: StorageConfig; secrets: StorageSecrets } | null
  /** `host:port` to which builds push. */
  imageRegistry: string | null
  /** `host` or `host:port` from which images are pulled. */
  imageDoor: string | null
  engineSocket: string | null
  github: { webUrl: string; apiUrl: string; appId: string; clientId: string; privateKey: string; webhookSecret: string }
  secretKey: string | null
}

/** The installation that the environment describes, by the variables of its processes; null when it describes none. */
export function installationOfEnvironment(env: NodeJS.ProcessEnv): Installation | null {
  if (!env.DATABASE_URL || !env.SITE_URL) return null
  const siteUrl = env.SITE_URL.replace(/\/+$/, '')
  const socket = env.DOCKER_SOCKET || '/var/run/docker.sock'
  return {
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL || null,
    siteUrl,
    webhookUrl: env.WEBHOOK_URL || `${siteUrl}/hooks/github`,
    storage: env.S3_ENDPOINT ? readStorageConfig(env) : null,
    imageRegistry: env.IMAGE_REGISTRY || null,
    imageDoor: env.IMAGE_HOST || null,
    engineSocket: existsSync(socket) ? socket : null,
    github: {
      webUrl: (env.GITHUB_WEB_URL || 'https://github.com').replace(/\/+$/, ''),
      apiUrl: (env.GITHUB_API_URL || 'https://api.github.com').replace(/\/+$/, ''),
      appId: env.GITHUB_APP_ID || '',
      clientId: env.GITHUB_CLIENT_ID || '',
      privateKey: (env.GITHUB_PRIVATE_KEY || '').replaceAll('\\n', '\n'),
      webhookSecret: env.GITHUB_WEBHOOK_SECRET || '',
    },
    secretKey: env.SECRET_KEY || null,
  }
}

/** The local stack of a home, as its own processes see it. Throws when there is none. */
export function installationOfHome(home: string): Installation {
  const state = readLocalState(home)
  const { objectStore, secrets } = state
  return {
    databaseUrl: state.database.url,
    redisUrl: state.queue.redisUrl,
    siteUrl: state.site.url,
    webhookUrl: state.localGithub.webhookUrl,
    storage: objectStore && { config: objectStore, secrets: objectStore },
    imageRegistry: state.imageRegistry.pushHost,
    imageDoor: state.imageRegistry.host,
    engineSocket: state.engine.socket,
    github: {
      webUrl: state.localGithub.url,
      apiUrl: state.localGithub.apiUrl,
      appId: secrets.githubAppId,
      clientId: secrets.githubClientId,
      privateKey: secrets.githubPrivateKey,
      webhookSecret: secrets.githubWebhookSecret,
    },
    secretKey: secrets.secretKey,
  }
}

/** What a command works on: the installation of the environment, else the local stack of MODELPORT_HOME. */
export function readInstallation(env: NodeJS.ProcessEnv = process.env): Installation {
  return installationOfEnvironment(env) ?? installationOfHome(localHome())
}
