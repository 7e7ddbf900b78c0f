import type { Readable } from 'node:stream'

/** Reads a stream of one JSON value per line, as the engine answers; an error of the stream is thrown. */
export async function* jsonLines<Value>(stream: Readable): AsyncGenerator<Value> {
  const decoder = new TextDecoder()
  let held = ''
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    held += decoder.decode(chunk, { stream: true })
    let from = 0
    for (let at = held.indexOf('\n'); at >= 0; at = held.indexOf('\n', from)) {
      const line = held.slice(from, at).trim()
      from = at + 1
      if (line) yield JSON.parse(line) as Value
    }
    held = held.slice(from)
  }
  if (held.trim()) yield JSON.parse(held) as Value
}
