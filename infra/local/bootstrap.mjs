// The first thing that runs on a fresh clone, before any dependency exists: plain JavaScript on Node's own modules.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = resolve(fileURLToPath(import.meta.url), '../../..')

/** Says why this Node version cannot run Modelport, or null when it can. */
export function nodeProblem(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number)
  if ((major === 20 && minor >= 20) || major >= 22) return null
  return `Modelport needs Node 20.20 or newer in the 20 series, or Node 22 and newer; this is ${version}. Install a newer one and try again.`
}

/** Whether `npm install` has to run: node_modules is missing, or was made from another package-lock.json. */
export function installIsDue(root) {
  const stamp = join(root, 'node_modules/.modelport-installed')
  return !existsSync(stamp) || readFileSync(stamp, 'utf8') !== lockHash(root)
}

/** Makes the checkout ready to run TypeScript: checks Node and installs the npm packages when they are not those of the lock file. */
export function bootstrap({ quiet = false } = {}) {
  const problem = nodeProblem(process.version)
  if (problem) {
    console.error(problem)
    process.exit(1)
  }
  if (!installIsDue(repository)) {
    if (!quiet) console.log(`Node ${process.version}, npm packages up to date`)
    return
  }
  console.log('Installing the npm packages (about a minute on a first run) ...')
  const started = Date.now()
  // Not `npm ci`: with npm 11 it refuses a lock file that lists the binaries of one platform only (npm/cli 9846).
  const install = spawnSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: repository, stdio: 'inherit' })
  if (install.error || install.status !== 0) {
    const why = install.error ? install.error.message : `exit code ${install.status}`
    console.error(`"npm install" failed (${why}). Its own words are above; try again when they are mended.`)
    process.exit(1)
  }
  writeFileSync(join(repository, 'node_modules/.modelport-installed'), lockHash(repository))
  console.log(`npm packages installed in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

function lockHash(root) {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  bootstrap({ quiet: process.argv.includes('--quiet') })
}
