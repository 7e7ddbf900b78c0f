import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'

const run = promisify(execFile)

export const exampleNames = ['upper', 'image-filter', 'tiny-network'] as const

export interface PublishExamplesRequest {
  /** The folder that holds one folder per example. */
  folder: string
  localGithubUrl: string
  signal?: AbortSignal
  names?: readonly string[]
}

/** Pushes the example models to the local GitHub as `examples/<name>`; resolves to the names of those that it pushed. */
export async function publishExamples({
  folder,
  localGithubUrl,
  signal,
  names = exampleNames,
}: PublishExamplesRequest): Promise<string[]> {
  const pushed: string[] = []
  for (const name of names) {
    signal?.throwIfAborted()
    const source = join(folder, name)
    if (!existsSync(join(source, 'runway.yml'))) continue
    const target = new URL(`/examples/${name}.git`, localGithubUrl)
    // The local GitHub takes any password.
    target.username = 'examples'
    target.password = 'anything'
    await pushFolder(source, target.href, signal)
    pushed.push(name)
  }
  return pushed
}

/** Whether this database holds no model yet. Asked of the database, since the site does not list every model to everyone. */
export async function hasNoModels(databaseUrl: string): Promise<boolean> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    const [row] = await sql`select exists (select from models) as found`
    return !row!.found
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function pushFolder(source: string, remote: string, signal?: AbortSignal): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'modelport-example-'))
  try {
    cpSync(source, scratch, { recursive: true })
    // What a test expects of an example is no part of it.
    rmSync(join(scratch, 'expected-manifest.json'), { force: true })
    const git = (...args: string[]) =>
      run('git', ['-C', scratch, '-c', 'user.name=Modelport', '-c', 'user.email=examples@modelport.invalid', ...args], {
        signal,
        env: {
          ...process.env,
          // The commit is the same wherever it is made, and nobody's own git settings have a say.
          GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
          GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
          GIT_CONFIG_GLOBAL: '/dev/null',
          GIT_CONFIG_SYSTEM: '/dev/null',
          GIT_TERMINAL_PROMPT: '0',
          // The local GitHub is on this machine.
          NO_PROXY: '127.0.0.1,localhost',
          no_proxy: '127.0.0.1,localhost',
        },
      })
    await git('init', '--quiet', '--initial-branch=main')
    await git('add', '--all')
    await git('commit', '--quiet', '--message', 'Example model')
    await git('push', '--quiet', remote, 'HEAD:main')
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
