import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Database, openDatabase } from '@modelport/db/client'
import { makeSeed } from '@modelport/db/seed'
import { allApps } from '@modelport/infra/local/apps'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { signIn } from './sign-in.ts'
import { openWorld, type World } from './world.ts'

// Every route of the site and of the API, read off the tree, as every kind of person asks for it. What each needs stands in
// one table below; a route or a method that is not in it fails the test.

const roles = ['anonymous', 'viewer', 'publisher', 'owner', 'ex-collaborator'] as const
type Role = (typeof roles)[number]
const visibilities = ['public', 'unlisted', 'private'] as const
type Visibility = (typeof visibilities)[number]
type Outcome = 'allowed' | 'hidden' | 'forbidden' | 'sign in'

/** What a route asks of a person. */
type Need =
  | 'nothing'
  | 'to sign in'
  | 'to operate'
  | 'to see the model'
  | 'to see versions'
  | 'to see logs'
  | 'to see files'
  | 'to see changes'
  | 'to publish'
  | 'to own'

/** Product decision 8, in words of its own: not the code that is tested. */
function expected(need: Need, role: Role, visibility: Visibility): Outcome {
  if (need === 'nothing') return 'allowed'
  if (need === 'to sign in') return role === 'anonymous' ? 'sign in' : 'allowed'
  if (need === 'to operate') return role === 'owner' ? 'allowed' : role === 'anonymous' ? 'sign in' : 'hidden'
  if (visibility === 'private' && (role === 'anonymous' || role === 'ex-collaborator')) return 'hidden'
  if (need === 'to see the model' || role === 'owner') return 'allowed'
  if (role === 'publisher') return need === 'to own' ? 'forbidden' : 'allowed'
  // Who reads a private repository knows that the model has these pages; nobody else does.
  if (role === 'viewer' && visibility === 'private') return 'forbidden'
  // A change that is asked for without a name, of a model that all may see: who are you?
  const isChange = need === 'to publish' || need === 'to own'
  return role === 'anonymous' && isChange ? 'sign in' : 'hidden'
}

interface Call {
  need: Need
  /** The path for a model at `alice/NAME`. */
  path: (model: string) => string
  /** Of a change: one that is refused as wrong, so that nothing changes where it is allowed. */
  body?: unknown
  /** Nobody looks at its answer: whoever may not, gets 404. */
  alwaysHides?: boolean
}
const wrong = { 'this is': 'no such request' }
const one = (need: Need, path: Call['path'] | string, more: Partial<Call> = {}): Call => ({
  need,
  path: typeof path === 'string' ? () => path : path,
  ...more,
})
const nobody = '00000000-0000-4000-8000-000000000000'
let ids: Record<string, { delivery: string; file: string; upload: string }>

/** By the route's file and its method. */
const table: Record<string, Record<string, Call[]>> = {
  'page.tsx': { GET: [one('nothing', '/')] },
  'models/page.tsx': { GET: [one('nothing', '/models')] },
  'models/suggest/route.ts': { GET: [one('nothing', '/models/suggest?q=mq')] },
  'docs/api/page.tsx': { GET: [one('nothing', '/docs/api')] },
  // Signed addresses; `hostile-text.e2e.test.ts` asks for forged ones.
  'remote-image/[key]/[file]/route.ts': { GET: [] },
  'dashboard/page.tsx': { GET: [one('to sign in', '/dashboard')] },
  'new/page.tsx': { GET: [one('to sign in', '/new')] },
  'settings/tokens/page.tsx': { GET: [one('to sign in', '/settings/tokens')] },
  'admin/page.tsx': { GET: [one('to operate', '/admin')] },
  'admin/connect/page.tsx': { GET: [one('to operate', '/admin/connect')] },
  'admin/connect/done/page.tsx': { GET: [one('to operate', '/admin/connect/done')] },
  '[owner]/page.tsx': { GET: [one('nothing', '/alice')] },
  '[owner]/feed.atom/route.ts': { GET: [one('nothing', '/alice/feed.atom')] },
  'feed.atom/route.ts': { GET: [one('nothing', '/feed.atom')] },
  'sitemap.xml/route.ts': { GET: [one('nothing', '/sitemap.xml')] },
  'robots.txt/route.ts': { GET: [one('nothing', '/robots.txt')] },
  'healthz/route.ts': { GET: [one('nothing', '/healthz')] },
  'readyz/route.ts': { GET: [one('nothing', '/readyz')] },
  'schemas/[file]/route.ts': { GET: [one('nothing', '/schemas/runway.yml.json')] },
  'login/route.ts': { GET: [one('nothing', '/login')] },
  'login/callback/route.ts': { GET: [one('nothing', '/login/callback')] },
  'logout/route.ts': { POST: [one('nothing', '/logout', { body: wrong })] },
  'api/[...rest]/route.ts': {},

  '[owner]/[model]/page.tsx': {
    GET: [one('to see the model', (m) => `/alice/${m}`), one('to see the model', (m) => `/alice/${m}@1`)],
  },
  '[owner]/[model]/api/page.tsx': {
    GET: [one('to see the model', (m) => `/alice/${m}/api`), one('to see the model', (m) => `/alice/${m}@1/api`)],
  },
  '[owner]/[model]/license/page.tsx': { GET: [one('to see the model', (m) => `/alice/${m}/license`)] },
  '[owner]/[model]/gallery/page.tsx': { GET: [one('to see the model', (m) => `/alice/${m}/gallery`)] },
  // Needs a stored image; `gallery.services.test.ts` asks as everybody.
  '[owner]/[model]/gallery/[file]/route.ts': { GET: [] },
  '[owner]/[model]/source/[[...path]]/page.tsx': {
    GET: [
      one('to see the model', (m) => `/alice/${m}/source`),
      one('to see the model', (m) => `/alice/${m}@1/source/README.md`),
    ],
  },
  '[owner]/[model]/cite/page.tsx': { GET: [one('to see the model', (m) => `/alice/${m}/cite`)] },
  // What one may not see has the picture of what is not there, whoever asks.
  '[owner]/[model]/opengraph-image/route.ts': { GET: [one('nothing', (m) => `/alice/${m}/opengraph-image`)] },
  '[owner]/[model]/cite.bib/route.ts': { GET: [one('to see the model', (m) => `/alice/${m}/cite.bib`)] },
  '[owner]/[model]/feed.atom/route.ts': { GET: [one('to see the model', (m) => `/alice/${m}/feed.atom`)] },
  // A badge of what one may not see says "unknown", whoever asks.
  '[owner]/[model]/badge/[file]/route.ts': { GET: [one('nothing', (m) => `/alice/${m}/badge/status.svg`)] },
  '[owner]/[model]/compare/page.tsx': { GET: [one('to see the model', (m) => `/alice/${m}/compare?from=1&to=2`)] },
  '[owner]/[model]/compare/[range]/page.tsx': {
    GET: [
      one('to see the model', (m) => `/alice/${m}/compare/1...2`),
      one('to see versions', (m) => `/alice/${m}/compare/2...3`),
    ],
  },
  '[owner]/[model]/versions/page.tsx': { GET: [one('to see versions', (m) => `/alice/${m}/versions`)] },
  '[owner]/[model]/deliveries/page.tsx': { GET: [one('to see versions', (m) => `/alice/${m}/deliveries`)] },
  '[owner]/[model]/files/page.tsx': { GET: [one('to see files', (m) => `/alice/${m}/files`)] },
  '[owner]/[model]/files/[...address]/route.ts': {
    GET: [
      one('to see files', (m) => `/alice/${m}/files/free/checkpoint.pth`),
      one('to see files', (m) => `/alice/${m}/files/id/${ids[m]!.file}/checkpoint.pth`),
    ],
  },
  // Leads to whichever model one may see; `files.services.test.ts` asks as everybody.
  'hash/[sha256]/route.ts': { GET: [] },
  '[owner]/[model]/live/route.ts': { GET: [one('to see versions', (m) => `/alice/${m}/live`, { alwaysHides: true })] },
  '[owner]/[model]/build/page.tsx': { GET: [one('to see logs', (m) => `/alice/${m}@3/build`)] },
  '[owner]/[model]/settings/page.tsx': { GET: [one('to publish', (m) => `/alice/${m}/settings`)] },
  '[owner]/[model]/settings/versions/page.tsx': { GET: [one('to publish', (m) => `/alice/${m}/settings/versions`)] },
  '[owner]/[model]/settings/access/page.tsx': { GET: [one('to publish', (m) => `/alice/${m}/settings/access`)] },
  '[owner]/[model]/settings/badges/page.tsx': { GET: [one('to publish', (m) => `/alice/${m}/settings/badges`)] },
  '[owner]/[model]/settings/activity/page.tsx': {
    GET: [one('to see changes', (m) => `/alice/${m}/settings/activity`)],
  },
  '[owner]/[model]/settings/danger/page.tsx': { GET: [one('to own', (m) => `/alice/${m}/settings/danger`)] },

  'api/v1/openapi.json/route.ts': { GET: [one('nothing', '/api/v1/openapi.json')] },
  'api/v1/models/route.ts': {
    GET: [one('nothing', '/api/v1/models')],
    POST: [one('nothing', '/api/v1/models', { body: wrong })],
  },
  'api/v1/tokens/route.ts': {
    GET: [one('to sign in', '/api/v1/tokens')],
    POST: [one('to sign in', '/api/v1/tokens', { body: wrong })],
  },
  'api/v1/tokens/[id]/route.ts': { DELETE: [] },
  'api/v1/deliveries/route.ts': { GET: [one('to see versions', (m) => `/api/v1/deliveries?repository=alice/${m}`)] },
  'api/v1/deliveries/[id]/route.ts': {
    GET: [one('to see versions', (m) => `/api/v1/deliveries/${ids[m]!.delivery}`)],
  },
  'api/v1/deliveries/[id]/redeliver/route.ts': {
    POST: [one('to publish', (m) => `/api/v1/deliveries/${ids[m]!.delivery}/redeliver`, { body: wrong })],
  },
  'api/v1/models/[owner]/[model]/route.ts': {
    GET: [one('to see the model', (m) => `/api/v1/models/alice/${m}`)],
    PATCH: [one('to publish', (m) => `/api/v1/models/alice/${m}`, { body: wrong })],
    // The last of the table: it deletes.
    DELETE: [],
  },
  'api/v1/models/[owner]/[model]/changes/route.ts': {
    GET: [one('to see changes', (m) => `/api/v1/models/alice/${m}/changes`)],
  },
  'api/v1/models/[owner]/[model]/versions/route.ts': {
    GET: [one('to see the model', (m) => `/api/v1/models/alice/${m}/versions`)],
  },
  'api/v1/models/[owner]/[model]/versions/[n]/route.ts': {
    GET: [
      one('to see the model', (m) => `/api/v1/models/alice/${m}/versions/1`),
      one('to see versions', (m) => `/api/v1/models/alice/${m}/versions/3`),
    ],
    PATCH: [one('to publish', (m) => `/api/v1/models/alice/${m}/versions/1`, { body: wrong })],
  },
  'api/v1/models/[owner]/[model]/versions/[n]/rebuild/route.ts': {
    POST: [one('to publish', (m) => `/api/v1/models/alice/${m}/versions/3/rebuild`, { body: wrong })],
  },
  'api/v1/models/[owner]/[model]/versions/[n]/cancel/route.ts': {
    POST: [one('to publish', (m) => `/api/v1/models/alice/${m}/versions/3/cancel`)],
  },
  'api/v1/models/[owner]/[model]/versions/[n]/builds/[target]/log/route.ts': {
    GET: [one('to see logs', (m) => `/api/v1/models/alice/${m}/versions/1/builds/cpu/log`)],
  },
  'api/v1/models/[owner]/[model]/gallery/route.ts': {
    GET: [one('to see the model', (m) => `/api/v1/models/alice/${m}/gallery`)],
    POST: [one('to publish', (m) => `/api/v1/models/alice/${m}/gallery`, { body: wrong })],
    PUT: [one('to publish', (m) => `/api/v1/models/alice/${m}/gallery`, { body: wrong })],
  },
  'api/v1/models/[owner]/[model]/files/route.ts': {
    GET: [one('to see files', (m) => `/api/v1/models/alice/${m}/files`)],
    POST: [one('to publish', (m) => `/api/v1/models/alice/${m}/files`, { body: wrong })],
  },
  'api/v1/models/[owner]/[model]/files/[file]/route.ts': {
    GET: [one('to see files', (m) => `/api/v1/models/alice/${m}/files/${ids[m]!.file}`)],
    PATCH: [one('to publish', (m) => `/api/v1/models/alice/${m}/files/${ids[m]!.file}`, { body: wrong })],
    // Tried at the end: it removes.
    DELETE: [],
  },
  'api/v1/models/[owner]/[model]/files/uploads/route.ts': {
    GET: [one('to publish', (m) => `/api/v1/models/alice/${m}/files/uploads`)],
  },
  'api/v1/models/[owner]/[model]/files/uploads/[upload]/route.ts': {
    GET: [one('to publish', (m) => `/api/v1/models/alice/${m}/files/uploads/${ids[m]!.upload}`)],
    DELETE: [],
  },
  'api/v1/models/[owner]/[model]/files/uploads/[upload]/parts/route.ts': {
    POST: [
      one('to publish', (m) => `/api/v1/models/alice/${m}/files/uploads/${ids[m]!.upload}/parts`, { body: wrong }),
    ],
    PUT: [one('to publish', (m) => `/api/v1/models/alice/${m}/files/uploads/${ids[m]!.upload}/parts`, { body: wrong })],
  },
  'api/v1/models/[owner]/[model]/files/uploads/[upload]/parts/[part]/route.ts': {
    PUT: [one('to publish', (m) => `/api/v1/models/alice/${m}/files/uploads/${ids[m]!.upload}/parts/0`)],
  },
  'api/v1/models/[owner]/[model]/files/uploads/[upload]/complete/route.ts': {
    POST: [
      one('to publish', (m) => `/api/v1/models/alice/${m}/files/uploads/${ids[m]!.upload}/complete`, { body: wrong }),
    ],
  },
  'api/v1/models/[owner]/[model]/default-version/route.ts': {
    GET: [one('to see the model', (m) => `/api/v1/models/alice/${m}/default-version`)],
    PUT: [one('to publish', (m) => `/api/v1/models/alice/${m}/default-version`, { body: wrong })],
  },
  'api/v1/models/[owner]/[model]/compare/[range]/route.ts': {
    GET: [one('to see the model', (m) => `/api/v1/models/alice/${m}/compare/1...2`)],
  },
}

/** Names of one length that are no words of a page; of the last there is no model. */
const names = { public: 'mqpub', unlisted: 'mqunl', private: 'mqprv', missing: 'mqnil' }
/** Words that are in everything that says something of a private model, and nowhere else. */
const canary = 'xylophone-canary'
const folder = fileURLToPath(new URL('../apps/web/src/app/', import.meta.url))

let world: World
let database: Database
let cookies: Record<Role, string>
beforeAll(async () => {
  world = await openWorld({
    apps: allApps.filter(({ name }) => name === 'web' || name === 'local-github'),
    engine: 'none',
    appEnv: { ADMIN_LOGINS: 'alice' },
  })
  database = openDatabase(world.stack.state.database.url, { max: 2 })
  const { url } = world.stack.state.site
  cookies = {
    anonymous: '',
    viewer: await signIn(url, 'vera'),
    publisher: await signIn(url, 'paula'),
    owner: await signIn(url, 'alice'),
    'ex-collaborator': await signIn(url, 'eve'),
  }
  ids = {}
  for (const visibility of visibilities)
    for (const name of [names[visibility], `${names[visibility]}-gone`]) await seedModel(name, visibility)
})
// Rights are believed for five minutes, and there is no repository to ask again about.
beforeEach(async () => void (await database.sql`update model_permissions set checked_at = now()`))
afterAll(async () => {
  await database?.close()
  await world?.stop()
})

async function seedModel(name: string, visibility: Visibility): Promise<void> {
  const { db, sql } = database
  const seed = makeSeed(db)
  const { model } = await seed.model({ name, private: visibility === 'private', summary: `${canary} of ${visibility}` })
  await seed.publishedVersion(model, { readme: `# ${canary}\n` })
  await seed.publishedVersion(model, { subject: 'Add a second command' })
  await seed.failedBuild(model, { step: 'build:2' })
  await sql`update models set visibility = ${visibility === 'unlisted' ? 'unlisted' : 'public'} where id = ${model.id}`
  ids[name] = {
    delivery: await seed.delivery(model, { decision: 'nothing', reason: canary }),
    ...(await seedFiles(model.id)),
  }
  const permissions = { vera: 'read', paula: 'write', alice: 'admin', eve: 'none' } as const
  for (const [login, permission] of Object.entries(permissions)) {
    const user = await db.query.users.findFirst({ where: (t, { eq }) => eq(t.login, login) })
    await seed.permission(user!, model, permission)
  }
}

/** A free file and an upload under way, as rows: what a route says of them needs no bytes. */
async function seedFiles(modelId: string): Promise<{ file: string; upload: string }> {
  const { sql } = database
  const random = randomBytes(32).toString('hex')
  const [blob] = await sql`
    insert into blobs (sha256, bytes, key) values (${random}, 10, ${`files/${random}`}) returning id`
  const [file] = await sql`
    insert into files (model_id, name, description, blob_id, uploaded_by)
    values (${modelId}, 'checkpoint.pth', ${canary}, ${blob!.id}, 'alice') returning id`
  const [upload] = await sql`
    insert into upload_sessions
      (model_id, file_name, bytes, last_modified, fingerprint, part_bytes, key, started_by, expires_at)
    values (${modelId}, 'next.pth', 10, 0, 'none', 16777216, ${`files/next-${random}`}, 'alice', now() + interval '1 day')
    returning id`
  return { file: file!.id, upload: upload!.id }
}

/** Everything that answers: the file of the route, its address with its words in brackets, its methods. */
const routes = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => /(^|\/)(page\.tsx|route\.tsx?)$/.test(file))
  .toSorted()
  .map((file) => ({ file, methods: file.endsWith('page.tsx') ? ['GET'] : methodsOf(file) }))

function methodsOf(file: string): string[] {
  const text = readFileSync(`${folder}${file}`, 'utf8')
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
  return methods.filter((method) =>
    new RegExp(`export (async function|function|const) ${method}\\b|as ${method}\\b`).test(text),
  )
}

function ask(role: Role, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const { url } = world.stack.state.site
  return fetch(`${url}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      cookie: cookies[role],
      origin: url,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  })
}

function outcomeOf(response: Response): Outcome {
  const { status } = response
  if (status === 404) return 'hidden'
  if (status === 403) return 'forbidden'
  if (status === 401) return 'sign in'
  if ([302, 303, 307].includes(status) && /\/login(\?|$)/.test(response.headers.get('location') ?? '')) return 'sign in'
  if (status >= 500) throw new Error(`${response.url} answered ${status}`)
  return 'allowed'
}

it('knows every route and every method', () => {
  expect(Object.keys(table).toSorted()).toEqual(routes.map(({ file }) => file))
  for (const { file, methods } of routes)
    if (file !== 'api/[...rest]/route.ts')
      expect(Object.keys(table[file]!).toSorted(), file).toEqual(methods.toSorted())
})

describe.each(
  Object.entries(table).flatMap(([file, methods]) => Object.keys(methods).map((m) => ({ file, method: m }))),
)('$method $file', ({ file, method }) => {
  it('answers each person as the rules have it', async () => {
    const wrongOnes: string[] = []
    for (const { need, path: pathOf, body, alwaysHides } of table[file]![method]!)
      for (const visibility of visibilities)
        for (const role of roles) {
          // Signing in begins here for everybody, and ends the same way.
          if (file === 'login/route.ts' || file === 'logout/route.ts') continue
          const path = pathOf(names[visibility])
          const response = await ask(role, method, path, body)
          const text = response.headers.get('content-type')?.startsWith('text/event-stream')
            ? ''
            : await response.text()
          if (!text) await response.body?.cancel().catch(() => undefined)
          const got = outcomeOf(response)
          const wanted = expected(need, role, visibility)
          const want = alwaysHides && wanted !== 'allowed' ? 'hidden' : wanted
          if (got !== want) wrongOnes.push(`${path} to ${role}: ${got} (${response.status}), not ${want}`)
          const unseen = visibility === 'private' && (role === 'anonymous' || role === 'ex-collaborator')
          if (unseen && path.includes(names.private) && text.includes(canary))
            wrongOnes.push(`${path} tells ${role} of what is private`)
        }
    expect(wrongOnes).toEqual([])
  })
})

/** An answer without what differs from request to request: nonces, times, ids of requests. */
async function comparable(response: Response, name: string) {
  const headers = [...response.headers].filter(([key]) => !['date', 'content-length', 'etag'].includes(key))
  const plain = (text: string) =>
    text
      .replaceAll(name, 'NAME')
      .replaceAll(/nonce-[\w+/=-]+|nonce="[^"]*"|"nonce":"[^"]*"|\\"nonce\\":\\"[^"]*\\"/g, 'NONCE')
  return JSON.stringify({
    status: response.status,
    headers: headers.map(([key, value]) => `${key}: ${plain(value)}`).toSorted(),
    // A page's parts are written as they become ready, in an order that depends on the moment.
    body: plain(await response.text())
      .split(/\\n|\n/)
      .toSorted(),
  })
}

describe('a private model and one that is not there', () => {
  const ofModels = Object.entries(table).flatMap(([file, methods]) =>
    Object.entries(methods).flatMap(([method, calls]) =>
      calls
        .filter(({ need }) => need.startsWith('to ') && need !== 'to sign in' && need !== 'to operate')
        .filter(({ path }) => safely(path, names.private).includes(`alice/${names.private}`))
        .map((call) => ({ file, method, call, path: safely(call.path, names.private) })),
    ),
  )
  it.each(ofModels)('answer $method $path alike, byte for byte', async ({ method, call }) => {
    for (const role of ['anonymous', 'ex-collaborator'] as const) {
      // The numbers of a page's parts depend on the moment too, so each is asked for until two are alike. A difference in
      // what is said would keep every pair apart.
      const there: string[] = []
      const missing: string[] = []
      const alike = () => there.some((answer) => missing.includes(answer))
      while (!alike() && there.length < 20) {
        there.push(await comparable(await ask(role, method, call.path(names.private), call.body), names.private))
        missing.push(await comparable(await ask(role, method, call.path(names.missing), call.body), names.missing))
      }
      if (!alike()) expect(there.at(-1), role).toEqual(missing.at(-1))
    }
  })
})

/** Paths by ids of seeded rows are not known while tests are collected. */
function safely(path: Call['path'], model: string): string {
  try {
    return path(model)
  } catch {
    return ''
  }
}

describe('other ways to the same page', () => {
  const secret = `/alice/${names.private}`
  it.each([
    ['upper case', `/Alice/${names.private.toUpperCase()}`, {}],
    ['a trailing slash', `${secret}/`, {}],
    ['encoded letters', `/alice/%6d${names.private.slice(1)}`, {}],
    ['an encoded dot', `/alice/%2e/${names.private}`, {}],
    ['.json', `${secret}.json`, {}],
    ['.rsc', `${secret}.rsc`, {}],
    ['_next/data', `/_next/data/build/alice/${names.private}.json`, {}],
    ['a router’s request', `${secret}?_rsc=abc`, { rsc: '1' }],
    ['a prefetch', secret, { rsc: '1', 'next-router-prefetch': '1' }],
    ['a prefetch of a segment', secret, { rsc: '1', 'next-router-segment-prefetch': '/_tree' }],
    [
      'a header that once left the middleware out',
      secret,
      { 'x-middleware-subrequest': 'middleware:middleware:middleware' },
    ],
    ['a method in a header', secret, { 'x-http-method-override': 'GET' }],
    ['a forwarded host', secret, { 'x-forwarded-host': 'alice.example' }],
    ['a rewritten address', '/models', { 'x-original-url': secret, 'x-rewrite-url': secret }],
  ])('%s tell nothing of what is private', async (_what, path, headers) => {
    for (const role of ['anonymous', 'ex-collaborator'] as const)
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST']) {
        const response = await ask(role, method, path, undefined, headers)
        expect(await response.text(), `${method} ${path}`).not.toContain(`${canary} of private`)
        // Next answers `.rsc` with 200 and the same page of nothing, whatever the name.
        if (path.startsWith('/alice') && !path.endsWith('.rsc'))
          expect(response.status, `${method} ${path}`).not.toBe(200)
      }
  })

  it('lists and searches hold nothing of what is private', async () => {
    for (const path of ['/', '/models', '/alice', '/feed.atom', '/alice/feed.atom', '/sitemap.xml', '/api/v1/models']) {
      const text = await (await ask('anonymous', 'GET', path)).text()
      expect(text, path).not.toContain(names.private)
      expect(text, path).not.toContain(`${canary} of private`)
    }
    const answer = await ask('anonymous', 'GET', `/api/v1/models?q=${canary}`)
    const found = (await answer.json()) as { items: { name: string }[] }
    expect(found.items.map(({ name }) => name)).toEqual(expect.arrayContaining([names.public]))
    expect(JSON.stringify(found)).not.toContain(names.private)
    expect(JSON.stringify(found)).not.toContain(names.unlisted)
  })
})

describe('what cannot be tried without doing it', () => {
  it('a model is deleted by its owner alone', async () => {
    for (const visibility of visibilities)
      for (const role of roles.filter((each) => each !== 'owner')) {
        const response = await ask(role, 'DELETE', `/api/v1/models/alice/${names[visibility]}-gone`)
        expect(outcomeOf(response), `${role} ${visibility}`).toBe(expected('to own', role, visibility))
      }
    for (const visibility of visibilities) {
      expect((await ask('owner', 'DELETE', `/api/v1/models/alice/${names[visibility]}-gone`)).status).toBeLessThan(300)
      expect((await ask('owner', 'GET', `/api/v1/models/alice/${names[visibility]}-gone`)).status).toBe(404)
    }
  })

  it('a file is removed, and an upload ended, by publishers alone', async () => {
    // Those who may do it come last.
    for (const what of ['file', 'upload'] as const)
      for (const visibility of visibilities)
        for (const role of ['anonymous', 'viewer', 'ex-collaborator', 'publisher'] as const) {
          const { file, upload } = ids[names[visibility]]!
          const at = what === 'file' ? `files/${file}` : `files/uploads/${upload}`
          const response = await ask(role, 'DELETE', `/api/v1/models/alice/${names[visibility]}/${at}`)
          expect(outcomeOf(response), `${what} ${role} ${visibility}`).toBe(expected('to publish', role, visibility))
        }
  })

  it('a token is revoked by its own person alone', async () => {
    const made = await ask('publisher', 'POST', '/api/v1/tokens', { name: 'mine', scopes: ['read'] })
    const { id } = (await made.json()) as { id: string }
    for (const role of ['anonymous', 'viewer', 'owner'] as const)
      expect([401, 404]).toContain((await ask(role, 'DELETE', `/api/v1/tokens/${id}`)).status)
    expect((await ask('publisher', 'DELETE', `/api/v1/tokens/${nobody}`)).status).toBe(404)
    expect((await ask('publisher', 'DELETE', `/api/v1/tokens/${id}`)).status).toBeLessThan(300)
  })
})
