/** Where the object store is. The secrets stand apart, so that printing the settings is safe. */
export interface StorageConfig {
  /** Where our own processes reach it, such as `http://127.0.0.1:3060`. */
  endpoint: string
  /** Where browsers reach it; signed URLs lead there. */
  publicEndpoint: string
  region: string
  bucket: string
}

export interface StorageSecrets {
  accessKeyId: string
  secretAccessKey: string
}

/** Reads S3_ENDPOINT, S3_PUBLIC_ENDPOINT, S3_REGION, S3_BUCKET and the key, or throws one sentence that says what to change. */
export function readStorageConfig(env: Record<string, string | undefined>): {
  config: StorageConfig
  secrets: StorageSecrets
} {
  const endpoint = readUrl(env, 'S3_ENDPOINT')
  if (!endpoint) throw new Error('S3_ENDPOINT is not set; give the URL of the object store.')
  const need = (name: string) => {
    const value = env[name]
    if (!value) throw new Error(`${name} is not set; S3_ENDPOINT alone does not open an object store.`)
    return value
  }
  return {
    config: {
      endpoint,
      publicEndpoint: readUrl(env, 'S3_PUBLIC_ENDPOINT') ?? endpoint,
      region: env.S3_REGION || 'us-east-1',
      bucket: need('S3_BUCKET'),
    },
    secrets: { accessKeyId: need('S3_ACCESS_KEY_ID'), secretAccessKey: need('S3_SECRET_ACCESS_KEY') },
  }
}

function readUrl(env: Record<string, string | undefined>, name: string): string | null {
  const text = env[name]
  if (!text) return null
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.search || url.hash) {
    throw new Error(`${name} is the http or https URL of an object store, without user, query and fragment.`)
  }
  return url.href.replace(/\/+$/, '')
}
