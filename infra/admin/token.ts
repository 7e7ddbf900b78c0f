import { parseArgs } from 'node:util'
import { openDatabase } from '@modelport/db/client'
import { createApiToken, syncUser, type TokenScope, tokenScopes } from '@modelport/db/queries/people'
import { z } from 'zod'
import { type LocalState, readLocalState } from '../local/local-state.ts'
import { localHome } from './home.ts'

const usage = `Usage: npm run --silent admin -- token create --login NAME [--scopes ${tokenScopes.join(',')}] [--name TEXT]`

const Account = z.object({
  id: z.number().int(),
  login: z.string(),
  name: z.string().nullish(),
  avatar_url: z.string().nullish(),
})

/** `admin -- token create --login alice` prints a new API token of that person, and nothing else on stdout. */
export async function token(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { login: { type: 'string' }, scopes: { type: 'string' }, name: { type: 'string' } },
  })
  if (positionals[0] !== 'create' || !values.login) {
    console.error(usage)
    return 2
  }
  const scopes = values.scopes ? values.scopes.split(',') : [...tokenScopes]
  const unknown = scopes.find((scope) => !(tokenScopes as readonly string[]).includes(scope))
  if (unknown) {
    console.error(`There is no scope “${unknown}”.\n${usage}`)
    return 2
  }
  const name = values.name ?? 'made with npm run admin'
  console.log(
    await createToken(readLocalState(localHome()), { login: values.login, scopes: scopes as TokenScope[], name }),
  )
  return 0
}

/** Makes an API token of a GitHub account on the running local stack. Throws when GitHub has no such account. */
export async function createToken(
  state: LocalState,
  wanted: { login: string; scopes: TokenScope[]; name: string },
): Promise<string> {
  const account = await findAccount(state, wanted.login)
  if (!account) throw new Error(`GitHub has no account ${wanted.login}.`)
  const database = openDatabase(state.database.url, { max: 1, name: 'modelport-admin' })
  try {
    const user = await syncUser(database.db, account)
    const { secret } = await createApiToken(database.db, user.id, wanted)
    return secret
  } finally {
    await database.close()
  }
}

/** The account as GitHub has it. The local GitHub makes an account that it lacks: nobody signs up there. */
async function findAccount(state: LocalState, login: string): Promise<z.infer<typeof Account> | null> {
  const api = state.localGithub.apiUrl
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${api}${path}`, { ...init, signal: AbortSignal.timeout(10_000) })
  let found = await ask(`/users/${encodeURIComponent(login)}`)
  if (found.status === 404) {
    const headers = { 'content-type': 'application/json' }
    await ask('/admin/users', { method: 'POST', headers, body: JSON.stringify({ login }) })
    found = await ask(`/users/${encodeURIComponent(login)}`)
  }
  return found.ok ? Account.parse(await found.json()) : null
}
