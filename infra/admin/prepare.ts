import { migrate } from '@modelport/db/migrate'
import { prepareBucket } from '@modelport/storage/prepare-bucket'
import { readInstallation } from './installation.ts'

/** `admin -- prepare` brings the database to this release's schema, and the bucket to its settings. Run it before the processes of a release; again does no harm. */
export async function prepare(): Promise<number> {
  const { databaseUrl, storage, siteUrl } = readInstallation()
  await migrate(databaseUrl)
  console.log('The database has the schema of this release.')
  if (storage) {
    const { bucket } = storage.config
    await prepareBucket(storage.config, storage.secrets, [new URL(siteUrl).origin])
    console.log(`The bucket ${bucket} takes uploads from ${new URL(siteUrl).origin}.`)
  }
  return 0
}
