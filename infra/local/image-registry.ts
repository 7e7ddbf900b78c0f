import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answers, type Child, type ChildHooks, startChild } from './child.ts'
import { findProgram } from './programs.ts'

export interface ImageRegistryOptions {
  home: string
  logs: string
  port: number
  /** Signs the state of uploads, so that they survive a restart. */
  secret: string
  hooks: ChildHooks
}

/** `host` is `host:port` as it stands in an image name; null when images stay in the engine. */
export interface RunningImageRegistry {
  host: string | null
  directory: string | null
  child: Child | null
}

/** Starts Debian's docker-registry on loopback, or says that images stay in the engine. */
export async function startImageRegistry(options: ImageRegistryOptions): Promise<RunningImageRegistry> {
  const program = findProgram('docker-registry')
  if (!program) {
    options.hooks.report.notice(
      'docker-registry is not installed: images stay in the engine and cannot be pulled. On Debian: apt-get install docker-registry',
    )
    return { host: null, directory: null, child: null }
  }
  const host = `127.0.0.1:${options.port}`
  const directory = join(options.home, 'image-registry')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const configFile = join(options.home, 'image-registry.json')
  // The file is YAML to the server, and JSON is YAML in which nothing needs quoting by hand.
  const config = {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: directory }, delete: { enabled: true } },
    http: { addr: host, secret: options.secret },
  }
  writeFileSync(configFile, JSON.stringify(config, null, 2), { mode: 0o600 })
  const child = await startChild(
    {
      name: 'image-registry',
      command: program,
      args: ['serve', configFile],
      cwd: directory,
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8' },
      logFile: join(options.logs, 'image-registry.log'),
      shown: false,
      ready: () => answers(`http://${host}/v2/`),
      readyWithinMs: 30_000,
    },
    options.hooks,
  )
  return { host, directory, child }
}
