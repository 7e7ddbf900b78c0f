import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importedModules } from './imports.ts'

/** A room: a part of the tree, and what its files may import. */
export interface Room {
  name: string
  /** Folders and files below the repository; of two rooms that hold a file, the one with the longer path has it. */
  paths: string[]
  /** Packages from outside. `*` is any; Node's own modules are named by `node:`. */
  packages: string[]
  /** Rooms of ours beside itself. */
  rooms: string[]
}

const anything = ['*', 'node:']
const builderCore = ['builder', 'builder/fail-point']

// Who may import what, as drawn in ARCHITECTURE.md. A room that is not listed here does not exist: a file outside of all
// rooms is an error, so that a new room is a decision.
export const rooms: readonly Room[] = [
  { name: 'schema', paths: ['packages/schema'], packages: ['zod', 'yaml', 'node:'], rooms: [] },
  {
    name: 'db',
    paths: ['packages/db'],
    packages: ['drizzle-orm', 'drizzle-kit', 'postgres', 'node:'],
    rooms: ['schema'],
  },
  { name: 'storage', paths: ['packages/storage'], packages: ['@aws-sdk/*', '@smithy/*', 'node:'], rooms: ['schema'] },

  // Entry, wiring and what all of the builder shares: config, context, log.
  { name: 'builder', paths: ['apps/builder/src'], packages: anything, rooms: ['schema', 'db', 'storage', 'builder/*'] },
  {
    name: 'builder/github',
    paths: ['apps/builder/src/github'],
    packages: ['@octokit/*', 'probot', 'bottleneck', 'zod', 'pino', 'picomatch', 'node:'],
    rooms: [...builderCore, 'builder/build-words', 'schema', 'db'],
  },
  {
    name: 'builder/intake',
    paths: ['apps/builder/src/intake'],
    packages: ['@octokit/*', 'zod', 'pino', 'node:'],
    rooms: [...builderCore, 'builder/github', 'db', 'schema'],
  },
  // Where tests knock a process over; every room of the builder has such places.
  { name: 'builder/fail-point', paths: ['apps/builder/src/fail-point.ts'], packages: ['node:'], rooms: [] },
  // What rooms of the builder say to each other about a build: its errors and its plan.
  {
    name: 'builder/build-words',
    paths: ['apps/builder/src/build/build-error.ts', 'apps/builder/src/build/plan.ts'],
    packages: [],
    rooms: ['schema'],
  },
  {
    name: 'builder/build',
    paths: ['apps/builder/src/build'],
    packages: ['zod', 'tar', 'tar-stream', 'picomatch', 'node:'],
    rooms: [
      'builder/build-words',
      'builder/step',
      'builder/engine',
      'builder/image-registry',
      'builder/bases',
      'storage',
      'schema',
    ],
  },
  {
    name: 'builder/step',
    paths: ['apps/builder/src/build/steps'],
    packages: ['zod', 'tar', 'tar-stream', 'picomatch', 'node:'],
    rooms: [
      'builder/build',
      'builder/build-words',
      'builder/engine',
      'builder/image-registry',
      'builder/bases',
      'storage',
      'schema',
    ],
  },
  {
    name: 'builder/engine',
    paths: ['apps/builder/src/engine'],
    packages: ['dockerode', 'tar', 'tar-stream', 'zod', 'pino', 'protobufjs', 'node:'],
    rooms: ['builder/fail-point', 'builder/build', 'builder/build-words', 'builder/bases', 'schema'],
  },
  {
    name: 'builder/bases',
    paths: ['apps/builder/src/bases'],
    packages: ['dockerode', 'tar', 'tar-stream', 'zod', 'yaml', 'pino', 'node:'],
    rooms: ['builder/build', 'builder/build-words', 'builder/engine', 'schema', 'infra'],
  },
  {
    name: 'builder/image-registry',
    paths: ['apps/builder/src/image-registry'],
    packages: ['dockerode', 'zod', 'pino', 'node:'],
    rooms: ['builder/fail-point', 'builder/build', 'builder/build-words', 'builder/engine', 'schema'],
  },
  {
    name: 'builder/jobs',
    paths: ['apps/builder/src/jobs'],
    packages: ['bullmq', 'ioredis', 'pg', 'pino', 'zod', 'dockerode', 'node:'],
    rooms: ['builder', 'builder/*', 'db', 'storage', 'schema'],
  },

  // Entry and wiring of the site: config, context, instrumentation, proxy.
  { name: 'web', paths: ['apps/web'], packages: anything, rooms: ['web/*', 'db', 'storage', 'schema'] },
  {
    name: 'web/app',
    paths: ['apps/web/src/app'],
    packages: ['next', 'react', 'react-dom', 'zod', 'lucide-react', 'node:'],
    rooms: ['web', 'web/features', 'web/ui', 'web/auth', 'schema'],
  },
  {
    name: 'web/features',
    paths: ['apps/web/src/features'],
    packages: anything,
    rooms: ['web', 'web/ui', 'web/auth', 'db', 'storage', 'schema'],
  },
  { name: 'web/auth', paths: ['apps/web/src/auth'], packages: anything, rooms: ['web', 'web/ui', 'db', 'schema'] },
  {
    name: 'web/ui',
    paths: ['apps/web/src/ui'],
    packages: ['next', 'react', 'react-dom', 'lucide-react', 'anser', 'node:'],
    rooms: ['schema'],
  },

  { name: 'infra', paths: ['infra'], packages: anything, rooms: ['schema', 'db', 'storage', 'builder'] },
  {
    name: 'test',
    paths: ['test', 'vitest.config.ts'],
    packages: anything,
    rooms: ['schema', 'db', 'storage', 'builder', 'infra'],
  },
]

/** Where a package of ours lies, and where its doors lead. */
const ourPackages: Record<string, { folder: string; doors: string }> = {
  '@modelport/schema': { folder: 'packages/schema', doors: 'packages/schema/src' },
  '@modelport/db': { folder: 'packages/db', doors: 'packages/db/src' },
  '@modelport/storage': { folder: 'packages/storage', doors: 'packages/storage/src' },
  '@modelport/builder': { folder: 'apps/builder', doors: 'apps/builder/src' },
  '@modelport/web': { folder: 'apps/web', doors: 'apps/web/src' },
  '@modelport/infra': { folder: 'infra', doors: 'infra' },
  '@modelport/test': { folder: 'test', doors: 'test' },
}

/** Says what is wrong with the imports of one file; `path` is relative to the repository. */
export function checkFile(path: string, source: string, all: readonly Room[] = rooms): string[] {
  const room = roomOf(path, all)
  if (!room) return [`${path}: it is in no room; add one to infra/check/rooms.ts, or move it`]
  const problems: string[] = []
  for (const { specifier, line } of importedModules(source)) {
    const problem = isTest(path) ? checkTestImport(path, specifier) : checkImport({ path, room, specifier, all })
    if (problem) problems.push(`${path}:${line}: ${problem}`)
  }
  return problems
}

interface Import {
  path: string
  room: Room
  specifier: string
  all: readonly Room[]
}

function checkImport({ path, room, specifier, all }: Import): string | null {
  const target = targetOf(path, specifier)
  if (target === null) {
    const name = packageName(specifier)
    return allows(room.packages, name) ? null : `${room.name} may not import the package ${name}`
  }
  const targetRoom = roomOf(target, all)
  if (!targetRoom) return `${specifier} leads into no room`
  const apps = appProblem(path, target)
  if (apps) return apps
  if (!specifier.startsWith('.') || packageFolder(path) === packageFolder(target)) {
    if (targetRoom.name === 'builder/step' && room.name === 'builder/step' && dirname(path) === dirname(target)) {
      return `a step may not import another step (${specifier})`
    }
    const allowed = targetRoom === room || allows(room.rooms, targetRoom.name)
    return allowed ? null : `${room.name} may not import ${targetRoom.name} (${specifier})`
  }
  return `${specifier} climbs into another package; use one of its doors (@modelport/...)`
}

/** A test may open any room of its own app and any package, but no test ties two apps together outside of `test`. */
function checkTestImport(path: string, specifier: string): string | null {
  const target = targetOf(path, specifier)
  return target === null ? null : appProblem(path, target)
}

function appProblem(path: string, target: string): string | null {
  const [from, to] = [appOf(path), appOf(target)]
  return from && to && from !== to ? `an app may not import an app (${from} -> ${to})` : null
}

function appOf(path: string): string | null {
  return /^apps\/[^/]+/.exec(path)?.[0] ?? null
}

/** The path that a specifier leads to, when it leads to a file of ours. */
function targetOf(path: string, specifier: string): string | null {
  if (specifier.startsWith('.')) return normalize(join(dirname(path), specifier))
  // What a package calls its own sources (`imports` in its package.json).
  if (specifier.startsWith('#src/')) return join(packageFolder(path), 'src', specifier.slice('#src/'.length))
  const name = packageName(specifier)
  const ours = ourPackages[name]
  return ours ? join(ours.doors, specifier.slice(name.length)) : null
}

function packageFolder(path: string): string {
  const folders = Object.values(ourPackages).map(({ folder }) => folder)
  return folders.find((folder) => path === folder || path.startsWith(`${folder}/`)) ?? ''
}

function roomOf(path: string, all: readonly Room[]): Room | null {
  let best: { room: Room; length: number } | null = null
  for (const room of all) {
    for (const prefix of room.paths) {
      if ((path === prefix || path.startsWith(`${prefix}/`)) && prefix.length > (best?.length ?? 0)) {
        best = { room, length: prefix.length }
      }
    }
  }
  return best?.room ?? null
}

function packageName(specifier: string): string {
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return 'node:'
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function allows(list: readonly string[], name: string): boolean {
  return list.some(
    (item) =>
      item === name ||
      (item === '*' && name !== 'node:') ||
      (item.endsWith('/*') && name.startsWith(item.slice(0, -1))),
  )
}

/** A test, or a file that only tests use. */
function isTest(path: string): boolean {
  return /(?:\.test|(?:^|[/-])testing|-conformance)\.tsx?$/.test(path)
}

/** The TypeScript files that git knows or would add. */
function sourceFiles(repository: string): string[] {
  const listed = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.ts', '*.tsx'],
    {
      cwd: repository,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  )
  return listed.split('\0').filter((path) => path && !path.endsWith('.d.ts') && !path.startsWith('test/fixtures/'))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const repository = resolve(fileURLToPath(import.meta.url), '../../..')
  const files = sourceFiles(repository)
  const problems = files.flatMap((path) => {
    try {
      return checkFile(path, readFileSync(join(repository, path), 'utf8'))
    } catch (error) {
      // Listed by git, but deleted and not yet committed.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  })
  for (const problem of problems) console.error(problem)
  console.log(`rooms: ${files.length} files, ${problems.length} imports that are not allowed`)
  process.exitCode = problems.length ? 1 : 0
}
