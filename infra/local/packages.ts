import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { LogFile } from './log-file.ts'
import { findProgram } from './programs.ts'
import type { Report } from './report.ts'
import { StackError } from './stack-error.ts'

/** A Debian package that we use: what shows that it is here, and what it is for. */
export interface SystemPackage {
  name: string
  /** A program, or the path of a file or folder. */
  shownBy: string
  /** Packages that come with it, since we install without recommendations. */
  with?: string[]
  why: string
  /** What is lost without it. */
  without: string
}

/** What the local stack uses beyond Node. */
export const stackPackages: readonly SystemPackage[] = [
  { name: 'git', shownBy: 'git', why: 'the local GitHub keeps real repositories', without: 'nothing can be pushed' },
  {
    name: 'docker.io',
    shownBy: 'dockerd',
    // The firewall rules of networks; certificates for pulling images.
    with: ['iptables', 'ca-certificates'],
    why: 'builds and inspects images',
    without: 'nothing is built',
  },
  {
    name: 'docker-registry',
    shownBy: 'docker-registry',
    why: 'the image registry',
    without: 'images cannot be pulled',
  },
  {
    name: 'redis-server',
    shownBy: 'redis-server',
    why: 'carries the jobs',
    without: 'PostgreSQL carries them, slower',
  },
  { name: 'mmdebstrap', shownBy: 'mmdebstrap', why: 'makes the base images', without: 'no base image can be made' },
]

/** What the tests use beyond that. */
export const testPackages: readonly SystemPackage[] = [
  { name: 'chromium', shownBy: 'chromium', why: 'the browser of the end-to-end tests', without: 'those tests fail' },
  {
    name: 'python3',
    shownBy: '/usr/bin/python3',
    why: 'runs the tests of the Python SDK',
    without: 'those tests fail',
  },
  {
    name: 'python3-numpy',
    shownBy: '/usr/lib/python3/dist-packages/numpy',
    why: 'arrays in the tests of the Python SDK',
    without: 'some of those tests are skipped',
  },
  {
    name: 'python3-pil',
    shownBy: '/usr/lib/python3/dist-packages/PIL',
    why: 'images in the tests of the Python SDK',
    without: 'some of those tests are skipped',
  },
  {
    name: 'python3-mypy',
    shownBy: '/usr/lib/python3/dist-packages/mypy',
    why: 'holds the types of the Python SDK to what they say',
    without: 'that test is skipped',
  },
]

/** What the bench of the SDK needs: the server that ours is held against, and images. */
export const sdkBenchPackages: readonly SystemPackage[] = [
  ...testPackages.filter(({ name }) => name.startsWith('python3')),
  ...['flask', 'gevent'].map((name) => ({
    name: `python3-${name}`,
    shownBy: `/usr/lib/python3/dist-packages/${name}`,
    why: 'the server that the SDK’s is held against',
    without: 'there is nothing to compare with',
  })),
]

/** Debian's own Python, which has Debian's numpy and Pillow; another one first on the PATH may not. */
export const debianPython = () => (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3')

/** The packages of this list that are not on this machine. */
export function missingPackages(wanted: readonly SystemPackage[]): SystemPackage[] {
  return wanted.filter(({ shownBy }) =>
    shownBy.startsWith('/') ? !existsSync(shownBy) : findProgram(shownBy) === null,
  )
}

/** Whether we may install packages here: root on a system with apt. */
export function mayInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && findProgram('apt-get') !== null
}

/** The command that installs these packages, for a person to type. */
export function installCommand(packages: readonly SystemPackage[]): string {
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  return `${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends ${aptNames(packages).join(' ')}`
}

/** Installs what is missing as root on Debian, telling what and why; elsewhere tells the command. Never ends a start: each part says what it lacks. */
export async function installMissing(wanted: readonly SystemPackage[], report: Report, logFile: string): Promise<void> {
  const missing = missingPackages(wanted)
  if (missing.length === 0) return
  const list = missing.map(({ name, why }) => `${name} (${why})`).join(', ')
  if (!mayInstall()) {
    const losses = missing.map(({ name, without }) => `without ${name} ${without}`).join('; ')
    report.notice(`Not installed: ${list}; ${losses}. Install with: ${installCommand(missing)}`)
    return
  }
  report.notice(`Installing Debian packages: ${list}`)
  await report.step('Debian packages', async (say) => {
    const log = new LogFile(logFile)
    try {
      await apt(['update'], log)
      await apt(['install', '-y', '--no-install-recommends', ...aptNames(missing)], log)
      say(missing.map(({ name }) => name).join(', '))
    } catch (error) {
      if (!(error instanceof StackError)) throw error
      report.notice(`${error.message} Its log is ${logFile}; by hand: ${installCommand(missing)}`)
    } finally {
      log.close()
    }
  })
}

function aptNames(packages: readonly SystemPackage[]): string[] {
  return packages.flatMap((item) => [item.name, ...(item.with ?? [])])
}

function apt(args: string[], log: LogFile): Promise<void> {
  return new Promise((done, fail) => {
    // Another apt may run on a fresh machine (unattended upgrades): wait for its lock.
    const child = spawn('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A Ctrl-C must not stop dpkg half way through a package.
      detached: true,
    })
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (text: Buffer) => log.write(text.toString().trimEnd()))
    }
    child.once('error', fail)
    child.once('close', (code) => {
      if (code === 0) done()
      else fail(new StackError(`"apt-get ${args[0]}" failed with exit code ${code}.`))
    })
  })
}
