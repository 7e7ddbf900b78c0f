import { access, constants, mkdir, readdir, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

// The classic builder passes a step no process limit, but takes the name of a parent cgroup, and a limit that stands
// there counts for the step. Set after the engine has made the cgroup it comes too late, so the worker makes it first.
// That needs root in the engine's own cgroup tree: version 1 with the driver `cgroupfs`, on the same machine.
const cgroups = '/sys/fs/cgroup'

/** A cgroup of ours with a limit in it. */
export interface CgroupParent {
  /** The engine's word for it, for `cgroupparent`. */
  name: string
  /** Takes it away, when nothing runs in it any more. */
  close(): Promise<void>
}

/** Whether this process may make cgroups in which an engine with this answer would run its containers. */
export async function mayMakeCgroups(info: { CgroupVersion?: string; CgroupDriver?: string }): Promise<boolean> {
  if ((info.CgroupVersion ?? '1') !== '1' || info.CgroupDriver !== 'cgroupfs') return false
  // Root's rights do not ask the mode of a folder; whether the tree is mounted for writing is seen by `access` only.
  return await access(join(cgroups, 'pids'), constants.W_OK).then(
    () => true,
    () => false,
  )
}

/**
 * Makes a parent cgroup that holds at most this many processes; `name` is `<prefix of the installation>-<chance>`. `running` is any container that runs on the engine:
 * where it is not seen in this machine's tree, the engine is elsewhere, and a limit set here would hold nothing.
 */
export async function makeCgroupParent(name: string, pids: number, running: string): Promise<CgroupParent> {
  const seen = await access(join(cgroups, 'pids/docker', running)).then(
    () => true,
    () => false,
  )
  if (!seen) throw new Error("The engine's containers are not in this machine's cgroup tree.")
  await removeOld(name.slice(0, name.lastIndexOf('-') + 1))
  const folder = join(cgroups, 'pids', name)
  await mkdir(folder)
  await writeFile(join(folder, 'pids.max'), String(pids))
  return {
    name: `/${name}`,
    async close() {
      // The engine made it in every other hierarchy, and leaves it there.
      for (const hierarchy of await readdir(cgroups)) await removeFolder(join(cgroups, hierarchy, name))
    },
  }
}

/** Takes away what workers left that were killed; no build takes a day. A cgroup with a process in it cannot be removed. */
async function removeOld(prefix: string): Promise<void> {
  for (const hierarchy of await readdir(cgroups)) {
    for (const name of await readdir(join(cgroups, hierarchy)).catch(() => [])) {
      if (!name.startsWith(prefix)) continue
      const path = join(cgroups, hierarchy, name)
      const made = await stat(path).catch(() => null)
      if (made && made.mtimeMs < Date.now() - 86_400_000) await rmdir(path).catch(() => undefined)
    }
  }
}

/** A cgroup is busy for a moment after its last process went. */
async function removeFolder(path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await rmdir(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') return
      if (code !== 'EBUSY' || attempt >= 20) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
