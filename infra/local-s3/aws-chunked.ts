import { createHash } from 'node:crypto'
import { S3Error } from './s3-error.ts'
import { checkChunkSignature, checkTrailerSignature, type Signed } from './signature.ts'

// A body in pieces, each with its length and perhaps its signature, and headers after the last one:
// docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and .../sigv4-streaming-trailers.html

const maxLineBytes = 8 * 1024
const maxTrailers = 20

/**
 * Takes the body out of its `aws-chunked` coding and fills `trailers`, names in lower case. With `signed` each chunk's
 * signature is checked; bytes are handed on before that, so a reader keeps nothing until the end was reached.
 */
export async function* decodeAwsChunked(
  input: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
  signed: Signed | null,
): AsyncGenerator<Buffer> {
  const reader = new Reader(input)
  let previous = signed?.signature ?? ''
  for (;;) {
    const head = /^([0-9a-fA-F]{1,10})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(await reader.line())
    if (!head || (signed && !head[2])) throw broken('A chunk does not begin with its length.')
    const length = Number.parseInt(head[1]!, 16)
    const hash = signed ? createHash('sha256') : null
    for (let left = length; left > 0; ) {
      const piece = await reader.atMost(left)
      left -= piece.length
      hash?.update(piece)
      yield piece
    }
    if (signed) previous = checkChunkSignature(signed, previous, hash!.digest('hex'), head[2]!)
    if (length === 0) break
    if ((await reader.line()) !== '') throw broken('A chunk is longer than it says.')
  }
  await readTrailers(reader, trailers)
  const signature = trailers.get('x-amz-trailer-signature')
  trailers.delete('x-amz-trailer-signature')
  if (signed?.payload.endsWith('-TRAILER')) {
    const lines = [...trailers].map(([name, value]) => `${name}:${value}\n`).join('')
    checkTrailerSignature(signed, previous, lines, signature ?? '')
  }
}

async function readTrailers(reader: Reader, trailers: Map<string, string>): Promise<void> {
  for (;;) {
    const line = await reader.line('may end')
    if (!line) return
    const colon = line.indexOf(':')
    if (colon < 1 || trailers.size >= maxTrailers) throw broken('The trailers are not headers.')
    trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
}

/** Reads lines and pieces from a stream of buffers. */
class Reader {
  #source: AsyncIterator<Buffer>
  #held: Buffer = Buffer.alloc(0)

  constructor(input: AsyncIterable<Buffer>) {
    this.#source = input[Symbol.asyncIterator]()
  }

  /** A line without its end; at the end of the stream, with `may end`, what is left. */
  async line(atEnd?: 'may end'): Promise<string> {
    let end = this.#held.indexOf('\r\n')
    while (end < 0) {
      if (this.#held.length > maxLineBytes) throw broken('A line is too long.')
      if (!(await this.#more())) {
        if (!atEnd) throw new S3Error('IncompleteBody', 'The body ends in the middle of a chunk.')
        end = this.#held.length
        break
      }
      end = this.#held.indexOf('\r\n')
    }
    const line = this.#held.toString('latin1', 0, end)
    this.#held = this.#held.subarray(end + 2)
    return line
  }

  /** The next bytes, one to `count` of them. */
  async atMost(count: number): Promise<Buffer> {
    if (this.#held.length === 0 && !(await this.#more())) {
      throw new S3Error('IncompleteBody', 'The body ends in the middle of a chunk.')
    }
    const piece = this.#held.subarray(0, count)
    this.#held = this.#held.subarray(piece.length)
    return piece
  }

  async #more(): Promise<boolean> {
    for (;;) {
      const { value, done } = await this.#source.next()
      if (done) return false
      if (value.length === 0) continue
      this.#held = this.#held.length ? Buffer.concat([this.#held, value]) : value
      return true
    }
  }
}

function broken(message: string): S3Error {
  return new S3Error('InvalidRequest', message)
}
