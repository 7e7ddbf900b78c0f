import { defaultFileLimits, type FileLimits } from '@modelport/db/queries/files'
import { createApiToken, type Permission, type TokenScope, type User } from '@modelport/db/queries/people'
import { makeSeed } from '@modelport/db/seed'
import { openTestDatabase } from '@modelport/db/testing'
import type { Storage } from '@modelport/storage/storage'
import type { Github } from '#src/auth/github.ts'
import { replaceContext } from '#src/context.ts'
import { openNewsFeed } from '#src/news.ts'

export const siteUrl = 'http://site.test'

// A handler of any route: Next gives it the request and the parameters of its path.
// biome-ignore lint/suspicious/noExplicitAny: the parameters differ from route to route
type Handler = (request: Request, context: { params: Promise<any> }) => Promise<Response>

/** The site in this process, on a database of its own and beside a GitHub of two maps. */
export async function openTestSite({
  storage = null,
  fileLimits = {},
}: {
  storage?: Storage | null
  fileLimits?: Partial<FileLimits>
} = {}) {
  const database = await openTestDatabase()
  const seed = makeSeed(database.db)
  /** `owner/name` -> repository; and `owner/name login` -> permission. */
  const repositories = new Map<string, { id: number; fullName: string; installationId: number }>()
  const permissions = new Map<string, Permission>()
  let asked = 0
  const github = {
    permissionOf: async ({ owner, name }, login) => {
      asked++
      return permissions.get(`${owner}/${name} ${login}`) ?? 'none'
    },
    findRepository: async (owner, name) => repositories.get(`${owner}/${name}`) ?? null,
    listMembers: async ({ owner, name }) =>
      [...permissions].flatMap(([key, role]) => {
        const [path, login] = key.split(' ') as [string, string]
        return path === `${owner}/${name}` && role !== 'none' ? [{ login, avatarUrl: null, role }] : []
      }),
    listInstallations: async () => [],
    describeApp: async () => ({ installUrl: 'http://github.test/apps/modelport/installations/new', permissions: {} }),
    readRoot: async () => null,
    exchangeCode: async (code) => ({ access: `access-${code}`, accessExpiresAt: null, refresh: null }),
    refreshTokens: async () => ({ access: 'renewed', accessExpiresAt: null, refresh: null }),
    whoIs: async (token) => ({ id: 4711, login: token.replace('access-', ''), name: null, avatar_url: null }),
    listRepositories: async () => [],
    askAsApp: async () => ({ status: 401, body: null }),
    convertManifest: async () => null,
  } satisfies Github
  const news = openNewsFeed(database.url)
  replaceContext({
    config: {
      siteUrl,
      secureCookies: false,
      githubWebUrl: 'http://github.test',
      githubApiUrl: 'http://github.test/api/v3',
      githubAppId: '1',
      githubClientId: 'client',
      webhookUrl: null,
      imageRegistry: 'images.test:3050',
      adminLogins: [],
      storage: null,
      fileLimits: { ...defaultFileLimits, ...fileLimits },
    },
    secrets: {
      databaseUrl: database.url,
      githubPrivateKey: '',
      githubClientSecret: 'secret',
      key: Buffer.alloc(32, 7),
      storage: null,
    },
    db: database.db,
    sql: database.sql,
    github,
    news,
    storage,
  })
  const tokenOf = async (user: User, scopes?: TokenScope[]) =>
    (await createApiToken(database.db, user.id, { name: 'test', scopes })).secret

  return {
    db: database.db,
    seed,
    repositories,
    permissions,
    asked: () => asked,
    tokenOf,
    /** Calls a handler as Next does. `as` is an API token. */
    async call(
      handler: Handler,
      path: string,
      params: Record<string, string> = {},
      {
        as,
        body,
        method,
        headers = {},
      }: { as?: string; body?: unknown; method?: string; headers?: Record<string, string> } = {},
    ) {
      const request = new Request(`${siteUrl}/api/v1${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          ...(as ? { authorization: `Bearer ${as}` } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body),
      })
      return handler(request, { params: Promise.resolve(params) })
    },
    async close() {
      replaceContext(undefined)
      await news.close()
      await database.close()
    },
  }
}

/** The part of an object store that holds small objects. */
export function memoryStorage() {
  const kept = new Map<string, Uint8Array>()
  const storage: Pick<Storage, 'put' | 'get' | 'delete'> = {
    put: async (key, body) => void kept.set(key, body),
    get: async (key) => kept.get(key) ?? null,
    delete: async (keys) => {
      for (const key of keys) kept.delete(key)
    },
  }
  return { ...(storage as Storage), kept }
}

export type TestSite = Awaited<ReturnType<typeof openTestSite>>
