import { pathToFileURL } from 'node:url'
import { readConfig } from './config.ts'
import { startLocalS3 } from './server.ts'

export { type LocalS3Config, readConfig } from './config.ts'
export { type LocalS3, startLocalS3 } from './server.ts'

async function main(): Promise<void> {
  const s3 = await startLocalS3(readConfig(process.env))
  console.log(`local S3: ${s3.url}`)
  let closing = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // A second signal does not wait.
      if (closing) process.exit(1)
      closing = true
      s3.close().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error))
    process.exit(1)
  })
}
