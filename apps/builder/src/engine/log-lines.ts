import type { Readable } from 'node:stream'

/** Bytes of UTF-8 in one line of a log, its mark of a cut included. */
export const maxLineBytes = 16 * 1024
const cutMark = ' [cut]'

// Sequences that a terminal would obey. SGR (colours) is kept; window titles, links, clipboard, cursor movement are not.
const sequences =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject here
  /\x1b\[[0-9;:]*m|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject here
const colour = /^\x1b\[[0-9;:]*m$/
// C0 but for tab and ESC (what is left of it belongs to a colour), DEL, C1, and the marks that reorder or break a shown line.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject here
const controls = /[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** Takes the control characters out of one line of output and cuts it to 16 KiB of UTF-8; colours stay. */
export function cleanLine(text: string, cut = false): string {
  const shown = text.replace(sequences, (found) => (colour.test(found) ? found : '')).replace(controls, '')
  const bytes = Buffer.from(shown)
  if (!cut && bytes.length <= maxLineBytes) return shown
  // A streaming decoder leaves out the half of a character at the end.
  const whole = new TextDecoder().decode(bytes.subarray(0, maxLineBytes - cutMark.length), { stream: true })
  return whole + cutMark
}

/** Turns the bytes of one output stream into clean lines. A carriage return starts the line again, so a progress bar leaves its last frame. */
export class LineSplitter {
  readonly #decoder = new TextDecoder()
  #held = ''
  #cut = false
  #returned = false;

  /** The lines that these bytes complete, without their newlines. */
  *push(bytes: Uint8Array): Generator<string> {
    yield* this.#take(this.#decoder.decode(bytes, { stream: true }))
  }

  /** The last line, when the output did not end with a newline. */
  *end(): Generator<string> {
    yield* this.#take(this.#decoder.decode())
    if (this.#held) yield this.#finish()
  }

  *#take(text: string): Generator<string> {
    let from = 0
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      this.#add(text.slice(from, at))
      yield this.#finish()
      from = at + 1
    }
    this.#add(text.slice(from))
  }

  #add(text: string): void {
    if (text === '') return
    // Whether a return begins a new frame or belongs to "\r\n" is known only when something follows it.
    if (this.#returned && /[^\r]/.test(text)) this.#restart()
    const kept = text.replace(/\r+$/, '')
    const frame = kept.lastIndexOf('\r')
    if (frame >= 0) this.#restart()
    this.#returned = kept !== text
    this.#held += kept.slice(frame + 1)
    // Longer than any line that is kept: what follows cannot be seen.
    if (this.#held.length > maxLineBytes) {
      this.#held = this.#held.slice(0, maxLineBytes)
      this.#cut = true
    }
  }

  #restart(): void {
    this.#held = ''
    this.#cut = false
    this.#returned = false
  }

  #finish(): string {
    const line = cleanLine(this.#held, this.#cut)
    this.#restart()
    return line
  }
}

/**
 * Takes the engine's framed output apart: pieces of at most one frame, as they arrive.
 * Reading the next piece only after the last was dealt with holds the container's writes back.
 */
export async function* outputPieces(
  attached: Readable,
): AsyncGenerator<{ stream: 'stdout' | 'stderr'; bytes: Buffer }> {
  let head = Buffer.alloc(0)
  let left = 0
  let stream: 'stdout' | 'stderr' = 'stdout'
  for await (const chunk of attached as AsyncIterable<Buffer>) {
    let rest = chunk
    while (rest.length > 0) {
      if (left === 0) {
        const wanted = 8 - head.length
        head = Buffer.concat([head, rest.subarray(0, wanted)])
        rest = rest.subarray(wanted)
        if (head.length < 8) break
        stream = head[0] === 2 ? 'stderr' : 'stdout'
        left = head.readUInt32BE(4)
        head = Buffer.alloc(0)
        continue
      }
      const bytes = rest.subarray(0, left)
      rest = rest.subarray(bytes.length)
      left -= bytes.length
      yield { stream, bytes }
    }
  }
}
