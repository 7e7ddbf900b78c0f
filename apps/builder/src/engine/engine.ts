import { statfs } from 'node:fs/promises'
import Docker from 'dockerode'
import { mayMakeCgroups } from './cgroup-parent.ts'
import type { EngineAbilities } from './held-limits.ts'

/** Where the container engine is and whose objects on it are ours. */
export interface EngineConfig {
  /** Path of the engine's socket on this machine. */
  socketPath: string
  /** A random id of this installation; two installations on one engine never touch each other's objects. */
  installation: string
}

/** A connection to the engine, with the label that every object we make on it carries. */
export interface Engine {
  readonly docker: Docker
  readonly installation: string
}

/** Labels of our containers, networks and images. An empty value means that the label was inherited and says nothing. */
export const labels = {
  installation: 'modelport.installation',
  build: 'modelport.build',
  epoch: 'modelport.epoch',
  purpose: 'modelport.purpose',
  /** The cache scope's hash, on what the engine's own builders make. */
  scope: 'modelport.scope',
} as const

/** What an engine is and which limits of a build it can hold. */
export interface EngineProbe {
  version: string
  apiVersion: string
  runc: string
  containerd: string
  storageDriver: string
  cgroupVersion: string
  /** Folder of the engine's data, with its free bytes and inodes; null where it is not on this machine. */
  dataRoot: { path: string; freeBytes: number; freeInodes: number } | null
  /** True: held by the kernel. `disk` is held by the engine only on xfs with project quotas; else the worker watches it. */
  limits: { memory: boolean; swap: boolean; cpu: boolean; pids: boolean; seccomp: boolean; disk: boolean }
  userNamespaces: boolean
}

/** Opens the engine at a socket; nothing is sent until first use. */
export function openEngine(config: EngineConfig): Engine {
  return { docker: new Docker({ socketPath: config.socketPath }), installation: config.installation }
}

/** Asks the engine what it is and which limits it holds. Throws when it does not answer within 10 seconds. */
export async function probeEngine(engine: Engine): Promise<EngineProbe> {
  const [version, info] = await withDeadline(10_000, Promise.all([engine.docker.version(), engine.docker.info()]))
  const component = (name: string) =>
    version.Components?.find((each: { Name: string; Version: string }) => each.Name === name)?.Version ?? 'unknown'
  const security: string[] = info.SecurityOptions ?? []
  const backing = Object.fromEntries(info.DriverStatus ?? [])['Backing Filesystem']
  return {
    version: version.Version,
    apiVersion: version.ApiVersion,
    runc: component('runc'),
    containerd: component('containerd'),
    storageDriver: info.Driver,
    cgroupVersion: String(info.CgroupVersion ?? '1'),
    dataRoot: await freeSpace(info.DockerRootDir),
    limits: {
      memory: info.MemoryLimit === true,
      swap: info.SwapLimit === true,
      cpu: info.CpuCfsQuota === true,
      pids: info.PidsLimit === true,
      seccomp: security.some((each) => each.startsWith('name=seccomp')),
      disk: info.Driver === 'overlay2' && backing === 'xfs',
    },
    userNamespaces: security.some((each) => each.startsWith('name=userns')),
  }
}

/** What the limits of a build depend on; asked before each build, because an engine may have been started anew. */
export async function engineAbilities(engine: Engine): Promise<EngineAbilities> {
  const info = await engine.docker.info()
  const security: string[] = info.SecurityOptions ?? []
  return {
    memory: info.MemoryLimit === true,
    cpu: info.CpuCfsQuota === true,
    pids: info.PidsLimit === true,
    seccomp: security.some((each) => each.startsWith('name=seccomp')),
    ownCgroups: await mayMakeCgroups(info),
  }
}

/**
 * Lists containers. Engine 20.10 answers 404 for the whole list when one of them is removed while it makes it (by anybody:
 * the engine is shared), so that answer is asked again.
 */
export async function listContainers(
  engine: Engine,
  options: Docker.ContainerListOptions,
): Promise<Docker.ContainerInfo[]> {
  for (let tries = 1; ; tries++) {
    try {
      return await engine.docker.listContainers(options)
    } catch (error) {
      if (engineStatus(error) !== 404 || tries === 5) throw error
    }
  }
}

/** Free bytes and inodes of a folder's file system, or null where this machine does not have it. */
export async function freeSpace(path: string): Promise<{ path: string; freeBytes: number; freeInodes: number } | null> {
  try {
    const disk = await statfs(path)
    return { path, freeBytes: disk.bavail * disk.bsize, freeInodes: disk.ffree }
  } catch {
    return null
  }
}

/** The engine's HTTP status of an error, or null when it did not come from the engine's answers. */
export function engineStatus(error: unknown): number | null {
  const status = (error as { statusCode?: unknown } | null)?.statusCode
  return typeof status === 'number' ? status : null
}

/** Runs a removal; false where there was nothing to remove or something still holds it. Other errors are thrown. */
export async function removing(removal: Promise<unknown>): Promise<boolean> {
  try {
    await removal
    return true
  } catch (error) {
    if ([304, 404, 409].includes(engineStatus(error) ?? 0)) return false
    throw error
  }
}

async function withDeadline<Value>(milliseconds: number, work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The engine did not answer within ${milliseconds} ms.`)), milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
