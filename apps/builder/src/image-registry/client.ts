import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import { PlatformError } from '../build/build-error.ts'
import { type Engine, removing } from '../engine/engine.ts'

/** An image where it can be had from: repository and digest, never a host. */
export interface StoredImage {
  repository: string
  tag: string
  /** Of the manifest in the image registry where `pushed`; else the image id in the engine, which no other machine has. */
  digest: string
  pushed: boolean
  /** Bytes of the compressed layers and the config, as a pull transfers them; null where nothing was pushed. */
  compressedBytes: number | null
}

export interface PushRequest {
  imageId: string
  /** `host:port` as image names begin and as the engine and this process reach it; null keeps the image in the engine. */
  registry: string | null
  repository: string
  tag: string
  /** Left out for an image registry without sign-in. */
  credentials?: { username: string; password: string }
  signal?: AbortSignal
}

/** Pushes an image and reads its digest back. Throws `PlatformError`, or the signal's reason. */
export async function pushImage(engine: Engine, request: PushRequest): Promise<StoredImage> {
  const { imageId, registry, repository, tag, signal } = request
  signal?.throwIfAborted()
  try {
    if (registry === null) {
      await engine.docker.getImage(imageId).tag({ repo: repository, tag })
      return { repository, tag, digest: imageId, pushed: false, compressedBytes: null }
    }
    const repo = `${registry}/${repository}`
    await engine.docker.getImage(imageId).tag({ repo, tag })
    try {
      const digest = await push(engine, `${repo}:${tag}`, request)
      return { repository, tag, digest, pushed: true, ...(await readManifest(registry, digest, request)) }
    } finally {
      // The name was for the push; the layers stay as long as the cache or a staging name holds them.
      await removing(engine.docker.getImage(`${repo}:${tag}`).remove())
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw new PlatformError('image-registry/push-failed', 'The image could not be pushed.', {}, { cause: error })
  }
}

/** Pushes a name and returns the digest that the registry gave. Errors come as lines of a 200 answer. */
async function push(engine: Engine, reference: string, { credentials, registry, signal }: PushRequest) {
  // The engine wants this header even where nobody signs in.
  const authconfig = credentials ? { ...credentials, serveraddress: registry } : {}
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
async function readManifest(registry: string, digest: string, { repository, credentials, signal }: PushRequest) {
  const headers: Record<string, string> = {
    accept: 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json',
  }
  if (credentials) {
    const words = `${credentials.username}:${credentials.password}`
    headers.authorization = `Basic ${Buffer.from(words).toString('base64')}`
  }
  const timeLimit = AbortSignal.timeout(15_000)
  const answer = await fetch(`${schemeOf(registry)}://${registry}/v2/${repository}/manifests/${digest}`, {
    headers,
    signal: signal ? AbortSignal.any([signal, timeLimit]) : timeLimit,
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

/** The engine's own rule: plain HTTP on loopback only. */
function schemeOf(registry: string): 'http' | 'https' {
  const { hostname } = new URL(`http://${registry}`)
  const address = hostname.replace(/^\[|\]$/g, '')
  return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
    ? 'http'
    : 'https'
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
