import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { galleryLimits, galleryTypes } from '@modelport/schema/gallery'
import { z } from 'zod'
import { Refusal } from '#src/auth/refusal.ts'

export interface EncodedImage {
  width: number
  height: number
  data: Buffer
}

/** A page's width, a card's, and the row of a list. */
const sizes = ['1920x1920-inside', '640x640-inside', '192x144-cover']

const patienceMs = 30_000
const outputBytes = 16 * 1024 * 1024
/** Kilobytes of address space, of which Node alone takes more than one million. */
const addressSpace = 6_000_000
const atOnce = 2
const waiting = 8

const Answer = z.union([
  z.object({ error: z.string() }),
  z.object({
    renditions: z.array(z.object({ width: z.number(), height: z.number(), bytes: z.number().int().positive() })),
  }),
])

let running = 0
const queue: (() => void)[] = []

/**
 * Re-encodes a stranger's picture as WebP in several sizes, the largest first: nothing of the file that was sent is
 * kept. Decoding has a process of its own with bounds on pixels, memory and time. Of a moving picture the first frame
 * stays. Throws a `Refusal` that says what is wrong with the picture.
 */
export async function encodeImage(input: Uint8Array): Promise<EncodedImage[]> {
  if (input.length > galleryLimits.bytes) throw tooLarge()
  if (!looksLikeImage(input)) throw invalid('This file is no PNG, JPEG, WebP, AVIF or GIF image.')
  if (running >= atOnce) {
    if (queue.length >= waiting)
      throw new Refusal('unavailable', 'Many images are being worked on. Try again in a minute.')
    await new Promise<void>((resolve) => queue.push(resolve))
  }
  running++
  try {
    return await encodeNow(input)
  } finally {
    running--
    queue.shift()?.()
  }
}

export const tooLarge = () => invalid('The image is larger than 8 MB.')
const invalid = (sentence: string) => new Refusal('invalid', sentence)

async function encodeNow(input: Uint8Array): Promise<EncodedImage[]> {
  const output = await runProcess(input)
  const end = output.indexOf(0x0a)
  const answer = end < 0 ? null : Answer.parse(JSON.parse(output.toString('utf8', 0, end)))
  if (!answer) throw invalid('The image takes too much time or memory to decode.')
  if ('error' in answer)
    throw invalid(
      /pixel limit/i.test(answer.error)
        ? `The image has more than ${galleryLimits.pixels / 1_000_000} million pixels.`
        : 'The image cannot be decoded; it may be damaged.',
    )
  let at = end + 1
  return answer.renditions.map(({ width, height, bytes }) => {
    const data = output.subarray(at, at + bytes)
    at += bytes
    return { width, height, data }
  })
}

/** What the process printed; too little when it ended early or was ended. */
function runProcess(input: Uint8Array): Promise<Buffer> {
  const program = fileURLToPath(new URL('./image-process.mjs', import.meta.url))
  const limited = `ulimit -v ${addressSpace} 2>/dev/null; exec "$0" "$@"`
  const child = spawn(
    '/bin/sh',
    ['-c', limited, process.execPath, '--max-old-space-size=128', program, String(galleryLimits.pixels), ...sizes],
    // No environment of ours: the child has nothing to tell.
    { env: {} as NodeJS.ProcessEnv, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] },
  )
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    let said = ''
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > outputBytes) child.kill('SIGKILL')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < 2000) said += chunk.toString('utf8')
    })
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', (code) => {
      clearTimeout(timer)
      if (code !== 0 && said) console.error(`The process that decodes images ended with code ${code}.`, said)
      resolve(code === 0 ? Buffer.concat(chunks) : Buffer.alloc(0))
    })
    // A child that dies closes the pipe; its exit says more than EPIPE.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** Whether the file begins as one of `galleryTypes`; what it is called does not matter. */
function looksLikeImage(input: Uint8Array): boolean {
  const head = Buffer.from(input.subarray(0, 32)).toString('latin1')
  const kinds: Record<(typeof galleryTypes)[number], RegExp> = {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the signature of PNG holds one
    'image/png': /^\x89PNG\r\n\x1a\n/,
    'image/jpeg': /^\xff\xd8\xff/,
    'image/webp': /^RIFF[\s\S]{4}WEBP/,
    'image/avif': /^[\s\S]{4}ftyp(?:avif|avis|mif1|msf1)/,
    'image/gif': /^GIF8[79]a/,
  }
  return galleryTypes.some((type) => kinds[type].test(head))
}
