import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A build's own directory on this machine. */
export interface Scratch {
  dir: string
  remove(): Promise<void>
}

/** Makes a directory below `home/scratch` that belongs to one build and epoch. */
export async function openScratch(home: string, buildId: string, epoch: number): Promise<Scratch> {
  const parent = join(home, 'scratch')
  await mkdir(parent, { recursive: true, mode: 0o700 })
  const dir = await mkdtemp(join(parent, `${buildId}-${epoch}-`))
  return { dir, remove: () => rm(dir, { recursive: true, force: true, maxRetries: 3 }) }
}

/** Removes the directories of builds that `isLive` does not know and that are older than `graceMs`. Returns how many. */
export async function sweepScratch(
  home: string,
  isLive: (buildId: string, epoch: number) => Promise<boolean>,
  graceMs: number,
): Promise<number> {
  const parent = join(home, 'scratch')
  const names = await readdir(parent).catch(() => [])
  let removed = 0
  for (const name of names) {
    const found = /^([0-9a-f-]{36})-(\d+)-/.exec(name)
    if (found && (await isLive(found[1]!, Number(found[2])))) continue
    const age = await stat(join(parent, name)).then(
      (s) => Date.now() - s.mtimeMs,
      () => 0,
    )
    if (age < graceMs) continue
    await rm(join(parent, name), { recursive: true, force: true })
    removed++
  }
  return removed
}
