import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { engineSocket, probeEngine } from './engine.ts'
import { leftBehind } from './leftovers.ts'
import { readKeptState } from './local-state.ts'
import { readOwnerOfLock } from './lock.ts'
import { installCommand, missingPackages, type SystemPackage, stackPackages, testPackages } from './packages.ts'
import { portIsFree, portNames, portTable } from './ports.ts'
import { findProgram } from './programs.ts'

/** `fails`: the local stack cannot run. `lacks`: it runs with less. */
export interface Finding {
  what: string
  verdict: 'fine' | 'lacks' | 'fails'
  detail: string
  /** The command that mends it. */
  mend?: string
}

const gibibyte = 1024 ** 3

/** Looks at everything that the local stack needs on this machine. */
export async function examine(env: NodeJS.ProcessEnv, home: string): Promise<Finding[]> {
  return [
    nodeFinding(process.version),
    npmFinding(),
    ...packageFindings(stackPackages.filter(({ name }) => name !== 'docker.io')),
    await engineFinding(env.DOCKER_HOST),
    ...packageFindings(testPackages),
    await diskFinding(home),
    memoryFinding(totalmem(), availableMemory()),
    ...(await portFindings(env, home)),
  ]
}

/** Whether the local stack can run with what was found. */
export function canRun(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict !== 'fails')
}

/** The findings as text: one line each, with the command that mends what is not fine below. */
export function describeFindings(findings: readonly Finding[], verdict = verdictOfMachine(findings)): string {
  const mark = { fine: 'ok   ', lacks: 'lacks', fails: 'FAILS' }
  const lines = findings.map(({ what, verdict, detail, mend }) => {
    const line = `${mark[verdict]}  ${what.padEnd(18)} ${detail}`
    return mend ? `${line}\n       ${''.padEnd(18)} mend: ${mend}` : line
  })
  return `${lines.join('\n')}\n\n${verdict}`
}

function verdictOfMachine(findings: readonly Finding[]): string {
  return canRun(findings)
    ? 'The local stack can run here: npm start'
    : 'The local stack cannot run here until the lines marked FAILS are mended.'
}

function nodeFinding(version: string): Finding {
  const [major, minor] = version.slice(1).split('.').map(Number)
  const good = (major === 20 && minor! >= 20) || major! >= 22
  return {
    what: 'Node',
    verdict: good ? 'fine' : 'fails',
    detail: good ? version : `${version}; 20.20 or newer in the 20 series, or 22 and newer is needed`,
    mend: good ? undefined : 'install Node 22',
  }
}

function npmFinding(): Finding {
  if (!findProgram('npm'))
    return { what: 'npm', verdict: 'fails', detail: 'not installed', mend: 'install Node with npm' }
  return { what: 'npm', verdict: 'fine', detail: execFileSync('npm', ['--version'], { encoding: 'utf8' }).trim() }
}

function packageFindings(packages: readonly SystemPackage[]): Finding[] {
  const missing = new Set(missingPackages(packages))
  return packages.map((item) => {
    if (!missing.has(item)) return { what: item.name, verdict: 'fine', detail: item.why }
    return {
      what: item.name,
      // The local GitHub is part of the stack, and it is git that it serves.
      verdict: item.name === 'git' ? 'fails' : 'lacks',
      detail: `not installed; ${item.why}; without it ${item.without}`,
      mend: installCommand([item]),
    }
  })
}

async function engineFinding(dockerHost?: string): Promise<Finding> {
  const what = 'Docker engine'
  const place = engineSocket(dockerHost)
  if ('problem' in place) return { what, verdict: 'lacks', detail: place.problem, mend: 'unset DOCKER_HOST' }
  const { version, problem, mend } = await probeEngine(place.socket)
  if (version) return { what, verdict: 'fine', detail: `${version} on ${place.socket}` }
  const engine = stackPackages.find(({ name }) => name === 'docker.io')!
  if (!findProgram('dockerd')) {
    return {
      what,
      verdict: 'lacks',
      detail: 'not installed; without it nothing is built',
      mend: installCommand([engine]),
    }
  }
  if (process.getuid?.() === 0) return { what, verdict: 'fine', detail: `${problem}; npm start starts it` }
  return {
    what,
    verdict: 'lacks',
    detail: `${problem}; without it nothing is built`,
    mend,
  }
}

async function diskFinding(home: string): Promise<Finding> {
  let folder = home
  while (!existsSync(folder)) folder = dirname(folder)
  const { bavail, bsize } = await statfs(folder)
  const free = (bavail * bsize) / gibibyte
  const detail = `${free.toFixed(1)} GiB free under ${folder}`
  if (free < 1)
    return {
      what: 'Disk',
      verdict: 'fails',
      detail: `${detail}; at least 1 GiB is needed`,
      mend: 'docker system prune',
    }
  if (free < 10) {
    return {
      what: 'Disk',
      verdict: 'lacks',
      detail: `${detail}; builds of real models need about 10 GiB`,
      mend: 'docker system prune',
    }
  }
  return { what: 'Disk', verdict: 'fine', detail }
}

function memoryFinding(total: number, available: number): Finding {
  const detail = `${(available / gibibyte).toFixed(1)} of ${(total / gibibyte).toFixed(1)} GiB available`
  if (available < 0.75 * gibibyte)
    return { what: 'Memory', verdict: 'fails', detail: `${detail}; the stack alone needs about 0.75 GiB` }
  if (available < 3 * gibibyte)
    return { what: 'Memory', verdict: 'lacks', detail: `${detail}; builds may need 2 GiB beside the stack` }
  return { what: 'Memory', verdict: 'fine', detail }
}

/** What can be had without swapping; `os.freemem` leaves out what the file cache would give back. */
function availableMemory(): number {
  try {
    const found = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))
    return found ? Number(found[1]) * 1024 : freemem()
  } catch {
    return freemem()
  }
}

async function portFindings(env: NodeJS.ProcessEnv, home: string): Promise<Finding[]> {
  const owner = readOwnerOfLock(join(home, 'lock'))
  if (owner !== null) {
    return [{ what: 'Ports', verdict: 'fine', detail: `the local stack of ${home} runs (process ${owner})` }]
  }
  const left = leftBehind(readKeptState(home))
  if (left.length > 0) {
    const detail = `used by what a start that was killed left running (${left.join(', ')}); the next start stops it`
    return [{ what: 'Ports', verdict: 'fine', detail }]
  }
  return Promise.all(
    portNames.map(async (name): Promise<Finding> => {
      const { serves, flag, variable } = portTable[name]
      const port = Number(env[variable] || portTable[name].default)
      const free = await portIsFree(port)
      return {
        what: `Port ${port}`,
        verdict: free ? 'fine' : 'fails',
        detail: free ? `free for ${serves}` : `in use by another program; ${serves} wants it`,
        mend: free ? undefined : `npm start -- ${flag} ${port + 1}`,
      }
    }),
  )
}

/** Looks at this machine, and at the installation that the environment describes or whose local stack runs here. */
async function main(argv: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const repository = resolve(fileURLToPath(import.meta.url), '../../..')
  const home = resolve(env.MODELPORT_HOME || join(repository, '.modelport'))
  const told = argv.length > 0 || Boolean(env.DATABASE_URL && env.GITHUB_APP_ID)
  let code = 0
  if (!told) {
    const findings = await examine(env, home)
    console.log(`${describeFindings(findings)}\n`)
    code = canRun(findings) ? 0 : 1
    if (readOwnerOfLock(join(home, 'lock')) === null) return code
  }
  const { doctor } = await import('../admin/examine.ts')
  return Math.max(code, await doctor(argv))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Not awaited here: what `main` imports imports this file.
  main(process.argv.slice(2), process.env).then(
    (code) => {
      process.exitCode = code
    },
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error)
      process.exitCode = 1
    },
  )
}
