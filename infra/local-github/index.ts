import { pathToFileURL } from 'node:url'
import { readConfig } from './config.ts'
import { startLocalGithub } from './server.ts'

export { readConfig } from './config.ts'
export { startLocalGithub } from './server.ts'

async function main(): Promise<void> {
  const config = readConfig(process.env)
  const github = await startLocalGithub(config)
  if (!/^(?:127\.|::1$|localhost$)/.test(config.host)) {
    console.warn(
      `local github: whoever reaches ${config.host} can read and change every repository here; no password is checked`,
    )
  }
  console.log(`local github: ${github.url}`)
  let closing = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // A second signal does not wait.
      if (closing) process.exit(1)
      closing = true
      github.close().then(
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
