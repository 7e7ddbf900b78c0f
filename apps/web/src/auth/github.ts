import type { Permission } from '@modelport/db/queries/people'
import { createAppAuth } from '@octokit/auth-app'
import { Octokit } from '@octokit/rest'
import { z } from 'zod'
import type { Config, Secrets } from '#src/config.ts'

/** What a browser's sign-in gave us. Stored sealed; a refresh token is good once. */
export const Tokens = z.object({
  access: z.string(),
  accessExpiresAt: z.number().nullable(),
  refresh: z.string().nullable(),
})
export type Tokens = z.infer<typeof Tokens>

export interface InstalledRepository {
  id: number
  owner: string
  name: string
  private: boolean
  description: string | null
  installationId: number
  mayWrite: boolean
  mayAdminister: boolean
  pushedAt: string | null
}

/** Somebody whom GitHub gives rights on a repository. */
export interface Member {
  login: string
  avatarUrl: string | null
  role: 'read' | 'write' | 'admin'
}

/** The app on one account, as the signed-in person sees it. */
export interface SeenInstallation {
  id: number
  account: string
  suspended: boolean
  /** Where its repositories are chosen. */
  url: string
}

/** GitHub could not be asked: it was silent for ten seconds, or answered with an error of its own. */
export class GithubUnavailable extends Error {}
/** GitHub refused a sign-in; the message is for the person. */
export class SignInRefused extends Error {}

/** What the site asks GitHub. Everything that receives one can be tested with a fake. */
export interface Github {
  permissionOf(
    repository: { owner: string; name: string; installationId: number | null },
    login: string,
  ): Promise<Permission>
  /** The repository as the app sees it; null when it does not exist or the app is not on it. */
  findRepository(owner: string, name: string): Promise<{ id: number; fullName: string; installationId: number } | null>
  /** Everybody with rights on the repository, owners first; at most 300. */
  listMembers(repository: { owner: string; name: string; installationId: number | null }): Promise<Member[]>
  /** The accounts on which the person sees the app, suspended ones too. */
  listInstallations(accessToken: string): Promise<SeenInstallation[]>
  /** Where the app is installed, and the permissions that it asks for. */
  describeApp(): Promise<{ installUrl: string; permissions: Record<string, string> }>
  /** The names in the root of a branch, and the text of one file there; null when the branch has no commit. */
  readRoot(
    repository: { owner: string; name: string; installationId: number },
    file: string,
  ): Promise<{ branch: string; names: string[]; text: string | null } | null>
  exchangeCode(code: string, verifier: string): Promise<Tokens>
  refreshTokens(refresh: string): Promise<Tokens>
  whoIs(accessToken: string): Promise<{ id: number; login: string; name: string | null; avatar_url: string | null }>
  /** Repositories that both the person and the app can see. */
  listRepositories(accessToken: string): Promise<InstalledRepository[]>
}

const patience = 10_000
/** A person with more installed repositories than this imports the rest by name. */
const maxPages = 10

export function connectGithub(config: Config, secrets: Secrets): Github {
  const impatientFetch: typeof fetch = (input, init) =>
    fetch(input, { ...init, signal: AbortSignal.timeout(patience), redirect: 'error' })
  const shared = { baseUrl: config.githubApiUrl, userAgent: 'modelport-web', request: { fetch: impatientFetch } }

  // One client per installation, so that its token is made once an hour and not once a page.
  const clients = new Map<number | 'app', Octokit>()
  function asApp(installationId?: number): Octokit {
    const key = installationId ?? 'app'
    const existing = clients.get(key)
    if (existing) return existing
    if (!config.githubAppId || !secrets.githubPrivateKey)
      throw new GithubUnavailable('This installation has no GitHub App configured.')
    const made = new Octokit({
      ...shared,
      authStrategy: createAppAuth,
      auth: {
        appId: config.githubAppId,
        privateKey: secrets.githubPrivateKey,
        // The library refuses the key with an undefined value.
        ...(installationId === undefined ? {} : { installationId }),
      },
    })
    clients.set(key, made)
    return made
  }
  const asPerson = (accessToken: string) => new Octokit({ ...shared, auth: accessToken })

  async function installationOf(owner: string, repo: string): Promise<number | null> {
    return orNull(async () => (await asApp().apps.getRepoInstallation({ owner, repo })).data.id)
  }

  async function askForTokens(form: Record<string, string>): Promise<Tokens> {
    const answer = await unavailableOnFailure(() =>
      fetch(`${config.githubWebUrl}/login/oauth/access_token`, {
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          client_id: config.githubClientId,
          client_secret: secrets.githubClientSecret,
          ...form,
        }),
        signal: AbortSignal.timeout(patience),
        redirect: 'error',
      }),
    )
    const body = TokenAnswer.safeParse(await answer.json().catch(() => null))
    // GitHub answers a bad code with 200 and an `error` field.
    if (!body.success || !body.data.access_token)
      throw new SignInRefused(
        body.data?.error_description ?? 'GitHub did not accept this sign-in. Start it again from the sign-in link.',
      )
    return {
      access: body.data.access_token,
      accessExpiresAt: body.data.expires_in ? Date.now() + body.data.expires_in * 1000 : null,
      refresh: body.data.refresh_token ?? null,
    }
  }

  return {
    async permissionOf(repository, login) {
      return unavailableOnFailure(async () => {
        const { owner, name: repo } = repository
        const installationId = repository.installationId ?? (await installationOf(owner, repo))
        if (installationId === null) return 'none'
        const answer = await orNull(() =>
          asApp(installationId).repos.getCollaboratorPermissionLevel({ owner, repo, username: login }),
        )
        const permission = answer?.data.permission
        return permission === 'admin' || permission === 'write' || permission === 'read' ? permission : 'none'
      })
    },
    async findRepository(owner, name) {
      return unavailableOnFailure(async () => {
        const installationId = await installationOf(owner, name)
        if (installationId === null) return null
        const answer = await orNull(() => asApp(installationId).repos.get({ owner, repo: name }))
        return answer ? { id: answer.data.id, fullName: answer.data.full_name, installationId } : null
      })
    },
    async listMembers({ owner, name: repo, installationId }) {
      return unavailableOnFailure(async () => {
        const id = installationId ?? (await installationOf(owner, repo))
        if (id === null) return []
        const found: Member[] = []
        for (let page = 1; page <= 3; page++) {
          const { data } = await asApp(id).repos.listCollaborators({ owner, repo, per_page: 100, page })
          for (const { login, avatar_url, permissions } of data)
            found.push({
              login,
              avatarUrl: avatar_url ?? null,
              role: permissions?.admin ? 'admin' : permissions?.push ? 'write' : 'read',
            })
          if (data.length < 100) break
        }
        const order = ['admin', 'write', 'read']
        return found.sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role) || a.login.localeCompare(b.login))
      })
    },
    async listInstallations(accessToken) {
      return unavailableOnFailure(async () => {
        const { data } = await asPerson(accessToken).apps.listInstallationsForAuthenticatedUser({ per_page: 100 })
        return data.installations.map((installation) => ({
          id: installation.id,
          account: (installation.account && 'login' in installation.account && installation.account.login) || '',
          suspended: Boolean(installation.suspended_at),
          url: installation.html_url,
        }))
      })
    },
    async describeApp() {
      return unavailableOnFailure(async () => {
        const { data } = await asApp().apps.getAuthenticated()
        const permissions = Object.entries(data?.permissions ?? {}).filter((pair): pair is [string, string] =>
          Boolean(pair[1]),
        )
        return {
          installUrl: `${config.githubWebUrl}/apps/${data?.slug ?? ''}/installations/new`,
          permissions: Object.fromEntries(permissions),
        }
      })
    },
    async readRoot({ owner, name: repo, installationId }, file) {
      return unavailableOnFailure(async () => {
        const { data } = await asApp(installationId).repos.get({ owner, repo })
        const root = await orNull(() => asApp(installationId).repos.getContent({ owner, repo, path: '' }))
        if (!root || !Array.isArray(root.data)) return null
        const names = root.data.map((entry) => entry.name)
        const entry = names.includes(file)
          ? (await asApp(installationId).repos.getContent({ owner, repo, path: file })).data
          : null
        const text =
          entry && !Array.isArray(entry) && entry.type === 'file' && 'content' in entry
            ? Buffer.from(entry.content, 'base64').toString('utf8')
            : null
        return { branch: data.default_branch, names, text }
      })
    },
    exchangeCode: (code, verifier) =>
      askForTokens({ code, code_verifier: verifier, redirect_uri: `${config.siteUrl}/login/callback` }),
    refreshTokens: (refresh) => askForTokens({ grant_type: 'refresh_token', refresh_token: refresh }),
    async whoIs(accessToken) {
      const { data } = await unavailableOnFailure(() => asPerson(accessToken).users.getAuthenticated())
      return { id: data.id, login: data.login, name: data.name ?? null, avatar_url: data.avatar_url ?? null }
    },
    async listRepositories(accessToken) {
      return unavailableOnFailure(async () => {
        const person = asPerson(accessToken)
        const found: InstalledRepository[] = []
        const installations = await person.apps.listInstallationsForAuthenticatedUser({ per_page: 100 })
        for (const installation of installations.data.installations) {
          for (let page = 1; page <= maxPages; page++) {
            const { data } = await person.apps.listInstallationReposForAuthenticatedUser({
              installation_id: installation.id,
              per_page: 100,
              page,
            })
            for (const repository of data.repositories)
              found.push({
                id: repository.id,
                owner: repository.owner.login,
                name: repository.name,
                private: repository.private,
                description: repository.description ?? null,
                installationId: installation.id,
                mayWrite: repository.permissions?.push ?? repository.permissions?.admin ?? false,
                mayAdminister: repository.permissions?.admin ?? false,
                pushedAt: repository.pushed_at ?? null,
              })
            if (data.repositories.length < 100) break
          }
        }
        return found.sort((a, b) => (b.pushedAt ?? '').localeCompare(a.pushedAt ?? ''))
      })
    },
  }
}

const TokenAnswer = z.object({
  access_token: z.string().optional(),
  expires_in: z.number().optional(),
  refresh_token: z.string().optional(),
  error: z.string().optional(),
  error_description: z.string().max(500).optional(),
})

const statusOf = (error: unknown) =>
  typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : null

async function orNull<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (error) {
    if (statusOf(error) === 404) return null
    throw error
  }
}

async function unavailableOnFailure<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof GithubUnavailable || error instanceof SignInRefused) throw error
    throw new GithubUnavailable('GitHub could not be asked.', { cause: error })
  }
}
