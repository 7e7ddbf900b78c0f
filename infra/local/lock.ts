import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { processIdentity } from './process-identity.ts'
import { StackError } from './stack-error.ts'

export interface Lock {
  release(): void
}

interface Holder {
  pid: number
  identity: string | null
}

/** Takes the lock file for this process; a lock whose holder died is taken over, a live holder is a `StackError`. */
export function takeLock(file: string, wants: string): Lock {
  const own: Holder = { pid: process.pid, identity: processIdentity(process.pid) }
  const draft = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`
  writeFileSync(draft, JSON.stringify(own), { mode: 0o600 })
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        // A link appears with its content or not at all, unlike a file that is created and then written.
        linkSync(draft, file)
        return { release: () => releaseLock(file, own) }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const holder = readHolder(file)
      if (holder && isAlive(holder)) {
        throw new StackError(
          `${wants} is already in use by process ${holder.pid}. Stop that one first (Ctrl-C in its terminal, or: kill ${holder.pid}).`,
        )
      }
      discardStaleLock(file, holder)
    }
    throw new StackError(`${wants}: the lock file ${file} changes hands too fast; try again.`)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** The pid of the live process that holds this lock, or null. */
export function readOwnerOfLock(file: string): number | null {
  const holder = readHolder(file)
  return holder && isAlive(holder) ? holder.pid : null
}

function isAlive({ pid, identity }: Holder): boolean {
  return identity !== null && processIdentity(pid) === identity
}

function releaseLock(file: string, own: Holder): void {
  const holder = readHolder(file)
  if (holder?.pid === own.pid && holder.identity === own.identity) rmSync(file, { force: true })
}

function readHolder(file: string): Holder | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch {
    return null
  }
}

/** Two starters may find the same stale lock: only the one that moves it away may go on, and it puts back a lock that is not stale. */
function discardStaleLock(file: string, stale: Holder | null): void {
  const aside = `${file}.stale.${process.pid}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = readHolder(aside)
  if (JSON.stringify(moved) !== JSON.stringify(stale)) {
    try {
      linkSync(aside, file)
    } catch {
      // A third starter took it in between; it then holds the lock and the next attempt says so.
    }
  }
  rmSync(aside, { force: true })
}
