import type { Readable } from 'node:stream'
import { PlatformError } from '../build/build-error.ts'
import { type Engine, removing } from '../engine/engine.ts'
import { failPoint } from '../fail-point.ts'

/** Where images are pushed. */
export interface ImageRegistryConfig {
  /** `host:port` as the engine reaches it and as image names begin. */
  host: string
  /** Address as this process reaches it, for example `http://127.0.0.1:3050`. */
  url: string
  /** Null for a registry without sign-in. */
  credentials: { username: string; password: string } | null
}

/** An image where it can be pulled from: repository and digest, never a host. */
export type StoredImage =
  | {
      /** Pushed: the digest is that of the manifest in the image registry. */
      place: 'image-registry'
      repository: string
      tag: string
      digest: string
      /** Bytes of the compressed layers and the config, as a pull transfers them. */
      compressedBytes: number
    }
  | {
      /** No image registry is configured: the image stays in the engine and the digest is the image id. */
      place: 'engine'
      repository: string
      tag: string
      digest: string
      compressedBytes: null
    }

/** Keeps finished images: in an image registry, or in the engine where none is configured. */
export interface ImageStore {
  store(imageId: string, name: { repository: string; tag: string }, signal: AbortSignal): Promise<StoredImage>
}

/** Opens the store that the configuration names; null keeps images in the engine. */
export function openImageStore(engine: Engine, config: ImageRegistryConfig | null): ImageStore {
  return config ? registryStore(engine, config) : engineStore(engine)
}

function engineStore(engine: Engine): ImageStore {
  return {
    async store(imageId, { repository, tag }) {
      const image = engine.docker.getImage(imageId)
      await image.tag({ repo: repository, tag })
      failPoint('push:middle')
      return { place: 'engine', repository, tag, digest: (await image.inspect()).Id, compressedBytes: null }
    },
  }
}

function registryStore(engine: Engine, config: ImageRegistryConfig): ImageStore {
  return {
    async store(imageId, { repository, tag }, signal) {
      const local = `${config.host}/${repository}`
      try {
        await engine.docker.getImage(imageId).tag({ repo: local, tag })
        try {
          const digest = await push(engine, config, `${local}:${tag}`, signal)
          failPoint('push:middle')
          const manifest = await readManifest(config, repository, digest, signal)
          return { place: 'image-registry', repository, tag, digest, ...manifest }
        } finally {
          // The name was for the push; the layers stay as long as the cache or a staging name holds them.
          await removing(engine.docker.getImage(`${local}:${tag}`).remove())
        }
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof PlatformError) throw error
        throw new PlatformError('image-registry/push-failed', 'The image could not be pushed.', {}, { cause: error })
      }
    },
  }
}

/** Pushes a name and returns the digest that the registry gave. Errors come as lines of a 200 answer. */
async function push(
  engine: Engine,
  config: ImageRegistryConfig,
  reference: string,
  signal: AbortSignal,
): Promise<string> {
  // The engine wants this header even where nobody signs in.
  const authconfig = config.credentials ? { ...config.credentials, serveraddress: config.host } : {}
  const answer = (await engine.docker.getImage(reference).push({ authconfig, abortSignal: signal })) as Readable
  let digest: string | null = null
  for await (const line of jsonLines(answer)) {
    if (line.error) throw new Error(`The push ended with: ${line.error}`)
    if (line.aux?.Digest) digest = line.aux.Digest
  }
  if (!digest) throw new Error('The push ended without a digest.')
  return digest
}

/** Reads the manifest back by its digest, which proves that the registry has it, and adds up its sizes. */
async function readManifest(config: ImageRegistryConfig, repository: string, digest: string, signal: AbortSignal) {
  const headers: Record<string, string> = {
    accept: 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json',
  }
  if (config.credentials) {
    const { username, password } = config.credentials
    headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  }
  const answer = await fetch(`${config.url}/v2/${repository}/manifests/${digest}`, {
    headers,
    signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]),
    redirect: 'error',
  })
  const said = answer.headers.get('docker-content-digest')
  if (!answer.ok || said !== digest) {
    throw new Error(`The image registry answered ${answer.status} with digest ${said} where ${digest} was pushed.`)
  }
  const manifest = (await answer.json()) as { config?: { size?: number }; layers?: { size?: number }[] }
  const sizes = [manifest.config, ...(manifest.layers ?? [])].map((part) => part?.size ?? 0)
  return { compressedBytes: sizes.reduce((total, size) => total + size, 0) }
}

interface PushLine {
  error?: string
  aux?: { Digest?: string }
}

async function* jsonLines(stream: Readable): AsyncGenerator<PushLine> {
  let held = ''
  stream.setEncoding('utf8')
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (held + chunk).split('\n')
    held = lines.pop() ?? ''
    for (const line of lines) if (line.trim()) yield JSON.parse(line) as PushLine
  }
  if (held.trim()) yield JSON.parse(held) as PushLine
}

/** Takes a name off an image in the engine, and the image with it when that was its last; a missing one is fine. */
export async function forgetImage(engine: Engine, reference: string): Promise<void> {
  await removing(engine.docker.getImage(reference).remove())
}
