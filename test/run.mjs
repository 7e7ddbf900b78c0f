// `npm test` and `npm run check`.
import { bootstrap } from '../infra/local/bootstrap.mjs'
import { runTypeScript } from '../infra/local/run-typescript.mjs'

bootstrap()
process.exitCode = await runTypeScript('test/run.ts', process.argv.slice(2))
