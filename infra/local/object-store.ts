import { join } from 'node:path'
import { childEnv } from './apps.ts'
import { answers, type Child, type ChildHooks, startChild } from './child.ts'
import { StackError } from './stack-error.ts'

/** An object store that speaks S3, with all that its clients need. */
export interface ObjectStore {
  /** Where our processes reach it. */
  endpoint: string
  /** Where browsers reach it. */
  publicEndpoint: string
  region: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
}

export interface ObjectStoreOptions {
  repository: string
  home: string
  logs: string
  port: number
  accessKeyId: string
  secretAccessKey: string
  /** Sites whose pages send to it and read from it. */
  origins: string[]
  hooks: ChildHooks
}

/** Starts an object store of our own on loopback, with all its data below the home. */
export async function startObjectStore(
  options: ObjectStoreOptions,
): Promise<{ store: ObjectStore; directory: string; child: Child }> {
  const { port, accessKeyId, secretAccessKey } = options
  const endpoint = `http://127.0.0.1:${port}`
  const directory = join(options.home, 'objects')
  const bucket = 'modelport'
  const child = await startChild(
    {
      name: 'local-s3',
      command: process.execPath,
      args: ['--import', 'tsx', join(options.repository, 'infra/local-s3/index.ts')],
      cwd: options.repository,
      env: childEnv({
        NODE_ENV: 'production',
        LOCAL_S3_HOST: '127.0.0.1',
        LOCAL_S3_PORT: String(port),
        LOCAL_S3_DIR: directory,
        LOCAL_S3_BUCKET: bucket,
        LOCAL_S3_CORS_ORIGINS: options.origins.join(' '),
        S3_ACCESS_KEY_ID: accessKeyId,
        S3_SECRET_ACCESS_KEY: secretAccessKey,
      }),
      logFile: join(options.logs, 'local-s3.log'),
      shown: false,
      ready: () => answers(`${endpoint}/healthz`),
      // Reads the record of every object first.
      readyWithinMs: 120_000,
    },
    options.hooks,
  )
  // Browsers send a cookie of 127.0.0.1 to all its ports, so what people uploaded has another host than the site.
  const publicEndpoint = `http://localhost:${port}`
  const store = { endpoint, publicEndpoint, region: 'us-east-1', bucket, accessKeyId, secretAccessKey }
  return { store, directory, child }
}

/** The object store that the operator names by S3_ENDPOINT and the variables beside it; undefined when there is none. */
export function readObjectStore(env: NodeJS.ProcessEnv): ObjectStore | undefined {
  const endpoint = env.S3_ENDPOINT
  if (!endpoint) return undefined
  const need = (name: string) => {
    const value = env[name]
    if (!value) throw new StackError(`S3_ENDPOINT is set, and ${name} is not: an object store needs both.`)
    return value
  }
  return {
    endpoint,
    publicEndpoint: env.S3_PUBLIC_ENDPOINT || endpoint,
    region: env.S3_REGION || 'us-east-1',
    bucket: need('S3_BUCKET'),
    accessKeyId: need('S3_ACCESS_KEY_ID'),
    secretAccessKey: need('S3_SECRET_ACCESS_KEY'),
  }
}
