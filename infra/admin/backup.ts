import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { openS3Storage } from '@modelport/storage/s3-storage'
import { takeBackup } from './backup/take-backup.ts'
import { type Installation, readInstallation } from './installation.ts'

/** `admin -- backup DIR` copies the database and the object store into a new folder, while everything runs. */
export async function backup(argv: readonly string[]): Promise<number> {
  const { positionals } = parseArgs({ args: [...argv], allowPositionals: true })
  if (positionals.length !== 1) {
    console.error('Usage: npm run --silent admin -- backup DIR')
    return 2
  }
  const { databaseUrl, storage } = readInstallation()
  const objects = openObjects(storage)
  try {
    const folder = resolve(positionals[0]!)
    const manifest = await takeBackup(databaseUrl, objects, folder)
    const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0)
    console.log(
      `${folder}: ${rows} rows of ${manifest.tables.length} tables, ${manifest.objects?.count ?? 'no'} objects, as of ${manifest.takenAt}.`,
    )
    return 0
  } finally {
    objects?.close()
  }
}

/** The object store as this machine reaches it: what it signs is for us, not for a browser. */
export function openObjects(storage: Installation['storage']) {
  return storage && openS3Storage({ ...storage.config, publicEndpoint: storage.config.endpoint }, storage.secrets)
}
