import { execFile } from 'node:child_process'
import { basename, resolve } from 'node:path'
import { promisify } from 'node:util'
import { readLocalState } from '../local/local-state.ts'
import { localHome } from './home.ts'
import { createToken } from './token.ts'

const run = promisify(execFile)
const owner = 'try'
const usage = 'Usage: npm run try -- PATH [COMMIT]   pushes the git repository at PATH through the running local stack'
/** Minutes after which a build that does not end is given up on. */
const patienceMinutes = 90

interface VersionAnswer {
  number: number
  status: string
  builds: {
    target: string
    status: string
    step: string | null
    failure: { sentence: string; code: string } | null
    durationMs?: number | null
  }[]
  substitutions?: { kind: string; wanted: string; got: string; why: string }[]
}

/** Pushes a repository that lies on this machine as it is, follows its version, and prints how it went. */
async function main(argv: string[]): Promise<number> {
  const [path, commit = 'HEAD'] = argv
  if (!path) {
    console.error(usage)
    return 2
  }
  const state = readLocalState(localHome())
  const source = resolve(path)
  const sha = (
    await run('git', ['-C', source, 'rev-parse', '--verify', '--end-of-options', `${commit}^{commit}`])
  ).stdout.trim()
  const name = basename(source)
    .replace(/\.git$/, '')
    .replace(/^.*\+/, '')
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 90)
  const remote = `${state.localGithub.url.replace('://', `://${owner}:x@`)}/${owner}/${name}.git`
  const env = { ...process.env, GIT_TERMINAL_PROMPT: '0' }
  await run('git', ['-C', source, 'push', '--force', remote, `${sha}:refs/heads/main`], { env })
  console.log(`Pushed ${sha.slice(0, 7)} to ${owner}/${name}.`)
  const bearer = await createToken(state, { login: owner, scopes: ['read'], name: 'npm run try' })
  return follow(
    `${state.site.url}/api/v1/models/${owner}/${name.toLowerCase()}`,
    `${state.site.url}/${owner}/${name.toLowerCase()}`,
    sha,
    bearer,
  )
}

async function follow(api: string, page: string, sha: string, bearer: string): Promise<number> {
  const headers = { authorization: `Bearer ${bearer}` }
  const ask = async <T>(url: string): Promise<T | null> => {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(15_000) }).catch(() => null)
    return response?.ok ? ((await response.json()) as T) : null
  }
  const deadline = Date.now() + patienceMinutes * 60_000
  let told = ''
  for (const started = Date.now(); Date.now() < deadline; await new Promise((r) => setTimeout(r, 1000))) {
    const versions = await ask<{ items: (VersionAnswer & { commit: string })[] }>(`${api}/versions`)
    const version = versions?.items.find((v) => v.commit === sha)
    if (!version) {
      const model = await ask<{ status: string; reason?: string | null }>(api)
      if (model?.status === 'not_configured' && Date.now() - started > 5000) {
        console.log(`Not a model: ${model.reason ?? 'it has no runway.yml.'}`)
        return 1
      }
      continue
    }
    const now = version.builds.map((b) => `${b.target}: ${b.status}${b.step ? ` (${b.step})` : ''}`).join(', ')
    if (now !== told)
      console.log(
        `${Math.round((Date.now() - started) / 1000)} s  version ${version.number} is ${version.status}; ${now}`,
      )
    told = now
    if (!['queued', 'building'].includes(version.status))
      return conclude(await ask<VersionAnswer>(`${api}/versions/${version.number}`), page)
  }
  console.log(`Still not done after ${patienceMinutes} minutes; see ${page}`)
  return 1
}

function conclude(version: VersionAnswer | null, page: string): number {
  if (!version) return 1
  for (const s of version.substitutions ?? []) console.log(`Substituted ${s.kind}: ${s.wanted} → ${s.got} (${s.why})`)
  for (const b of version.builds) if (b.failure) console.log(`${b.target}: ${b.failure.sentence} [${b.failure.code}]`)
  console.log(`${page}@${version.number}`)
  return version.status === 'ready' ? 0 : 1
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  },
)
