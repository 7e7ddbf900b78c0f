import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { CatalogueEntry } from '@modelport/schema/catalogue'
import { debianBasePackages } from '@modelport/schema/catalogues/debian'
import { type Engine, engineStatus, labels, removing } from '../engine/engine.ts'
import { baseRepository } from '../engine/image-names.ts'
import { entriesOfFolder, hashEntries, sendArchive, type TarEntry, tarOf } from '../engine/normalised-tar.ts'
import { type AptMirror, sourcesList } from './apt-mirror.ts'
import { withFileLock } from './file-lock.ts'

/** What the making of a base needs beside the catalogue's entry. */
export interface BaseOptions {
  mirror: AptMirror
  /** Folder of the Python package that holds `src/` and `build_wheels.py`. */
  sdkDir: string
  /** Folder of lock files, shared by all processes of this machine that make bases. */
  lockDir: string
  /** Folder with `rootfs/` and `take-package-table`; the repository's `infra/bases` by default. */
  recipeDir?: string
  signal?: AbortSignal
  /** One line of progress, without its newline. */
  onProgress?: (line: string) => void
}

/** A base image that lies in the engine. */
export interface BaseImage {
  /** `sha256:...` */
  imageId: string
  /** `modelport-base:<hash of all that went into it>` */
  reference: string
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const defaultRecipe = fileURLToPath(new URL('../../../../infra/bases', import.meta.url))

/**
 * Returns the base image of a Debian entry of the catalogue, making it (about a minute) when the engine lacks it.
 *
 * Three layers, each an image of its own named by the hash of its content: Debian with the core packages (one per
 * suite, slow), the entry's packages, and our own files with the SDK (seconds). So a change of the SDK costs seconds
 * per entry, and a GPU entry costs its own packages only.
 */
export async function ensureBase(engine: Engine, entry: CatalogueEntry, options: BaseOptions): Promise<BaseImage> {
  if (entry.source.kind !== 'debian') throw new Error(`${entry.id} is not made from Debian packages`)
  const recipe = options.recipeDir ?? defaultRecipe
  const { suite } = entry.source
  const core: string[] = [...debianBasePackages]
  const extra = [...new Set(entry.source.packages)].filter((name) => !core.includes(name)).sort()
  const sources = sourcesList(options.mirror, suite)
  const files = await entriesOfFolder(join(recipe, 'rootfs'))

  const takeTable = join(recipe, 'take-package-table')
  const hook = await readFile(takeTable, 'utf8')

  const key = hash('debian', suite, core, sources, options.mirror.checkDates, hook)
  const debian = await ensureLayer(engine, options, key, {
    what: `Debian ${suite} with Python`,
    make: () => makeDebian(engine, { suite, core, sources, takeTable }, options),
  })
  const packages =
    extra.length === 0
      ? debian
      : await ensureLayer(engine, options, hash('packages', debian.reference, extra), {
          what: extra.join(' '),
          make: () => installPackages(engine, debian.imageId, extra, options),
        })
  const sdk = await hashEntries(await sdkEntries(options.sdkDir))
  return await ensureLayer(engine, options, hash('files', packages.reference, await hashEntries(files), sdk), {
    what: 'the SDK and our settings',
    make: () => layFiles(engine, packages.imageId, files, options),
  })
}

async function ensureLayer(
  engine: Engine,
  options: BaseOptions,
  key: string,
  layer: { what: string; make: () => Promise<string> },
): Promise<BaseImage> {
  const reference = `${baseRepository}:${key}`
  const known = await findImage(engine, reference)
  if (known) return { imageId: known, reference }
  const signal = options.signal ?? new AbortController().signal
  return await withFileLock(join(options.lockDir, `base-${key}.lock`), signal, async () => {
    const madeMeanwhile = await findImage(engine, reference)
    if (madeMeanwhile) return { imageId: madeMeanwhile, reference }
    options.onProgress?.(`Making a base image: ${layer.what}`)
    const started = performance.now()
    const imageId = await layer.make()
    await engine.docker.getImage(imageId).tag({ repo: baseRepository, tag: key })
    options.onProgress?.(`Made ${layer.what} in ${Math.round((performance.now() - started) / 1000)} s`)
    return { imageId, reference }
  })
}

/** Runs mmdebstrap and streams its archive into the engine, so that no file of that size lies on this disk. */
async function makeDebian(
  engine: Engine,
  wanted: { suite: string; core: string[]; sources: string; takeTable: string },
  options: BaseOptions,
): Promise<string> {
  const { mirror } = options
  const { suite, core, sources, takeTable } = wanted
  const dates = mirror.checkDates
    ? []
    : ['--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=Acquire::Check-Date "false"']
  const proxy = mirror.proxy ? [`--aptopt=Acquire::http::Proxy "${mirror.proxy}"`] : []
  const excluded = ['man', 'doc', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  const mmdebstrap = spawn(
    'mmdebstrap',
    [
      process.getuid?.() === 0 ? '--mode=root' : '--mode=unshare',
      '--variant=minbase',
      '--format=tar',
      `--include=${core.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      ...dates,
      ...proxy,
      ...excluded,
      // Before the next one, which takes the package lists away.
      `--customize-hook=${takeTable}`,
      '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/hostname "$1"/etc/resolv.conf',
      ...(mirror.checkDates
        ? []
        : [
            '--customize-hook=printf "%s\\n" "Acquire::Check-Valid-Until \\"false\\";" "Acquire::Check-Date \\"false\\";" > "$1"/etc/apt/apt.conf.d/80dates',
          ]),
      suite,
      '-',
      '-',
    ],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, SOURCE_DATE_EPOCH: '1000000000' },
      signal: options.signal,
    },
  )
  mmdebstrap.stdin.end(sources)
  const tail: string[] = []
  createInterface({ input: mmdebstrap.stderr }).on('line', (line) => {
    if (tail.push(line) > 20) tail.shift()
    options.onProgress?.(line)
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    mmdebstrap.once('error', reject)
    mmdebstrap.once('close', resolve)
  })
  ended.catch(() => undefined)
  const answer = await engine.docker.importImage(mmdebstrap.stdout, {
    changes: [
      `ENV PATH=${path}`,
      'CMD ["/bin/sh"]',
      `LABEL ${labels.installation}=${engine.installation} ${labels.purpose}=base`,
    ],
  })
  const imageId = await importedId(answer)
  const code = await ended
  if (code !== 0) {
    await removing(engine.docker.getImage(imageId).remove({ force: true }))
    throw new Error(`mmdebstrap ended with ${code}:\n${tail.join('\n')}`)
  }
  return imageId
}

/** Installs packages in a container of the image below and commits it. These are our own words, so the engine's ordinary network will do. */
function installPackages(engine: Engine, from: string, packages: string[], options: BaseOptions): Promise<string> {
  const proxy = options.mirror.proxy ? ['-o', `Acquire::http::Proxy=${options.mirror.proxy}`] : []
  const script = `set -e
    apt-get "$@" -q update
    apt-get "$@" -q -y --no-install-recommends -o Dpkg::Options::=--path-exclude='/usr/share/doc/*' -o Dpkg::Options::=--path-exclude='/usr/share/man/*' install $PACKAGES
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb`
  return runAndCommit(engine, from, options, {
    command: ['/bin/sh', '-c', script.replace('$PACKAGES', packages.join(' ')), 'sh', ...proxy],
    network: 'bridge',
  })
}

/** Lays the wheels and the files of `rootfs/` over the image below and runs its `setup`. */
async function layFiles(engine: Engine, from: string, files: TarEntry[], options: BaseOptions): Promise<string> {
  const wheels = await mkdtemp(join(tmpdir(), 'modelport-wheels-'))
  try {
    await runHere('python3', [join(options.sdkDir, 'build_wheels.py'), wheels], options.signal)
    const prefix = 'opt/modelport/wheels'
    const laid: TarEntry[] = [
      ...files,
      { type: 'directory', name: prefix },
      ...(await entriesOfFolder(wheels)).map((entry) => ({ ...entry, name: `${prefix}/${entry.name}` })),
    ]
    return await runAndCommit(engine, from, options, {
      command: ['/opt/modelport/setup'],
      network: 'none',
      archive: laid,
    })
  } finally {
    await rm(wheels, { recursive: true, force: true })
  }
}

async function runAndCommit(
  engine: Engine,
  from: string,
  options: BaseOptions,
  work: { command: string[]; network: 'bridge' | 'none'; archive?: TarEntry[] },
): Promise<string> {
  const container = await engine.docker.createContainer({
    Image: from,
    Entrypoint: [],
    Cmd: work.command,
    User: '0',
    Labels: { [labels.installation]: engine.installation, [labels.purpose]: 'base' },
    HostConfig: { NetworkMode: work.network, LogConfig: { Type: 'json-file', Config: { 'max-size': '4m' } } },
  })
  try {
    if (work.archive) {
      await sendArchive(tarOf(work.archive), (archive, abortSignal) =>
        container.putArchive(archive, { path: '/', abortSignal }),
      )
    }
    await container.start()
    const { StatusCode } = await container.wait({ abortSignal: options.signal })
    if (StatusCode !== 0) {
      const said = await container.logs({ stdout: true, stderr: true, tail: 20 })
      throw new Error(`Making a base image failed with ${StatusCode}:\n${said.toString()}`)
    }
    const image = await container.commit({
      _query: { container: container.id, pause: 'false' },
      _body: { Cmd: ['/bin/sh'], Env: [`PATH=${path}`], Labels: { [labels.purpose]: '' } },
    })
    return image.Id
  } finally {
    await removing(container.remove({ force: true, v: true }))
  }
}

/** The id of an image that the engine has under this name, else null. Marks it as used. */
export async function findImage(engine: Engine, reference: string): Promise<string | null> {
  try {
    const image = engine.docker.getImage(reference)
    const { Id, Metadata } = (await image.inspect()) as { Id: string; Metadata?: { LastTagTime?: string } }
    // Naming it again moves the engine's own "last tagged" time, by which the reaper finds bases that nobody uses.
    const usedAt = new Date(Metadata?.LastTagTime ?? 0).getTime()
    const [repo, tag] = reference.split(':') as [string, string]
    if (usedAt < Date.now() - 86_400_000) await image.tag({ repo, tag })
    return Id
  } catch (error) {
    if (engineStatus(error) === 404) return null
    throw error
  }
}

/** Reads the image id out of the engine's answer to an import; an error comes as a line of a 200 answer. */
async function importedId(answer: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of answer) text += chunk
  for (const line of text.split('\n').filter(Boolean)) {
    const said = JSON.parse(line) as { status?: string; error?: string }
    if (said.error) throw new Error(`The engine refused the base image: ${said.error}`)
    if (said.status?.startsWith('sha256:')) return said.status
  }
  throw new Error('The engine did not say which image it made.')
}

/** What of the SDK's folder goes into the wheels: its sources and the script that packs them, not its tests. */
async function sdkEntries(folder: string): Promise<TarEntry[]> {
  const script = await readFile(join(folder, 'build_wheels.py'))
  return [
    ...(await entriesOfFolder(join(folder, 'src'))),
    { type: 'file', name: 'build_wheels.py', executable: false, size: script.length, source: script },
  ]
}

function runHere(command: string, args: string[], signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], signal })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-4000)
    })
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args[0]} ended with ${code}:\n${said}`)),
    )
  })
}

function hash(...parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}
