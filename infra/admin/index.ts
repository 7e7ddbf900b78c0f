/** What an operator can ask for: `npm run --silent admin -- COMMAND ...`. A command is loaded only when it is asked for. */
export const commands: Record<string, () => Promise<(argv: readonly string[]) => Promise<number>>> = {
  lint: async () => (await import('./lint.ts')).lint,
  catalogue: async () => (await import('./catalogue.ts')).catalogue,
  token: async () => (await import('./token.ts')).token,
  prepare: async () => (await import('./prepare.ts')).prepare,
  doctor: async () => (await import('./examine.ts')).doctor,
  'connect-link': async () => (await import('./connect-link.ts')).connectLink,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./restore.ts')).restore,
}

const [name = '', ...argv] = process.argv.slice(2)
if (Object.hasOwn(commands, name)) {
  const command = await commands[name]!()
  process.exitCode = await command(argv).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    return 1
  })
} else {
  console.error(`Usage: npm run --silent admin -- COMMAND ...\nCommands: ${Object.keys(commands).join(', ')}`)
  process.exitCode = 2
}
