/**
 * Runs once when the server starts: a wrong environment, or a port that is taken, ends it with a sentence before anybody is
 * served.
 */
export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs' || process.env.NEXT_PHASE === 'phase-production-build') return
  const { readConfig, readImageDoor } = await import('#src/config.ts')
  try {
    readConfig(process.env)
    const door = readImageDoor(process.env)
    if (door) {
      const { openImageDoor } = await import('#src/features/images/image-door.ts')
      await openImageDoor(door)
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
}
