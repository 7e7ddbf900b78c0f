import { benchDirectory } from './directory.ts'
import { benchFiles } from './files.ts'
import { benchLog } from './log.ts'
import { benchPages } from './pages.ts'
import { benchPipeline } from './pipeline.ts'
import { benchQueue } from './queue.ts'
import { benchSdk } from './sdk.ts'
import { benchWebhooks } from './webhooks.ts'

// `npm run bench -- NAME`: what things cost, each beside a baseline that runs in the same minutes on the same machine.
const benches: Record<string, () => Promise<void>> = {
  webhooks: benchWebhooks,
  pipeline: benchPipeline,
  queue: benchQueue,
  sdk: benchSdk,
  files: benchFiles,
  pages: benchPages,
  log: benchLog,
  directory: () => benchDirectory(process.argv.slice(3)),
}

const bench = benches[process.argv[2] ?? '']
if (!bench) {
  console.error(`Usage: npm run bench -- ${Object.keys(benches).join('|')}`)
  process.exit(2)
}
await bench()
process.exit(0)
