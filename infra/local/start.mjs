// `npm start`.
import { bootstrap } from './bootstrap.mjs'
import { runTypeScript } from './run-typescript.mjs'

bootstrap()
process.exitCode = await runTypeScript('infra/local/start.ts', process.argv.slice(2))
