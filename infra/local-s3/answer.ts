import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { S3Error } from './s3-error.ts'
import { writeXml, type XmlFields } from './xml.ts'

/** What a request is answered with. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body?: string
  /** Bytes from the disk; `content-length` is among the headers then. */
  stream?: () => AsyncIterable<Buffer>
  /** Called when the answer was sent, or could not be. */
  done?: () => void
}

/** An answer of XML. */
export function xmlAnswer(root: string, fields: XmlFields, headers: Record<string, string> = {}): Answer {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: writeXml(root, fields) }
}

/** An answer without a body. */
export function emptyAnswer(status: number, headers: Record<string, string> = {}): Answer {
  return { status, headers }
}

/** A refusal as S3 writes it. */
export function errorAnswer(error: S3Error, path: string, requestId: string): Answer {
  const fields = { Code: error.code, Message: error.message, Resource: path, RequestId: requestId }
  // A key may hold what XML cannot.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are taken out
  const body = writeXml('Error', fields, false).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '?')
  return { status: error.status, headers: { 'content-type': 'application/xml' }, body }
}

/** Sends an answer and resolves when it is out or the client is gone. */
export async function sendAnswer(answer: Answer, response: ServerResponse, isHead: boolean): Promise<void> {
  try {
    const body = answer.body === undefined ? null : Buffer.from(answer.body)
    for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value)
    if (body || !answer.stream) {
      if (answer.headers['content-length'] === undefined && answer.status !== 204 && answer.status !== 304) {
        response.setHeader('content-length', body?.length ?? 0)
      }
    }
    response.writeHead(answer.status)
    if (isHead || !answer.stream) {
      response.end(isHead ? undefined : (body ?? undefined))
      return
    }
    await pipeline(Readable.from(answer.stream(), { objectMode: false }), response)
  } finally {
    answer.done?.()
  }
}
