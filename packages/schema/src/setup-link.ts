import { createHmac, timingSafeEqual } from 'node:crypto'

// Nobody can sign in before the GitHub App exists, and the page that makes it is for operators. Whoever holds the
// installation's SECRET_KEY is one: `admin -- connect-link` prints a link that opens this page for an hour.

const lifetimeMs = 3600_000

/** What proves that its bearer holds the key of this installation: the end of its life and a signature. */
export function makeSetupProof(key: Buffer, now = Date.now()): string {
  const end = String(now + lifetimeMs)
  return `${end}.${sign(key, end)}`
}

export function isSetupProof(key: Buffer, proof: string, now = Date.now()): boolean {
  const [end = '', signature = ''] = proof.split('.')
  if (!/^\d{1,15}$/.test(end) || Number(end) < now) return false
  const [given, wanted] = [Buffer.from(signature), Buffer.from(sign(key, end))]
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

function sign(key: Buffer, end: string): string {
  return createHmac('sha256', key).update(`modelport setup link ${end}`).digest('base64url')
}
