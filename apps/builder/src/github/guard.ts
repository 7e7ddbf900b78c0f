import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { failPoint } from '../fail-point.ts'

/** GitHub sends at most 25 MB; one more MiB for the difference between the two. */
const maxBodyBytes = 26 * 2 ** 20
/** Milliseconds that a body may take to arrive. */
const maxBodyMs = 30_000

/** A body whose signature is good. */
export interface VerifiedBody {
  bytes: Buffer
  sha256: string
}

/**
 * Reads a webhook's body and checks its signature over the bytes that arrived, before anything parses or logs them.
 * Answers 401, 408 or 413 itself and returns null when the body is refused. Probot's own middleware has no size limit
 * and logs the whole body of a bad signature, so nothing reaches it but what passed here.
 */
export async function readVerifiedBody(
  request: IncomingMessage,
  response: ServerResponse,
  secret: string,
): Promise<VerifiedBody | null> {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return refuse(request, response, 413)
  const hmac = createHmac('sha256', secret)
  const chunks: Buffer[] = []
  let size = 0
  const slow = setTimeout(() => request.destroy(new Error('body too slow')), maxBodyMs)
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBodyBytes) return refuse(request, response, 413)
      hmac.update(chunk)
      chunks.push(chunk)
    }
  } catch {
    return refuse(request, response, 408)
  } finally {
    clearTimeout(slow)
  }
  failPoint('body-read')
  const given = request.headers['x-hub-signature-256']
  const expected = Buffer.from(`sha256=${hmac.digest('hex')}`)
  if (typeof given !== 'string') return refuse(request, response, 401)
  const actual = Buffer.from(given)
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return refuse(request, response, 401)
  failPoint('signature-checked')
  const bytes = Buffer.concat(chunks)
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

function refuse(request: IncomingMessage, response: ServerResponse, status: 401 | 408 | 413): null {
  const words = {
    401: 'the signature is missing or wrong',
    408: 'the body took too long',
    413: 'the body is too large',
  }
  if (!response.headersSent && !response.destroyed) {
    response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' })
    response.end(`${words[status]}\n`, () => request.destroy())
  }
  return null
}
