/** Runs once when the server starts: a wrong environment ends it with a sentence, before anybody is served. */
export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs' || process.env.NEXT_PHASE === 'phase-production-build') return
  const { readConfig } = await import('#src/config.ts')
  try {
    readConfig(process.env)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
}
