import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

// Hashes files beside the page, which stays quick. WebCrypto hashes only what is in memory whole, and only on https.

export type HashTask = { id: number; file: Blob; only?: 'ends' }
export type HashAnswer = { id: number; hex: string } | { id: number; failed: string }

const chunk = 4 * 2 ** 20
const end = 2 ** 20

async function hashOf({ file, only }: HashTask): Promise<string> {
  const hash = sha256.create()
  const read = async (from: number, to: number) => hash.update(new Uint8Array(await file.slice(from, to).arrayBuffer()))
  if (only === 'ends') {
    await read(0, Math.min(end, file.size))
    await read(Math.max(end, file.size - end), file.size)
  } else {
    for (let from = 0; from < file.size; from += chunk) await read(from, Math.min(from + chunk, file.size))
  }
  return bytesToHex(hash.digest())
}

addEventListener('message', ({ data }: MessageEvent<HashTask>) => {
  const answer = (message: HashAnswer) => postMessage(message)
  hashOf(data).then(
    (hex) => answer({ id: data.id, hex }),
    (error: unknown) => answer({ id: data.id, failed: String(error) }),
  )
})
