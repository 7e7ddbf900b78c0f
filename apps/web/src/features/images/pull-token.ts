import { seal, unseal } from '#src/auth/seal.ts'

/** For how many seconds a pull token is good; an engine asks for another by itself. */
export const pullTokenSeconds = 300

/**
 * A token that an engine shows at the image door instead of the API token that its person signed in with: sealed, so that
 * it tells nothing, and short, so that one that leaks is soon worth nothing. Null stands for somebody who did not sign in.
 */
export function makePullToken(key: Buffer, apiToken: string | null, now = Date.now()): string {
  return seal(key, JSON.stringify({ for: 'pull', apiToken, until: now + pullTokenSeconds * 1000 }))
}

/** Null when the token is not one of ours, or its time ran out. */
export function readPullToken(key: Buffer, token: string, now = Date.now()): { apiToken: string | null } | null {
  const text = unseal(key, token)
  if (text === null) return null
  // Sealed by us, but perhaps for something else: other things are sealed with the same key.
  try {
    const told = JSON.parse(text)
    return told?.for === 'pull' && told.until > now ? { apiToken: told.apiToken } : null
  } catch {
    return null
  }
}
