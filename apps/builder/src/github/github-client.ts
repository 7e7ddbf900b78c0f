import { createAppAuth } from '@octokit/auth-app'
import { Octokit } from '@octokit/rest'
import Bottleneck from 'bottleneck'
import type { GithubConfig } from '../config.ts'

/** Milliseconds after which a call to GitHub is given up; retries belong to the inbox and the queue. */
const callTimeoutMs = 15_000

/** GitHub as the app and as each of its installations. Importing or making it connects to nothing. */
export interface GithubClients {
  /** Authenticated by the app's own JWT. */
  app: Octokit
  /** Authenticated by a token of one installation, fetched on its first call and kept for less than an hour. */
  installation(id: number): Octokit
}

export function makeGithubClients(config: GithubConfig, privateKey: string): GithubClients {
  // GitHub asks for a second between two writes of one client; the gap is configuration, so that a local one may be quicker.
  const writes = new Bottleneck.Group({ minTime: config.writeGapMs, maxConcurrent: 5, timeout: 120_000 })
  const installations = new Map<number, Octokit>()
  const make = (key: string, auth: Record<string, unknown>) => {
    const octokit = new Octokit({
      authStrategy: createAppAuth,
      auth: { appId: config.appId, privateKey, ...auth },
      baseUrl: config.apiUrl,
      userAgent: 'modelport',
      log: { debug() {}, info() {}, warn() {}, error() {} },
      request: { fetch: fetchWithTimeout },
    })
    octokit.hook.wrap('request', (request, options) =>
      options.method === 'GET' || options.url.includes('access_tokens')
        ? request(options)
        : writes.key(key).schedule(async () => request(options)),
    )
    return octokit
  }
  return {
    app: make('app', {}),
    installation(id) {
      let octokit = installations.get(id)
      if (!octokit) {
        octokit = make(String(id), { installationId: id })
        installations.set(id, octokit)
      }
      return octokit
    },
  }
}

const fetchWithTimeout: typeof fetch = (input, init) =>
  fetch(input, { ...init, signal: init?.signal ?? AbortSignal.timeout(callTimeoutMs) })

/** The HTTP status that GitHub answered with, or null when the call did not get that far. */
export function githubStatus(error: unknown): number | null {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : null
}
