import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { PlatformError } from '../build/build-error.ts'
import { type GithubClients, githubStatus } from './github-client.ts'

/** Milliseconds to wait for a commit that the API does not know yet: it may lag a push by a second or so. */
const waits = [1000, 2000, 4000]

/**
 * Opens the gzipped tar of a commit as a stream, through the installation's token. The bytes of an archive may change
 * from one day to the next, so nothing is concluded from their hash.
 */
export async function openArchive(
  github: GithubClients,
  source: { installationId: number; repositoryId: number; commit: string },
  signal: AbortSignal,
): Promise<Readable> {
  const octokit = github.installation(source.installationId)
  for (let attempt = 0; ; attempt++) {
    try {
      const response = await octokit.request('GET /repositories/{id}/tarball/{ref}', {
        id: source.repositoryId,
        ref: source.commit,
        request: { parseSuccessResponseBody: false, signal: AbortSignal.any([signal, AbortSignal.timeout(300_000)]) },
      })
      return Readable.fromWeb(response.data as unknown as ReadableStream)
    } catch (error) {
      signal.throwIfAborted()
      const status = githubStatus(error)
      const wait = waits[attempt]
      if ((status === 404 || status === 422) && wait !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, wait))
        continue
      }
      throw new PlatformError(
        'source/not-fetched',
        status === 404
          ? 'GitHub does not give out the commit: it may have been removed, or the app may no longer see the repository.'
          : 'GitHub did not give out the commit’s archive; it is tried again.',
        { step: 'fetch' },
        { cause: error },
      )
    }
  }
}
