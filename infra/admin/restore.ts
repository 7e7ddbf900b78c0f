import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { restoreBackup } from './backup/restore-backup.ts'
import { openObjects } from './backup.ts'
import { readInstallation } from './installation.ts'

/** `admin -- restore DIR [--force]` puts the database and the object store back to what a backup holds. */
export async function restore(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { force: { type: 'boolean', default: false } },
  })
  if (positionals.length !== 1) {
    console.error('Usage: npm run --silent admin -- restore DIR [--force]')
    return 2
  }
  const { databaseUrl, storage } = readInstallation()
  const objects = openObjects(storage)
  try {
    const { manifest, newerObjects } = await restoreBackup(databaseUrl, objects, resolve(positionals[0]!), values)
    console.log(`Restored what was there at ${manifest.takenAt}. Start web, receiver and worker again.`)
    if (newerObjects > 0)
      console.log(
        `${newerObjects} objects in the store are not in this backup: they were stored after it was taken, and no row names them.`,
      )
    return 0
  } finally {
    objects?.close()
  }
}
