import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

// Debian keeps servers in sbin, which is not on everyone's PATH.
const alwaysSearched = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** A PATH on which servers find the tools that they call, also when our caller has a short one. */
export function fullPath(path = process.env.PATH ?? ''): string {
  return [path, ...alwaysSearched].join(delimiter)
}

/** The path of an installed program, or null. */
export function findProgram(name: string, path = process.env.PATH ?? ''): string | null {
  for (const folder of fullPath(path).split(delimiter)) {
    if (!folder) continue
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      // Not here; the next folder may have it.
    }
  }
  return null
}
