import { execFile } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { BlockList, isIPv6 } from 'node:net'
import { promisify } from 'node:util'

/** Where Debian packages come from, for the making of bases and for the `apt` of build steps. */
export interface AptMirror {
  /** Address of the main archive, for example `http://mirror.example/debian`. */
  archive: string
  /** Address of the security archive; null leaves security updates out. */
  security: string | null
  /** apt's proxy on this machine, `http://host:port`, used only while a base is made. */
  proxy: string | null
  /** False where the mirror is a snapshot whose dates have passed; this machine's own apt setting. */
  checkDates: boolean
}

const run = promisify(execFile)
const suites = ['bullseye', 'bookworm', 'trixie', 'forky', 'oldoldstable', 'oldstable', 'stable', 'testing', 'sid']

/**
 * Reads the Debian mirror from this machine's own apt configuration. Throws a sentence that says what to set
 * when the machine has none (it is not a Debian machine).
 */
export async function readMachineMirror(): Promise<AptMirror> {
  // From the configuration alone: an image of ours, for one, has no package lists.
  const targets = await run('apt-get', [
    'indextargets',
    '--no-release-info',
    '--format',
    '$(REPO_URI) $(RELEASE) $(IDENTIFIER)',
  ])
  const settings = await run('apt-config', ['dump'])
  return parseMirror(targets.stdout, settings.stdout)
}

/** Finds the mirror in the output of `apt-get indextargets` (address, release, kind) and `apt-config dump`. */
export function parseMirror(targets: string, settings: string): AptMirror {
  const rows = targets
    .split('\n')
    .map((line) => line.split(' '))
    .filter((row) => row[2] === 'Packages')
  const archive = rows.find((row) => suites.includes(row[1]!))
  const security = rows.find((row) => /^[a-z]+-security$/.test(row[1]!))
  if (!archive) {
    throw new Error('This machine has no Debian package mirror in its apt configuration: set one in the configuration.')
  }
  const setting = (name: string) => settings.match(new RegExp(`^${name} "([^"]*)";`, 'm'))?.[1]
  const proxy = setting('Acquire::http::Proxy')
  return {
    archive: withoutSlash(archive[0]!),
    security: security ? withoutSlash(security[0]!) : null,
    proxy: proxy && proxy !== 'DIRECT' ? proxy : null,
    checkDates: setting('Acquire::Check-Valid-Until') !== 'false',
  }
}

/** The lines of `sources.list` for a Debian suite; CUDA's libraries are in non-free. */
export function sourcesList(mirror: AptMirror, suite: string): string {
  const components = 'main contrib non-free'
  const lines = [`deb ${mirror.archive} ${suite} ${components}`, `deb ${mirror.archive} ${suite}-updates ${components}`]
  if (mirror.security) lines.push(`deb ${mirror.security} ${suite}-security ${components}`)
  return `${lines.join('\n')}\n`
}

/**
 * The mirror's addresses that are not public, as `address/32` or `/128`: the egress proxy must be told of these,
 * or build steps cannot reach the packages that the base's own apt points at.
 */
export async function mirrorNetworks(mirror: AptMirror): Promise<string[]> {
  const hosts = [mirror.archive, mirror.security].flatMap((each) => (each ? [new URL(each).hostname] : []))
  const networks = new Set<string>()
  for (const host of new Set(hosts)) {
    const found = await lookup(host, { all: true }).catch(() => [])
    for (const { address } of found) {
      if (isSpecial(address)) networks.add(`${address}/${isIPv6(address) ? 128 : 32}`)
    }
  }
  return [...networks].sort()
}

// What Python's `is_global` refuses and a mirror can plausibly have (private, shared, documentation, benchmark ranges).
// Loopback and link-local are absent on purpose: inside the proxy's container they are not this machine's mirror.
const special = new BlockList()
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
] as const) {
  special.addSubnet(network, bits)
}
special.addSubnet('fc00::', 7, 'ipv6')
special.addSubnet('2001:db8::', 32, 'ipv6')

function isSpecial(address: string): boolean {
  return special.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, '')
}
